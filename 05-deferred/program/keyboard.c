/* SPDX-License-Identifier: MIT */
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
    struct connection *connection;
    const char *prompt;
    void (*line_received)(void *argument, const char *line, size_t length);
    void (*closed)(void *argument, int error); /* NULL: nobody listens now */
    void *argument;
    bool ended; /* nothing more will be typed */
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

static void leave(struct keyboard *self, int error)
{
    void (*closed)(void *, int) = self->closed;

    keyboard_close(self);
    if (closed)
        closed(self->argument, error);
}

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

static void take_no_line(struct line_receiver *base, const char *data,
                         size_t length)
{
    (void)data, (void)length;
    leave((struct keyboard *)base, EMSGSIZE);
}

/* At the end of the input, once all that was typed has been heard. */
static void leave_if_done(struct keyboard *self)
{
    if (!self->ended || self->base.input.paused)
        return;
    if (isatty(STDIN_FILENO)) /* or the shell's prompt would follow ours */
        putchar('\n');
    leave(self, 0);
}

static void read_connection_lost(struct protocol *base)
{
    struct keyboard *self = (struct keyboard *)base;

    self->ended = true;
    /* The last line counts without a newline, too. */
    if (buffer_length(&self->base.input.kept) > 0)
        line_receiver_data_received(base, "\n", 1);
    leave_if_done(self);
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    /* It is aborted when there is no memory to keep what was typed. */
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
     * next one to be opened must not become standard input. */
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    struct protocol *protocol = protocol_new(&Keyboard.base);
    struct keyboard *self = (struct keyboard *)protocol;

    if (fd < 0 || !self ||
        !(self->connection = connection_new(reactor, fd, NULL))) {
        int error = errno;
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
    keyboard_pause(self);
    return self;
}

void keyboard_pause(struct keyboard *self)
{
    line_receiver_pause(&self->base);
}

void keyboard_resume(struct keyboard *self)
{
    bool busy = self->base.input.delivering; /* then take_line will ask */

    if (!self->closed || (!self->base.input.paused && !ferror(stdout)))
        return;
    if (!busy && !ask(self))
        return;
    line_receiver_resume(&self->base);
    if (!busy)
        leave_if_done(self);
}

/* Not transport_lose_connection, which would end the stream of whoever writes
 * to the same socket, if standard input is one. */
void keyboard_close(struct keyboard *self)
{
    self->closed = NULL;
    keyboard_pause(self);
    connection_disconnect(self->connection, REASON_DONE);
}
