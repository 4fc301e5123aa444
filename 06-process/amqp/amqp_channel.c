/* SPDX-License-Identifier: MIT
 *
 * amqp_channel.c - what a client does on a channel: it asks for something, one
 * question after the other; it publishes; it gets messages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/amqp_client.h"
#include "protocol/log.h"

/* A question, encoded, from the call until its answer comes. */
struct amqp_request {
    struct amqp_request *next;
    struct amqp_channel *channel;
    struct deferred *deferred; /* NULL: cancelled, the answer is dropped */
    uint32_t method;           /* its answer's number is one more */
    size_t length;
    char payload[];
};

static struct amqp_receiver *receiver_of(const struct amqp_channel *self)
{
    return &self->client->base;
}

/* --- questions --- */

static void send_first(const struct amqp_channel *self)
{
    const struct amqp_request *first = self->requests;

    if (first)
        amqp_send_frame(receiver_of(self), AMQP_FRAME_METHOD, self->number,
                        first->payload, first->length);
}

static void free_consumer(struct amqp_channel *self,
                          struct amqp_consumer *consumer)
{
    struct amqp_consumer **link = &self->consumers;

    while (*link != consumer)
        link = &(*link)->next;
    *link = consumer->next;
    if (self->consumer == consumer) /* whose message is coming */
        self->consumer = NULL;
    free(consumer);
}

static struct amqp_consumer *find_consumer(const struct amqp_channel *self,
                                           struct amqp_bytes tag)
{
    struct amqp_consumer *consumer = self->consumers;

    while (consumer && !amqp_is(tag, consumer->tag))
        consumer = consumer->next;
    return consumer;
}

/* What was sent has an answer in any case, and what ends something should be
 * sent even if nobody wants to know of the end: these stay in the list. */
static void cancel(struct deferred *deferred, void *argument)
{
    struct amqp_request *self = argument;
    struct amqp_request **link = &self->channel->requests;

    (void)deferred;
    self->deferred = NULL;
    if (*link == self || self->method == BASIC_CANCEL ||
        self->method == CHANNEL_CLOSE || self->method == BASIC_CONSUME)
        return;
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    free(self);
}

static struct deferred *ask(struct amqp_channel *self, uint32_t method,
                            const struct amqp_arguments *arguments)
{
    char payload[AMQP_METHOD_MAX];
    ssize_t length = amqp_method_write(payload, method, arguments);
    struct amqp_request *request, **end = &self->requests;

    if (self->closing || self->client->state != CLIENT_OPEN) {
        errno = ENOTCONN;
        return NULL;
    }
    if (length < 0)
        return NULL;
    request = calloc(1, sizeof(*request) + (size_t)length);
    if (!request)
        return NULL;
    request->deferred = deferred_new(cancel, request);
    if (!request->deferred) {
        free(request);
        return NULL;
    }
    request->channel = self;
    request->method = method;
    request->length = (size_t)length;
    memcpy(request->payload, payload, request->length);
    while (*end)
        end = &(*end)->next;
    *end = request;
    if (request == self->requests)
        send_first(self);
    return request->deferred;
}

struct deferred *amqp_open_channel(struct amqp_client *client)
{
    struct amqp_channel *self = calloc(1, sizeof(*self));
    struct amqp_channel **link = &client->channels;
    struct deferred *deferred = NULL;

    if (!self)
        return NULL;
    self->client = client;
    self->number = 1;
    /* The list is sorted; the first number that is missing is free. */
    for (; *link && (*link)->number == self->number; link = &(*link)->next)
        self->number++;
    if (self->number > client->channel_max)
        errno = EMFILE;
    else
        deferred = ask(self, CHANNEL_OPEN, &(struct amqp_arguments){ 0 });
    if (!deferred) {
        free(self);
        return NULL;
    }
    self->next = *link;
    *link = self;
    return deferred;
}

/* From now on nothing is asked or published: the broker drops it. */
struct deferred *amqp_close_channel(struct amqp_channel *self)
{
    const struct amqp_arguments close = { .numbers = { AMQP_SUCCESS } };
    struct deferred *deferred = ask(self, CHANNEL_CLOSE, &close);

    self->closing = deferred || self->closing;
    return deferred;
}

struct deferred *amqp_declare(struct amqp_channel *self, const char *name,
                              unsigned bits)
{
    return ask(self, QUEUE_DECLARE,
               &(struct amqp_arguments){ .numbers = { 0, bits },
                                         .strings = { amqp_text(name) } });
}

struct deferred *amqp_qos(struct amqp_channel *self, unsigned count)
{
    return ask(self, BASIC_QOS,
               &(struct amqp_arguments){ .numbers = { 0, count } });
}

struct deferred *amqp_consume(struct amqp_channel *self, const char *queue,
                              unsigned bits,
                              const struct amqp_consumer *consumer)
{
    struct amqp_consumer *copy = malloc(sizeof(*copy));

    if (!copy)
        return NULL;
    *copy = *consumer;
    copy->channel = self;
    copy->no_ack = bits & CONSUME_NO_ACK;
    copy->leaving = false;
    /* A tag of our own, so that it is known before the first message. */
    snprintf(copy->tag, sizeof(copy->tag), "ctag%u", ++self->consumer_count);
    struct deferred *deferred =
        ask(self, BASIC_CONSUME,
            &(struct amqp_arguments){
                .numbers = { 0, bits },
                .strings = { amqp_text(queue), amqp_text(copy->tag) } });
    if (!deferred) {
        free(copy);
        return NULL;
    }
    copy->next = self->consumers;
    self->consumers = copy;
    return deferred;
}

struct deferred *amqp_cancel(struct amqp_consumer *consumer)
{
    struct deferred *deferred = ask(
        consumer->channel, BASIC_CANCEL,
        &(struct amqp_arguments){ .strings = { amqp_text(consumer->tag) } });

    consumer->leaving = deferred || consumer->leaving;
    return deferred;
}

/* --- their answers --- */

/* The name is copied: it is in the frame, and the frame goes. */
static struct result declared(const struct amqp_arguments *arguments)
{
    struct amqp_queue *queue = calloc(1, sizeof(*queue));
    struct amqp_bytes name = arguments->strings[0];

    if (!queue)
        return result_error(&MemoryError, 0);
    queue->messages = (unsigned)arguments->numbers[0];
    queue->consumers = (unsigned)arguments->numbers[1];
    memcpy(queue->name, name.data, name.length); /* a short string fits */
    return result_value(queue);
}

/* What an answer brings. Of a consumer the tag counts: the broker may have
 * ended it meanwhile, and it is gone. */
static struct result result_of(struct amqp_channel *self, uint32_t method,
                               const struct amqp_arguments *arguments)
{
    struct amqp_consumer *consumer;

    if (method == QUEUE_DECLARE_OK)
        return declared(arguments);
    if (method == CHANNEL_OPEN_OK)
        return result_value(self);
    if (method != BASIC_CONSUME_OK && method != BASIC_CANCEL_OK)
        return result_value(NULL);
    consumer = find_consumer(self, arguments->strings[0]);
    if (method == BASIC_CONSUME_OK)
        return consumer ? result_value(consumer)
                        : result_failure((struct failure){
                              &AmqpClosed, AMQP_NOT_FOUND, "consumer" });
    if (consumer)
        free_consumer(self, consumer);
    return result_value(NULL);
}

/* An answer to what was not asked means that one of us has lost count, and then
 * every answer that follows would be taken for another's: the end. */
static void answered(struct amqp_channel *self, uint32_t method,
                     const struct amqp_arguments *arguments)
{
    struct amqp_request *request = self->requests;

    if (!request || request->method + 1 != method) {
        amqp_client_fail(self->client, AMQP_UNEXPECTED_FRAME,
                         "answer to another question");
        return;
    }
    struct deferred *deferred = request->deferred;
    struct result result = result_of(self, method, arguments);
    self->requests = request->next;
    free(request);
    send_first(self);
    /* Last: a callback may ask the next question, or close everything. */
    if (deferred)
        deferred_fire(deferred, result);
    else if (method == QUEUE_DECLARE_OK && result.kind == RESULT_VALUE)
        free(result.value);
    if (method == CHANNEL_CLOSE_OK)
        amqp_channel_end(self, (struct failure){ &ConnectionDone, 0, NULL });
}

/* Deferreds first, in order, then `closed`; each callback may ask for something
 * and must be refused, so the channel is closing, and out of the list, before
 * the first is called. */
void amqp_channel_end(struct amqp_channel *self, struct failure reason)
{
    struct amqp_channel **link = &self->client->channels;
    struct amqp_request *request;

    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    self->closing = true; /* who asks again in a callback is refused */
    while ((request = self->requests)) {
        struct deferred *deferred = request->deferred;
        self->requests = request->next;
        free(request);
        if (deferred)
            deferred_errback(deferred, reason);
    }
    if (self->closed)
        self->closed(self, reason);
    while (self->consumers)
        free_consumer(self, self->consumers);
    amqp_content_clear(&self->content);
    free(self);
}

/* --- messages --- */

int amqp_publish(struct amqp_channel *self, const char *queue,
                 const struct amqp_properties *properties,
                 struct amqp_bytes body, bool mandatory)
{
    const struct amqp_arguments publish = {
        .numbers = { 0, mandatory ? PUBLISH_MANDATORY : 0 },
        .strings = { { "", 0 }, amqp_text(queue) } /* the default exchange */
    };
    char header[AMQP_HEADER_MAX];
    ssize_t length = amqp_header_write(header, properties, body.length);

    errno = self->closing || self->client->state != CLIENT_OPEN ? ENOTCONN
            : self->client->blocked                             ? EAGAIN
            : length < 0 || body.length > AMQP_MESSAGE_MAX      ? EMSGSIZE
                                                                : 0;
    if (errno)
        return -1;
    return amqp_send_content(
        receiver_of(self), self->number, BASIC_PUBLISH, &publish,
        (struct amqp_bytes){ header, (size_t)length }, body);
}

static void settle(struct amqp_channel *self, uint32_t method, uint64_t tag,
                   uint64_t bits)
{
    const struct amqp_arguments arguments = { .numbers = { tag, bits } };

    /* Tags are the channel's: after its end the broker would take this one
     * for another message, or for a mistake. */
    if (!self->closing && self->client->state == CLIENT_OPEN)
        amqp_send_method(receiver_of(self), self->number, method, &arguments);
}

void amqp_ack(struct amqp_channel *self, uint64_t tag)
{
    settle(self, BASIC_ACK, tag, 0);
}

void amqp_reject(struct amqp_channel *self, uint64_t tag, bool requeue)
{
    settle(self, BASIC_REJECT, tag, requeue);
}

/* The consumer is looked up now and not when the message is complete, for by
 * then its tag has gone with the frame. free_consumer mends the pointer. */
static void begin_message(struct amqp_channel *self, uint32_t method,
                          const struct amqp_arguments *arguments)
{
    self->method = method;
    if (method == BASIC_RETURN) {
        self->code = (int)arguments->numbers[0];
    } else {
        self->consumer = find_consumer(self, arguments->strings[0]);
        self->tag = arguments->numbers[0];
        self->redelivered = arguments->numbers[1];
    }
    amqp_content_begin(&self->content);
}

static void deliver(struct amqp_channel *self,
                    const struct amqp_message *message, bool too_long)
{
    struct amqp_consumer *consumer = self->consumer;

    if (too_long) {
        /* To give it back would mean to get it again, for ever. */
        log_message("A message of more than %d bytes is dropped",
                    AMQP_MESSAGE_MAX);
        if (!consumer || !consumer->no_ack)
            amqp_reject(self, self->tag, false);
    } else if (!consumer || consumer->leaving) {
        if (!consumer || !consumer->no_ack)
            amqp_reject(self, self->tag, true);
    } else {
        consumer->delivered(consumer, message, self->tag, self->redelivered);
    }
}

static void content_frame(struct amqp_channel *self,
                          const struct amqp_frame *frame)
{
    struct amqp_message message;
    int error = amqp_content_receive(&self->content, frame, AMQP_MESSAGE_MAX);

    if (error) {
        amqp_client_fail(self->client, error, "message out of order");
        return;
    }
    if (self->content.expects != CONTENT_NONE)
        return;
    /* The message is ours while the callback runs; nothing that it does may
     * free what it is looking at. */
    struct amqp_content content = self->content;
    self->content = (struct amqp_content){ 0 };
    amqp_header_read(amqp_content_header(&content), &message.properties);
    message.body = amqp_content_body(&content);
    if (self->closing)
        ; /* the broker takes back what was out when the channel closes */
    else if (self->method == BASIC_DELIVER)
        deliver(self, &message, content.dropped);
    else if (self->returned)
        self->returned(self, self->code, &message);
    amqp_content_clear(&content);
}

/* --- what comes --- */

/* The broker has ended a consumer, because its queue is gone. Our own cancel
 * may be on its way: cancel-ok then finds no consumer, and that is all right.
 */
static void cancelled(struct amqp_channel *self, struct amqp_bytes tag)
{
    struct amqp_consumer *consumer = find_consumer(self, tag);

    if (!consumer)
        return;
    if (consumer->cancelled)
        consumer->cancelled(consumer);
    free_consumer(self, consumer);
}

static void channel_method(struct amqp_channel *self, uint32_t method,
                           const struct amqp_arguments *arguments)
{
    switch (method) {
    case BASIC_DELIVER:
    case BASIC_RETURN:
        begin_message(self, method, arguments);
        break;
    case BASIC_CANCEL:
        cancelled(self, arguments->strings[0]);
        break;
    case CHANNEL_FLOW:
        amqp_send_method(receiver_of(self), self->number, CHANNEL_FLOW_OK,
                         arguments);
        break;
    case CHANNEL_CLOSE:
        amqp_send_method(receiver_of(self), self->number, CHANNEL_CLOSE_OK,
                         arguments);
        amqp_channel_end(self, amqp_closed("channel", arguments));
        break;
    default:
        answered(self, method, arguments);
    }
}

void amqp_channel_receive(struct amqp_client *client,
                          const struct amqp_frame *frame)
{
    struct amqp_channel *self = client->channels;
    struct amqp_arguments arguments;
    uint32_t method;
    int error;

    while (self && self->number != frame->channel)
        self = self->next;
    if (self && frame->type != AMQP_FRAME_METHOD) {
        content_frame(self, frame);
        return;
    }
    error =
        amqp_method_read(&method, &arguments, frame->payload, frame->length);
    if (!self && !error && method == CHANNEL_CLOSE_OK)
        return; /* both sides have closed it at the same time */
    if (!self)
        amqp_client_fail(client, AMQP_CHANNEL_ERROR, "channel is not open");
    else if (error)
        amqp_client_fail(
            client, error == AMQP_FRAME_ERROR ? error : AMQP_COMMAND_INVALID,
            "method cannot be read");
    else if (self->content.expects != CONTENT_NONE && method != CHANNEL_CLOSE)
        amqp_client_fail(client, AMQP_UNEXPECTED_FRAME,
                         "method inside a message");
    else
        channel_method(self, method, &arguments);
}
