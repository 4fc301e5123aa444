/* SPDX-License-Identifier: MIT */
#include "http/http_channel.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/html.h"
#include "net/text.h"
#include "protocol/log.h"
#include "stream/tcp_options.h"

static struct transport *transport_of(const struct http_channel *self)
{
    return self->base.base.transport;
}

static struct http_factory *factory_of(const struct http_channel *self)
{
    return (struct http_factory *)self->base.base.factory;
}

/* Ends the connection when all that is owed has been sent. */
static void hang_up(struct http_channel *self)
{
    transport_unregister_producer(transport_of(self)); /* wait for nobody */
    transport_lose_connection(transport_of(self));
}

/* A client that takes nothing of what it is owed for so long is gone, or wants
 * to keep our descriptors and our memory: nobody else would ever notice. */
static void out_of_patience(void *argument)
{
    struct http_channel *self = argument;
    int64_t before = self->owed;

    self->owed = (int64_t)transport_queued(transport_of(self)) +
                 (self->file < 0 ? 0 : self->sender.left);
    if (self->owed == 0 && self->file < 0)
        hang_up(self);
    else if (self->owed >= before)
        transport_abort_connection(transport_of(self));
    else
        timeout_start(&self->timeout, &self->base.base, HTTP_PATIENCE,
                      out_of_patience);
}

/* All of the answer is on its way. */
static void end_answer(struct http_channel *self)
{
    bool again = self->request.keep_alive;

    self->request = (struct http_request){ 0 };
    self->owed = INT64_MAX;
    if (again)
        timeout_reset(&self->timeout);
    else
        hang_up(self);
}

/* What the request asked for and what it gets is one line of the log. The path
 * is a stranger's. */
static void send_head(struct http_channel *self, struct http_response response)
{
    static const char *const methods[] = { "-", "-", "GET", "HEAD" };
    const struct http_request *request = &self->request;
    char text[HTTP_RESPONSE_MAX], path[LOG_TEXT_MAX];

    log_message("%d %s %s", response.status, methods[request->method],
                text_escape(request->path, strlen(request->path), path,
                            sizeof(path), TEXT_LOG));
    response.keep_alive = request->keep_alive;
    transport_write_text(transport_of(self),
                         http_response_head(&response, text));
}

void http_channel_send(struct http_channel *self, struct http_response response,
                       const char *body)
{
    send_head(self, response);
    if (self->request.method != HTTP_HEAD)
        transport_write(transport_of(self), body, (size_t)response.length);
    end_answer(self);
}

void http_channel_send_status(struct http_channel *self, int status,
                              const char *location)
{
    struct http_response response = { .status = status,
                                      .type = "text/html; charset=utf-8",
                                      .location = location };
    const char *reason = http_reason(status);
    char body[HTML_HEAD_MAX + 256];

    /* Whoever sees it in a browser has followed a link that leads nowhere. */
    response.length = snprintf(body, sizeof(body),
                               "%s<title>%d %s</title>\n<h1>%d %s</h1>\n"
                               "<p><a href=\"/\">To the first page</a></p>\n",
                               html_head, status, reason, status, reason);
    http_channel_send(self, response, body);
}

static void file_sent(void *argument, int error)
{
    struct http_channel *self = argument;

    close(self->file);
    self->file = -1;
    if (error == ECANCELED) /* the client has gone */
        return;
    if (error) { /* the length that we promised cannot be kept */
        log_message("Cannot go on with a file: %s", strerror(error));
        transport_abort_connection(transport_of(self));
        return;
    }
    transport_register_producer(transport_of(self), &self->answers, true);
    end_answer(self);
    line_receiver_resume(&self->base);
}

void http_channel_send_file(struct http_channel *self,
                            struct http_response response, int file)
{
    send_head(self, response);
    if (self->request.method == HTTP_HEAD) {
        close(file);
        end_answer(self);
        return;
    }
    /* The next request has to wait, even if it has come with this one; and of
     * producers a transport has one at a time. */
    line_receiver_pause(&self->base);
    transport_unregister_producer(transport_of(self));
    self->file = file;
    file_sender_start(&self->sender, transport_of(self), file, response.length,
                      file_sent, self);
}

/* Lines that are too long come here as well, and are refused. */
static void http_line_received(struct line_receiver *base, const char *line,
                               size_t length)
{
    struct http_channel *self = (struct http_channel *)base;

    if (!http_request_line(&self->request, line, length))
        return;
    if (self->request.error)
        http_channel_send_status(self, self->request.error, NULL);
    else if (self->request.method == HTTP_UNKNOWN)
        http_channel_send_status(self, 501, NULL);
    else if (self->request.method == HTTP_OTHER)
        http_channel_send_status(self, 405, NULL);
    else
        factory_of(self)->process(self);
}

static struct http_channel *channel_of(struct producer *answers)
{
    return (struct http_channel *)((char *)answers -
                                   offsetof(struct http_channel, answers));
}

/* The answers fill the queue: a client that only asks is not heard. */
static void pause_answers(struct producer *answers)
{
    line_receiver_pause(&channel_of(answers)->base);
}

static void resume_answers(struct producer *answers)
{
    line_receiver_resume(&channel_of(answers)->base);
}

static void stop_answers(struct producer *answers)
{
    (void)answers;
}

static void http_connection_made(struct protocol *base)
{
    struct http_channel *self = (struct http_channel *)base;

    self->file = -1;
    self->owed = INT64_MAX;
    self->answers = (struct producer){ .resume_producing = resume_answers,
                                       .pause_producing = pause_answers,
                                       .stop_producing = stop_answers };
    /* The end of an answer does not wait until the rest is acknowledged. */
    tcp_options_set_no_delay(base->transport, true);
    transport_register_producer(base->transport, &self->answers, true);
    timeout_start(&self->timeout, base, HTTP_PATIENCE, out_of_patience);
}

static void http_connection_lost(struct protocol *base, struct failure reason)
{
    struct http_channel *self = (struct http_channel *)base;

    timeout_stop(&self->timeout);
    line_receiver_connection_lost(base, reason);
}

const struct line_receiver_class HttpChannel = {
    .base =
        {
            .name = "HttpChannel",
            .size = sizeof(struct http_channel),
            .connection_made = http_connection_made,
            .data_received = line_receiver_data_received,
            .connection_lost = http_connection_lost,
        },
    .delimiter = "\n",
    .max_length = HTTP_LINE_MAX + 1, /* a CR is no part of the line */
    .line_received = http_line_received,
    .line_length_exceeded = http_line_received,
};
