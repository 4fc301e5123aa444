/* SPDX-License-Identifier: MIT
 *
 * echo_server - readers and writers by hand: two kinds of descriptor, each
 * with its own do_read, and a loop that neither of them can see.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/buffer.h"
#include "program/endpoint.h"
#include "reactor/reactor.h"
#include "reactor/trace.h"

enum {
    BACKLOG = 50,
    ACCEPTS_MAX = 100 /* clients accepted in one turn */
};

/* Seconds until accept is tried again when no descriptor is left. */
static const double accept_retry = 1.0;

struct echo_listener {
    struct descriptor base;
    struct reactor *reactor;
    struct delayed_call retry;
};

struct echo_connection {
    struct descriptor base;
    struct reactor *reactor;
    bool ended;           /* it said all it has to say */
    struct buffer output; /* what the client has not taken yet */
};

static int connection_do_read(struct descriptor *base)
{
    struct echo_connection *self = (struct echo_connection *)base;

    ssize_t length = buffer_receive(&self->output, base->fd);
    if (length < 0)
        return errno == EAGAIN ? REASON_NONE : errno;
    self->ended = length == 0;
    if (self->ended && buffer_length(&self->output) == 0)
        return REASON_DONE;
    /* A client that sends and never reads costs one full buffer. */
    if (self->ended || buffer_room(&self->output) == 0)
        reactor_remove_reader(self->reactor, base);
    reactor_add_writer(self->reactor, base);
    return REASON_NONE;
}

static int connection_do_write(struct descriptor *base)
{
    struct echo_connection *self = (struct echo_connection *)base;

    if (buffer_send(&self->output, base->fd) < 0)
        return errno == EAGAIN ? REASON_NONE : errno;
    if (buffer_length(&self->output) == 0) {
        if (self->ended)
            return REASON_DONE;
        reactor_remove_writer(self->reactor, base);
    }
    if (!self->ended)
        reactor_add_reader(self->reactor, base);
    return REASON_NONE;
}

static void connection_dispose(struct descriptor *base)
{
    free(base);
}

static const struct descriptor_class EchoConnection = {
    .name = "EchoConnection",
    .do_read = connection_do_read,
    .do_write = connection_do_write,
    .dispose = connection_dispose,
};

static void listen_again(void *argument)
{
    struct echo_listener *self = argument;

    reactor_add_reader(self->reactor, &self->base);
}

/* Makes a connection of an accepted descriptor, or closes it. */
static void accept_connection(struct reactor *reactor, int fd)
{
    struct echo_connection *self = malloc(sizeof(*self));

    if (!self) {
        close(fd);
        return;
    }
    self->base = (struct descriptor){ .class = &EchoConnection, .fd = fd };
    self->reactor = reactor;
    self->output.in = self->output.out = 0;
    self->ended = false;
    if (reactor_add_reader(reactor, &self->base) < 0)
        reactor_disconnect(reactor, &self->base, errno);
}

static int listener_do_read(struct descriptor *base)
{
    struct echo_listener *self = (struct echo_listener *)base;

    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = net_accept(base->fd, NULL, NET_NONBLOCKING);
        if (fd >= 0) {
            trace("  accept: a client is %d", fd);
            accept_connection(self->reactor, fd);
            continue;
        }
        if (errno == EAGAIN)
            break;
        /* The client still waits, so the listener stays readable: without a
         * pause the loop would do nothing but try again. */
        if (reactor_call_later(self->reactor, &self->retry, accept_retry,
                               listen_again, self) == 0)
            reactor_remove_reader(self->reactor, base);
        break;
    }
    return REASON_NONE;
}

static const struct descriptor_class EchoListener = {
    .name = "EchoListener",
    .do_read = listener_do_read,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 8000,
                               .about = "sends back what comes." };

    options_server(&options, NULL, argc, argv);
    struct reactor *reactor = reactor_new(options.reactor);
    if (!reactor)
        return options_failed(&options, "reactor", strerror(errno));
    int fd = endpoint_listen_tcp(&options, BACKLOG, NET_NONBLOCKING);
    if (fd < 0) {
        reactor_free(reactor);
        return 1;
    }
    struct echo_listener listener = {
        .base = { .class = &EchoListener, .fd = fd },
        .reactor = reactor,
    };
    int failed = reactor_add_reader(reactor, &listener.base) < 0 ||
                 reactor_run(reactor) < 0;
    if (failed)
        options_failed(&options, "reactor", strerror(errno));
    reactor_free(reactor);
    return failed;
}
