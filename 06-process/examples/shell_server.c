/* SPDX-License-Identifier: MIT
 *
 * shell_server - runs each line of a client in a shell and sends what it
 * prints, with the length first: "Ready|LENGTH", a pause until the client says
 * "start", and then exactly LENGTH bytes. With --stream both outputs of the
 * command are handed on as they come, and nothing else.
 *
 * A client has one command at a time; its next line waits, for the end of the
 * command and until what was sent has been read. The command of a client that
 * has gone is ended.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "framing/sequential_line_receiver.h"
#include "process/command.h"
#include "program/endpoint.h"
#include "stream/tcp_options.h"

struct shell_factory {
    struct factory base;
    bool stream;
};

struct shell_client {
    struct sequential_line_receiver base;
    struct deferred_group running; /* the command that is collected */
    struct process *stream;        /* the one that is handed on, or NULL */
    struct buffer *answer;         /* waits for "start", or NULL */
    size_t said;                   /* bytes of "start" that have come */
    bool refused;                  /* they said another word */
};

static struct transport *transport_of(const struct shell_client *self)
{
    return self->base.base.base.transport;
}

/* --- an answer with its length --- */

/* The command has ended, its output is here. From now on what the client sends
 * is raw: "start" need not be a line. */
static struct result answered(struct result result, void *argument)
{
    struct shell_client *self = argument;
    char header[32];

    if (result.kind == RESULT_FAILURE) { /* it has gone, or no memory */
        transport_abort_connection(transport_of(self));
        return result_value(NULL);
    }
    self->answer = result.value;
    self->said = 0;
    snprintf(header, sizeof(header), "Ready|%zu", buffer_length(self->answer));
    transport_write_text(transport_of(self), header);
    line_receiver_set_raw_mode(&self->base.base);
    sequential_line_receiver_end(&self->base);
    return result_value(NULL);
}

/* Begins before the callback is added: a command that could not be run has
 * fired already, and `answered` ends it in there. */
static void run(struct shell_client *self, const char *line, size_t length)
{
    struct deferred *deferred =
        command_run(transport_of(self)->reactor, line, length);

    if (!deferred) {
        transport_abort_connection(transport_of(self));
        return;
    }
    sequential_line_receiver_begin(&self->base);
    deferred_add_both(deferred, answered, self);
    deferred_group_add(&self->running, deferred);
}

/* "start", in any pieces, whatever is glued to it; or another word, up to the
 * end of its line, and the client gets no output. */
static void raw_data_received(struct line_receiver *base, const char *data,
                              size_t length)
{
    static const char start[] = "start";
    struct shell_client *self = (struct shell_client *)base;
    const struct buffer *answer = self->answer;
    size_t used = 0;

    while (used < length && start[self->said] &&
           data[used] == start[self->said])
        self->said++, used++;
    bool whole = !start[self->said];
    if (!whole && used == length) /* there is more to come */
        return;
    if (whole)
        transport_write(base->base.transport, buffer_data(answer),
                        buffer_length(answer));
    command_free_answer(self->answer);
    self->answer = NULL;
    self->refused = !whole;
    line_receiver_set_line_mode(base, length - used);
}

/* --- output as it comes --- */

/* The client is there: with it the command's pipes are closed. */
static void output_received(struct process_protocol *base, int number,
                            const char *data, size_t length)
{
    struct shell_client *self = base->owner;

    (void)number;
    sequential_line_receiver_write(&self->base, data, length);
}

static void process_ended(struct process_protocol *base, struct failure reason)
{
    struct shell_client *self = base->owner;

    (void)reason;
    if (!self) /* the client has gone: see connection_lost */
        return;
    self->stream = NULL;
    sequential_line_receiver_end(&self->base);
}

static const struct process_protocol_class StreamProtocol = {
    .name = "StreamProtocol",
    .size = sizeof(struct process_protocol),
    .child_data_received = output_received,
    .process_ended = process_ended,
};

static void stream(struct shell_client *self, const char *line, size_t length)
{
    char text[COMMAND_TEXT_MAX];

    self->stream = command_spawn(transport_of(self)->reactor, &StreamProtocol,
                                 line, length, self);
    if (self->stream)
        sequential_line_receiver_begin(&self->base);
    else
        transport_write_text(transport_of(self), command_explain(errno, text));
}

/* When the client does not keep up, the command's pipe fills, and the command
 * waits in its own write: the client has stopped it, and not us. */
static void write_watermark_changed(struct sequential_line_receiver *base,
                                    bool full)
{
    struct shell_client *self = (struct shell_client *)base;

    if (self->stream && full)
        process_pause_producing(self->stream);
    else if (self->stream)
        process_resume_producing(self->stream);
}

/* --- the client --- */

static void line_received(struct line_receiver *base, const char *line,
                          size_t length)
{
    struct shell_client *self = (struct shell_client *)base;
    const struct shell_factory *factory =
        (const struct shell_factory *)base->base.factory;

    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (self->refused)
        self->refused = false;
    else if (length > 0 && factory->stream)
        stream(self, line, length);
    else if (length > 0) /* or it was the newline of a "start" */
        run(self, line, length);
}

static void connection_made(struct protocol *base)
{
    /* Output does not wait until the output before is acknowledged. */
    tcp_options_set_no_delay(base->transport, true);
    sequential_line_receiver_connection_made(base);
}

/* No command outlives its client: with `yes` it would run for ever. */
static void connection_lost(struct protocol *base, struct failure reason)
{
    struct shell_client *self = (struct shell_client *)base;

    sequential_line_receiver_connection_lost(base, reason);
    command_free_answer(self->answer);
    deferred_group_cancel(&self->running);
    if (self->stream) {
        process_get_protocol(self->stream)->owner = NULL;
        command_end(self->stream);
    }
}

static const struct sequential_line_receiver_class ShellServer = {
    .base =
        {
            .base =
                {
                    .name = "ShellServer",
                    .size = sizeof(struct shell_client),
                    .connection_made = connection_made,
                    .data_received = line_receiver_data_received,
                    .read_connection_lost = sequential_line_receiver_read_connection_lost,
                    .connection_lost = connection_lost,
                },
            .delimiter = "\n",
            .line_received = line_received,
            .raw_data_received = raw_data_received,
        },
    .write_watermark_changed = write_watermark_changed,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9001, .about = "runs shell commands." };
    struct shell_factory factory = {
        .base = { .name = "ShellFactory", .protocol = &ShellServer.base.base },
    };
    const struct option extra[] = {
        { "--stream", NULL, OPTION_SWITCH, &factory.stream, 0 },
        { 0 },
    };

    options_server(&options, extra, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    endpoint_listen_tcp(&options, reactor, &factory.base);
    return endpoint_run(&options, reactor);
}
