/* SPDX-License-Identifier: MIT
 *
 * keyboard.c - a connection over a copy of standard input, with a line receiver
 * as its protocol. Every way out ends in `leave`, or in keyboard_close; the
 * memory stays valid until the turn is over, as that of every protocol.
 */
#include "program/keyboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "framing/line_receiver.h"
#include "stream/connection.h"

struct keyboard {
    struct line_receiver base;
    struct connection *connection; /* the framework's, like this struct */
    const char *prompt;            /* the user's: it must outlive us */
    void (*line_received)(void *argument, const char *line, size_t length);
    void (*closed)(void *argument, int error); /* NULL: nobody listens now */
    void *argument;
};

/* Prints the prompt. Whoever can be shown nothing has left: then this returns
 * false, and the end of the connection will tell. */
static bool ask(struct keyboard *self)
{
    fputs(self->prompt, stdout);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    keyboard_pause(self);
    connection_disconnect(self->connection, REASON_DONE);
    return false;
}

/* Closed first, which clears self->closed: so it is called once, whatever else
 * ends in the same turn. */
static void leave(struct keyboard *self, int error)
{
    void (*closed)(void *, int) = self->closed;

    keyboard_close(self);
    if (closed)
        closed(self->argument, error);
}

/* line_received may pause or close the keyboard: `paused` is asked after it,
 * and whoever has paused wants to see no prompt. */
static void take_line(struct line_receiver *base, const char *line,
                      size_t length)
{
    struct keyboard *self = (struct keyboard *)base;

    /* A file of Windows, or a terminal over telnet, ends its lines in CR LF. */
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length == 4 && !memcmp(line, "exit", 4))
        leave(self, 0);
    else if (length > 0)
        self->line_received(self->argument, line, length);
    if (!self->base.input.paused)
        ask(self);
}

/* Where the next line begins nobody knows, so there is no going on. */
static void take_no_line(struct line_receiver *base, const char *data,
                         size_t length)
{
    (void)data, (void)length;
    leave((struct keyboard *)base, EMSGSIZE);
}

/* The end of a file or a pipe, or control-D, is as good as a last line "exit":
 * it waits with those before it, if one of them has us paused. */
static void read_connection_lost(struct protocol *base)
{
    struct keyboard *self = (struct keyboard *)base;

    if (isatty(STDIN_FILENO)) /* control-D leaves us behind the prompt */
        putchar('\n');
    /* The last line counts without a newline, too. */
    if (buffer_length(&self->base.input.kept) > 0)
        line_receiver_data_received(base, "\n", 1);
    line_receiver_data_received(base, "exit\n", 5);
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    /* It is aborted when there is no memory to keep what was typed. */
    /* Calls nobody after another `leave`, or after keyboard_close. */
    leave((struct keyboard *)base,
          failure_check(reason, &ConnectionAborted) ? ENOMEM : reason.number);
    line_receiver_connection_lost(base, reason);
}

static const struct line_receiver_class Keyboard = {
    .base =
        {
            .name = "Keyboard",
            .size = sizeof(struct keyboard),
            .data_received = line_receiver_data_received,
            .read_connection_lost = read_connection_lost,
            .connection_lost = connection_lost,
        },
    .delimiter = "\n",
    .max_length = KEYBOARD_LINE_MAX,
    .line_received = take_line,
    .line_length_exceeded = take_no_line,
};

struct keyboard *keyboard_open(struct reactor *reactor, const char *prompt,
                               void (*line_received)(void *, const char *,
                                                     size_t),
                               void (*closed)(void *, int), void *argument)
{
    /* A copy, because whoever owns a connection closes its descriptor, and the
     * next one to be opened must not become standard input. Not O_NONBLOCK: it
     * would hold for the open file, and so for the shell that shares it. */
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    struct protocol *protocol = protocol_new(&Keyboard.base);
    struct keyboard *self = (struct keyboard *)protocol;

    if (fd < 0 || !self ||
        !(self->connection = connection_new(reactor, fd, NULL))) {
        int error = errno; /* close may set another, EBADF for -1 */
        close(fd);
        free(protocol);
        errno = error;
        return NULL;
    }
    self->prompt = prompt;
    self->line_received = line_received;
    self->closed = closed;
    self->argument = argument;
    connection_start(self->connection, protocol);
    keyboard_pause(self); /* no line before the first prompt */
    return self;
}

void keyboard_pause(struct keyboard *self)
{
    line_receiver_pause(&self->base);
}

/* Twice is once, or there would be two prompts. But where standard output has
 * failed meanwhile, `ask` must be reached all the same: it finds out, and then
 * the user has left. */
void keyboard_resume(struct keyboard *self)
{
    if (!self->closed || (!self->base.input.paused && !ferror(stdout)))
        return;
    /* In the middle of a line take_line will ask, when that is dealt with. */
    if (!self->base.input.delivering && !ask(self))
        return;
    /* Lines that wait are delivered in this call, before it returns. */
    line_receiver_resume(&self->base);
}

/* Not transport_lose_connection, which would end the stream of whoever writes
 * to the same socket, if standard input is one. */
void keyboard_close(struct keyboard *self)
{
    self->closed = NULL;
    keyboard_pause(self);
    connection_disconnect(self->connection, REASON_DONE);
}
