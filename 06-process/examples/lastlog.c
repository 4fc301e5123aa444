/* SPDX-License-Identifier: MIT */
#include "examples/lastlog.h"
#include "net/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct transport *client_of(const struct lastlog *self)
{
    return self->client->base.transport;
}

/* --- what tail prints --- */

/* Keeps a piece of a line, or what there is room for. */
static void keep(struct lastlog *self, const char *data, size_t length)
{
    if (length > LASTLOG_LINE_MAX - self->column)
        length = LASTLOG_LINE_MAX - self->column;
    self->column += length;
    if (buffer_append(&self->text, data, length) < 0)
        transport_abort_connection(client_of(self));
}

static void end_line(struct lastlog *self)
{
    self->column = 0;
    if (buffer_append(&self->text, "\n", 1) < 0)
        transport_abort_connection(client_of(self));
}

/* However it is cut: lines end where there is a newline, and tail prints no
 * more than ten. */
static void out_received(struct process_protocol *base, const char *data,
                         size_t length)
{
    struct lastlog *self = base->owner;
    const char *end = data + length, *newline;

    if (!self) /* the client has gone */
        return;
    while ((newline = memchr(data, '\n', (size_t)(end - data)))) {
        keep(self, data, (size_t)(newline - data));
        end_line(self);
        data = newline + 1;
    }
    keep(self, data, (size_t)(end - data));
}

/* tail writes one sentence in many pieces; it is logged when it is whole. */
static void err_received(struct process_protocol *base, const char *data,
                         size_t length)
{
    struct lastlog *self = base->owner;

    if (self && buffer_length(&self->complaint) + length <= LASTLOG_LINE_MAX)
        buffer_append(&self->complaint, data, length);
}

/* For whoever looks after the server. */
static void log_complaint(struct lastlog *self)
{
    const char *data = buffer_data(&self->complaint);
    size_t length = buffer_length(&self->complaint);
    char text[LOG_TEXT_MAX];

    if (length == 0)
        return;
    length -= data[length - 1] == '\n';
    log_message("%s", text_escape(data, length, text, sizeof(text), TEXT_LOG));
    buffer_clear(&self->complaint);
}

/* --- what the client gets --- */

static void write_lines(struct transport *client, const struct buffer *text)
{
    size_t left = buffer_length(text), length;
    const char *line = buffer_data(text), *newline;

    transport_write_text(client, "Begin lastlog\n");
    /* Without memory for its newline the last line has none. */
    while (left > 0 && (newline = memchr(line, '\n', left))) {
        length = (size_t)(newline - line) + 1;
        if (length < 2 || memcmp(line, "==", 2))
            transport_write(client, line, length);
        line += length;
        left -= length;
    }
    transport_write_text(client, "End lastlog\n");
}

/* The lines that have come meanwhile are the client's doing, not tail's. */
static void go_on(struct lastlog *self)
{
    struct log_system before = log_enter(self->asked);

    write_watermark_ignore(&self->write_watermark);
    line_receiver_resume(self->client);
    log_enter(before);
}

static void write_watermark_changed(void *argument)
{
    struct lastlog *self = argument;

    if (!self->write_watermark.full)
        go_on(self);
}

/* A few bytes ask for many, so a client that asks and does not read is not
 * answered again before it has read. */
static void answer(struct lastlog *self)
{
    struct transport *client = client_of(self);

    write_watermark_watch(&self->write_watermark, client,
                          write_watermark_changed, self);
    write_lines(client, &self->text);
    buffer_clear(&self->text);
    if (!self->write_watermark.full)
        go_on(self);
}

static void process_ended(struct process_protocol *base, struct failure reason)
{
    struct lastlog *self = base->owner;
    char text[FAILURE_TEXT_MAX];

    if (!self)
        return;
    log_complaint(self);
    if (process_exit_code(reason) != 0)
        log_message("%s", process_reason_text(reason, text));
    self->tail = NULL;
    delayed_call_cancel(&self->patience);
    if (self->column > 0)
        end_line(self);
    answer(self);
}

static const struct process_protocol_class TailProtocol = {
    .name = "TailProtocol",
    .size = sizeof(struct process_protocol),
    .out_received = out_received,
    .err_received = err_received,
    .process_ended = process_ended,
};

/* --- the command --- */

static void end_tail(void *argument)
{
    struct lastlog *self = argument;

    process_signal(self->tail, "KILL");
    process_lose_connection(self->tail);
}

/* As Python words it. */
static void no_tail(struct lastlog *self, int error)
{
    char text[FAILURE_TEXT_MAX];

    snprintf(text, sizeof(text), "An error occured : [Errno %d] %s: 'tail'\n",
             error, strerror(error));
    transport_write_text(client_of(self), text);
}

void lastlog_start(struct lastlog *self)
{
    const char *const arguments[] = {
        "tail", "-n", "10", "--", self->path, NULL
    };
    const struct process_options options = { .arguments = arguments,
                                             .owner = self };

    self->tail =
        reactor_spawn_process(self->reactor, &TailProtocol, "tail", &options);
    if (!self->tail) {
        no_tail(self, errno);
        return;
    }
    self->asked = log_running();
    line_receiver_pause(self->client);
    if (reactor_call_later(self->reactor, &self->patience, LASTLOG_SECONDS,
                           end_tail, self) < 0)
        end_tail(self);
}

/* The process outlives this; it must not find us any more. */
void lastlog_cancel(struct lastlog *self)
{
    buffer_clear(&self->text);
    buffer_clear(&self->complaint);
    if (!self->tail)
        return;
    delayed_call_cancel(&self->patience);
    process_get_protocol(self->tail)->owner = NULL;
    end_tail(self);
}
