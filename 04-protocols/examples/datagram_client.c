/* SPDX-License-Identifier: MIT */
#include "examples/datagram_client.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program/endpoint.h"

/* Seconds to wait for an answer. */
enum { ANSWER_TIMEOUT = 3 };

static void leave(struct datagram_client *self)
{
    if (self->keyboard)
        keyboard_close(self->keyboard);
    self->keyboard = NULL;
    reactor_stop(self->reactor);
}

/* The first reason counts. */
static void fail(struct datagram_client *self, const char *why)
{
    if (self->status == 0)
        self->status = options_failed(self->options, self->server, why);
    leave(self);
}

static void timed_out(void *self)
{
    fail(self, "timed out, no answer");
}

/* Python's strip: moves `text` past leading white space. Returns the length
 * without it and without what trails. */
static size_t strip(const char **text, size_t length)
{
    while (length > 0 && isspace((unsigned char)(*text)[length - 1]))
        length--;
    while (length > 0 && isspace((unsigned char)**text)) {
        (*text)++;
        length--;
    }
    return length;
}

static void line_typed(void *argument, const char *line, size_t length)
{
    struct datagram_client *self = argument;

    if (self->strips)
        length = strip(&line, length);
    if (length == 0)
        return;
    if (length == 4 && !memcmp(line, "exit", length)) {
        leave(self);
        return;
    }
    keyboard_pause(self->keyboard);
    if (udp_port_write(self->base.transport, line, length, NULL) < 0 ||
        reactor_call_later(self->reactor, &self->timeout, ANSWER_TIMEOUT,
                           timed_out, self) < 0)
        fail(self, strerror(errno));
}

static void keyboard_closed(void *argument, int error)
{
    struct datagram_client *self = argument;

    self->keyboard = NULL;
    if (error)
        self->status =
            options_failed(self->options, "standard input", strerror(error));
    leave(self);
}

static void datagram_received(struct datagram_protocol *base, const char *data,
                              size_t length, const struct address *from)
{
    struct datagram_client *self = (struct datagram_client *)base;

    self->print(data, length, from);
    delayed_call_cancel(&self->timeout);
    if (self->keyboard)
        keyboard_resume(self->keyboard);
}

static void connection_refused(struct datagram_protocol *base)
{
    fail((struct datagram_client *)base, strerror(ECONNREFUSED));
}

const struct datagram_protocol_class DatagramClient = {
    .name = "DatagramClient",
    .datagram_received = datagram_received,
    .connection_refused = connection_refused,
};

int datagram_client_run(struct datagram_client *self)
{
    self->keyboard = keyboard_open(self->reactor, self->prompt, line_typed,
                                   keyboard_closed, self);
    if (!self->keyboard) {
        options_failed(self->options, "standard input", strerror(errno));
        reactor_free(self->reactor);
        return EXIT_FAILURE;
    }
    keyboard_resume(self->keyboard);
    int status = endpoint_run(self->options, self->reactor);
    return status ? status : self->status;
}
