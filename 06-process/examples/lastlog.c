/* SPDX-License-Identifier: MIT
 *
 * lastlog.c - tail's output becomes the client's while it comes, so nothing of
 * it is kept here, however much that is.
 */
#include "examples/lastlog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/text.h"

static struct transport *client_of(const struct lastlog *self)
{
    return self->client->base.transport;
}

/* Its pipes are closed as well: one who was started by a tail of another kind,
 * and holds them, would delay process_ended, which is what ends it for us. */
static void end_tail(void *argument)
{
    struct lastlog *self = argument;

    process_signal(self->tail, "KILL");
    process_lose_connection(self->tail);
}

/* Waits for tail to say something; without memory for that, not at all. */
static void wait_for_tail(struct lastlog *self)
{
    if (delayed_call_reset(&self->patience, LASTLOG_SECONDS) < 0 &&
        reactor_call_later(client_of(self)->reactor, &self->patience,
                           LASTLOG_SECONDS, end_tail, self) < 0)
        end_tail(self);
}

/* --- what tail prints --- */

/* Passes on a piece, however it is cut: whether a line is a heading is known
 * when its second byte is there, and so one "=" may have to be kept back. */
static void out_received(struct process_protocol *base, const char *data,
                         size_t length)
{
    struct lastlog *self = base->owner;
    const char *end = data + length;

    wait_for_tail(self); /* it was not silent: the time begins anew */
    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        const char *stop = newline ? newline + 1 : end;
        if (self->state <= ONE_EQUALS_SIGN && *data == '=') {
            self->state++; /* the second one makes it a heading */
            data++;
            continue;
        }
        if (self->state == ONE_EQUALS_SIGN) /* it was part of the line */
            transport_write_text(client_of(self), "=");
        if (self->state != IN_HEADING)
            transport_write(client_of(self), data, (size_t)(stop - data));
        if (newline)
            self->state = LINE_START;
        else if (self->state != IN_HEADING)
            self->state = IN_LINE;
        data = stop;
    }
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

/* tail writes one sentence in many pieces; it is logged when it is whole, or
 * too long to be kept. */
static void err_received(struct process_protocol *base, const char *data,
                         size_t length)
{
    struct lastlog *self = base->owner;

    /* Without memory a piece of the sentence is missing in the log. */
    buffer_append(&self->complaint, data, length);
    if (buffer_length(&self->complaint) > LASTLOG_COMPLAINT_MAX)
        log_complaint(self);
}

/* --- the end --- */

/* A few bytes ask for many, so a client that does not read stops tail, which
 * then waits in its own write; that is no silence of the file's. */
static void write_watermark_changed(void *argument)
{
    struct lastlog *self = argument;

    if (self->tail && self->write_watermark.full) {
        process_pause_producing(self->tail);
        delayed_call_cancel(&self->patience);
    } else if (self->tail) {
        process_resume_producing(self->tail);
        wait_for_tail(self);
    }
}

/* All that tail has printed is there by now: process_exited would be too early,
 * for there may be output left in the pipe. The client's next line may be
 * delivered in here, and that may be another `lastlog`. */
static void process_ended(struct process_protocol *base, struct failure reason)
{
    struct lastlog *self = base->owner;
    char text[FAILURE_TEXT_MAX];

    if (!self) /* the client has gone */
        return;
    log_complaint(self);
    if (process_exit_code(reason) != 0)
        log_message("%s", process_reason_text(reason, text));
    self->tail = NULL;
    delayed_call_cancel(&self->patience);
    /* The last line of a file need not have a newline; in the answer it has. */
    if (self->state == ONE_EQUALS_SIGN)
        transport_write_text(client_of(self), "=");
    if (self->state == ONE_EQUALS_SIGN || self->state == IN_LINE)
        transport_write_text(client_of(self), "\n");
    transport_write_text(client_of(self), "End lastlog\n");
    transport_unregister_producer(client_of(self));
    /* The lines that have come meanwhile are the client's doing, not tail's. */
    struct running before =
        reactor_enter(client_of(self)->reactor, self->asked);
    line_receiver_resume(self->client);
    reactor_enter(client_of(self)->reactor, before);
}

static const struct process_protocol_class TailProtocol = {
    .name = "TailProtocol",
    .size = sizeof(struct process_protocol),
    .out_received = out_received,
    .err_received = err_received,
    .process_ended = process_ended,
};

/* --- the command --- */

/* "--", because the path is not to be taken for an option. tail is found in our
 * PATH, and its environment is empty: its words are English everywhere. */
void lastlog_start(struct lastlog *self)
{
    const char *const arguments[] = {
        "tail", "-n", "10", "--", self->path, NULL
    };
    const struct process_options options = { .arguments = arguments,
                                             .owner = self };
    char text[FAILURE_TEXT_MAX];

    self->tail = reactor_spawn_process(client_of(self)->reactor, &TailProtocol,
                                       "tail", &options);
    if (!self->tail) { /* as Python words it */
        snprintf(text, sizeof(text),
                 "An error occured : [Errno %d] %s: 'tail'\n", errno,
                 strerror(errno));
        transport_write_text(client_of(self), text);
        return;
    }
    self->asked = reactor_running_now(client_of(self)->reactor);
    self->state = LINE_START;
    line_receiver_pause(self->client);
    write_watermark_watch(&self->write_watermark, client_of(self),
                          write_watermark_changed, self);
    transport_write_text(client_of(self), "Begin lastlog\n");
    wait_for_tail(self);
}

/* The process outlives this; it must not find us any more. */
void lastlog_cancel(struct lastlog *self)
{
    buffer_clear(&self->complaint);
    if (!self->tail)
        return;
    delayed_call_cancel(&self->patience);
    process_get_protocol(self->tail)->owner = NULL;
    end_tail(self);
}
