/* SPDX-License-Identifier: MIT
 *
 * broker_channel.c - what a client can ask for on a channel, each method in a
 * function. The texts of the errors are RabbitMQ's: people look for them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/broker.h"
#include "protocol/log.h"

/* For "%.*s". */
#define TEXT(bytes) (int)(bytes).length, (bytes).data

static struct amqp_receiver *receiver_of(const struct broker_channel *self)
{
    return &self->connection->base;
}

static void send_method(const struct broker_channel *self, uint32_t method,
                        const struct amqp_arguments *arguments)
{
    amqp_send_method(receiver_of(self), self->number, method, arguments);
}

/* --- queues --- */

/* An empty name is the queue that was declared last on this channel. */
static struct amqp_bytes name_of(const struct broker_channel *self,
                                 struct amqp_bytes name)
{
    return name.length > 0
               ? name
               : (struct amqp_bytes){ self->last, self->last_length };
}

/* The queue of that name, if this connection may use it. NULL: the channel has
 * been closed. */
static struct broker_queue *use_queue(struct broker_channel *self,
                                      uint32_t method, struct amqp_bytes name)
{
    struct broker_queue *queue = broker_find(broker_of(self->connection), name);

    if (!queue)
        broker_close_channel(self, AMQP_NOT_FOUND, method,
                             "no queue '%.*s' in vhost '/'", TEXT(name));
    else if (queue->owner && queue->owner != self->connection)
        broker_close_channel(self, AMQP_RESOURCE_LOCKED, method,
                             "cannot obtain exclusive access to locked queue "
                             "'%.*s' in vhost '/'",
                             TEXT(name));
    else
        return queue;
    return NULL;
}

static void answer_declare(struct broker_channel *self,
                           struct broker_queue *queue, uint64_t bits)
{
    const struct amqp_arguments ok = {
        .numbers = { queue->count, queue->consumer_count },
        .strings = { { queue->name, queue->name_length } }
    };

    memcpy(self->last, queue->name, queue->name_length);
    self->last_length = queue->name_length;
    if (!(bits & QUEUE_NO_WAIT))
        send_method(self, QUEUE_DECLARE_OK, &ok);
}

/* Whether it is the queue that the client means. */
static bool same_bits(struct broker_channel *self,
                      const struct broker_queue *queue, uint64_t bits)
{
    static const char *const names[] = { "durable", "exclusive",
                                         "auto_delete" };

    for (int i = 0; i < 3; i++) {
        unsigned bit = (unsigned)QUEUE_DURABLE << i;
        if ((queue->bits & bit) == (bits & bit))
            continue;
        broker_close_channel(
            self, AMQP_PRECONDITION_FAILED, QUEUE_DECLARE,
            "inequivalent arg '%s' for queue '%.*s' in vhost '/': received "
            "'%s' but current is '%s'",
            names[i], (int)queue->name_length, queue->name,
            bits & bit ? "true" : "false", bits & bit ? "false" : "true");
        return false;
    }
    return true;
}

/* "amq.gen-" and a number of 22 digits: the length of RabbitMQ's. */
static struct amqp_bytes make_name(struct broker *broker, char *text,
                                   const char *kind)
{
    snprintf(text, AMQP_SHORT_MAX, "amq.%s-%022llu", kind,
             (unsigned long long)++broker->names);
    return amqp_text(text);
}

static void declare(struct broker_channel *self,
                    const struct amqp_arguments *arguments)
{
    struct broker *broker = broker_of(self->connection);
    struct amqp_bytes name = arguments->strings[0];
    uint64_t bits = arguments->numbers[1];
    char made[AMQP_SHORT_MAX];
    struct broker_queue *queue =
        name.length > 0 ? broker_find(broker, name) : NULL;

    if (bits & QUEUE_PASSIVE)
        name = name_of(self, name);
    if (queue || bits & QUEUE_PASSIVE) { /* 404 or 405 if that cannot be */
        queue = use_queue(self, QUEUE_DECLARE, name);
        if (queue && (bits & QUEUE_PASSIVE || same_bits(self, queue, bits)))
            answer_declare(self, queue, bits);
        return;
    }
    if (name.length >= 4 && !memcmp(name.data, "amq.", 4)) {
        broker_close_channel(self, AMQP_ACCESS_REFUSED, QUEUE_DECLARE,
                             "queue name '%.*s' contains reserved prefix "
                             "'amq.*'",
                             TEXT(name));
        return;
    }
    if (name.length == 0)
        name = make_name(broker, made, "gen");
    if (broker->queue_count < BROKER_QUEUES_MAX)
        queue = broker_queue_new(broker, name, (unsigned)bits);
    if (!queue) {
        broker_close_channel(self, AMQP_PRECONDITION_FAILED, QUEUE_DECLARE,
                             "too many queues");
        return;
    }
    if (bits & QUEUE_DURABLE)
        log_message("A durable queue is wanted; this broker keeps nothing");
    if (bits & QUEUE_EXCLUSIVE) {
        queue->owner = self->connection;
        self->connection->exclusive++;
    }
    answer_declare(self, queue, bits);
}

/* What is out stays out: it is not in the queue. */
static void purge(struct broker_channel *self,
                  const struct amqp_arguments *arguments)
{
    struct broker_queue *queue =
        use_queue(self, QUEUE_PURGE, name_of(self, arguments->strings[0]));

    if (!queue)
        return;
    const struct amqp_arguments ok = { .numbers = { queue->count } };
    broker_queue_purge(queue);
    if (!(arguments->numbers[1] & 1))
        send_method(self, QUEUE_PURGE_OK, &ok);
}

/* A queue that is not there is deleted already: that is no error. */
static void delete_queue(struct broker_channel *self,
                         const struct amqp_arguments *arguments)
{
    struct amqp_bytes name = name_of(self, arguments->strings[0]);
    uint64_t bits = arguments->numbers[1];
    struct broker_queue *queue = broker_find(broker_of(self->connection), name);
    struct amqp_arguments ok = { 0 };

    if (queue && !(queue = use_queue(self, QUEUE_DELETE, name)))
        return;
    if (queue && ((bits & DELETE_IF_UNUSED && queue->consumer_count > 0) ||
                  (bits & DELETE_IF_EMPTY && queue->count > 0))) {
        broker_close_channel(self, AMQP_PRECONDITION_FAILED, QUEUE_DELETE,
                             "queue '%.*s' in vhost '/' %s", TEXT(name),
                             bits & DELETE_IF_UNUSED && queue->consumer_count
                                 ? "in use"
                                 : "not empty");
        return;
    }
    if (queue)
        ok.numbers[0] = queue->count;
    if (!(bits & DELETE_NO_WAIT))
        send_method(self, QUEUE_DELETE_OK, &ok);
    if (queue)
        broker_queue_delete(queue);
}

/* --- consumers --- */

static void qos(struct broker_channel *self,
                const struct amqp_arguments *arguments)
{
    if (arguments->numbers[0] > 0 || arguments->numbers[2]) {
        broker_close_connection(self->connection, AMQP_NOT_IMPLEMENTED,
                                BASIC_QOS, "prefetch_size!=0 or global");
        return;
    }
    self->prefetch = (unsigned)arguments->numbers[1]; /* of later consumers */
    send_method(self, BASIC_QOS_OK, &(struct amqp_arguments){ 0 });
}

/* Tags belong to the channel; two channels may use the same. */
static struct broker_consumer *find_consumer(const struct broker_channel *self,
                                             struct amqp_bytes tag)
{
    struct broker_consumer *consumer = self->consumers;

    while (consumer && (consumer->tag_length != tag.length ||
                        memcmp(consumer->tag, tag.data, tag.length) != 0))
        consumer = consumer->next;
    return consumer;
}

static void add_consumer(struct broker_channel *self,
                         struct broker_queue *queue, struct amqp_bytes tag,
                         uint64_t bits)
{
    struct broker_consumer *consumer =
        calloc(1, sizeof(*consumer) + tag.length);

    if (!consumer || self->consumer_count == BROKER_CONSUMERS_MAX) {
        free(consumer);
        broker_close_channel(self, AMQP_PRECONDITION_FAILED, BASIC_CONSUME,
                             "too many consumers");
        return;
    }
    consumer->channel = self;
    consumer->no_ack = bits & CONSUME_NO_ACK;
    consumer->exclusive = bits & CONSUME_EXCLUSIVE;
    consumer->prefetch = self->prefetch;
    consumer->tag_length = (unsigned)tag.length;
    memcpy(consumer->tag, tag.data, tag.length);
    consumer->next = self->consumers;
    self->consumers = consumer;
    self->consumer_count++;
    broker_queue_join(queue, consumer);
    /* The answer first: a message for a tag that it has not got yet would be
     * an error of ours to the client. */
    if (!(bits & CONSUME_NO_WAIT))
        send_method(self, BASIC_CONSUME_OK,
                    &(struct amqp_arguments){ .strings = { tag } });
    broker_queue_dispatch(queue);
}

/* A tag twice is the end of the connection, not of the channel: that is how
 * RabbitMQ has it. */
static void consume(struct broker_channel *self,
                    const struct amqp_arguments *arguments)
{
    struct amqp_bytes name = name_of(self, arguments->strings[0]);
    struct amqp_bytes tag = arguments->strings[1];
    uint64_t bits = arguments->numbers[1];
    struct broker_queue *queue = use_queue(self, BASIC_CONSUME, name);
    char made[AMQP_SHORT_MAX];

    if (!queue)
        return;
    if (tag.length == 0)
        tag = make_name(broker_of(self->connection), made, "ctag");
    if (find_consumer(self, tag))
        broker_close_connection(
            self->connection, AMQP_NOT_ALLOWED, BASIC_CONSUME,
            "attempt to reuse consumer tag '%.*s'", TEXT(tag));
    else if (queue->consumers &&
             (queue->consumers->exclusive || bits & CONSUME_EXCLUSIVE))
        broker_close_channel(self, AMQP_ACCESS_REFUSED, BASIC_CONSUME,
                             "queue '%.*s' in vhost '/' in exclusive use",
                             TEXT(name));
    else
        add_consumer(self, queue, tag, bits);
}

void broker_consumer_end(struct broker_consumer *consumer)
{
    struct broker_channel *channel = consumer->channel;
    struct broker_consumer **link = &channel->consumers;

    while (*link != consumer)
        link = &(*link)->next;
    *link = consumer->next;
    channel->consumer_count--;
    /* What it has out stays out: the channel can still acknowledge it. */
    for (struct broker_message *out = channel->out; out; out = out->next)
        if (out->consumer == consumer)
            out->consumer = NULL;
    broker_queue_leave(consumer); /* the queue may be gone after this */
    free(consumer);
}

/* To cancel what is not there is no error: the queue may have been deleted, and
 * our cancel have crossed the client's. */
static void cancel(struct broker_channel *self,
                   const struct amqp_arguments *arguments)
{
    struct broker_consumer *consumer =
        find_consumer(self, arguments->strings[0]);

    if (consumer)
        broker_consumer_end(consumer);
    if (!arguments->numbers[0])
        send_method(self, BASIC_CANCEL_OK, arguments);
}

/* --- messages out --- */

/* The tag counts deliveries, not messages: one that comes back has a new one.
 * A message without an ack is appended, so the list is sorted by tags. */
void broker_channel_deliver(struct broker_consumer *consumer,
                            struct broker_message *message)
{
    struct broker_channel *self = consumer->channel;
    struct broker_queue *queue = consumer->queue;
    const struct amqp_arguments deliver = {
        .numbers = { ++self->tag, message->redelivered },
        .strings = { { consumer->tag, consumer->tag_length },
                     { "", 0 },
                     { queue->name, queue->name_length } }
    };

    amqp_send_content(
        receiver_of(self), self->number, BASIC_DELIVER, &deliver,
        (struct amqp_bytes){ message->bytes, message->header_length },
        (struct amqp_bytes){ message->bytes + message->header_length,
                             message->body_length });
    if (consumer->no_ack) { /* sent is done */
        free(message);
        return;
    }
    message->tag = self->tag;
    message->queue = queue;
    message->consumer = consumer;
    message->next = NULL;
    *self->out_end = message;
    self->out_end = &message->next;
    self->out_count++;
    consumer->out++;
    queue->references++;
}

/* The message at *link is out no more: done, or back in its queue. Its
 * reference to the queue is the caller's now. */
static struct broker_queue *end_delivery(struct broker_channel *self,
                                         struct broker_message **link,
                                         bool requeue)
{
    struct broker_message *message = *link;
    struct broker_queue *queue = message->queue;

    *link = message->next;
    if (!*link)
        self->out_end = link;
    self->out_count--;
    if (message->consumer)
        message->consumer->out--;
    if (requeue && !queue->deleted)
        broker_queue_put_back(queue, message);
    else
        free(message);
    return queue;
}

/* The same for all up to this tag. Everything is back in its queue before the
 * first of it goes out again: else the newest might, before the oldest. */
static void end_deliveries(struct broker_channel *self, uint64_t tag,
                           bool requeue)
{
    struct broker_queue *touched = NULL, *queue;

    while (self->out && self->out->tag <= tag) {
        queue = end_delivery(self, &self->out, requeue);
        if (queue->touched) {
            broker_queue_release(queue);
            continue;
        }
        queue->touched = true;
        queue->next_touched = touched;
        touched = queue;
    }
    while ((queue = touched)) {
        touched = queue->next_touched;
        queue->touched = false;
        broker_queue_dispatch(queue);
        broker_queue_release(queue);
    }
}

/* ack, reject and nack: this delivery, or all up to it; tag 0 is all. */
static void settle(struct broker_channel *self, uint32_t method, uint64_t tag,
                   bool multiple, bool requeue)
{
    struct broker_message **link = &self->out;

    if (multiple && tag == 0) {
        end_deliveries(self, UINT64_MAX, requeue);
        return;
    }
    while (*link && (*link)->tag != tag)
        link = &(*link)->next;
    if (!*link) {
        broker_close_channel(self, AMQP_PRECONDITION_FAILED, method,
                             "unknown delivery tag %llu",
                             (unsigned long long)tag);
    } else if (multiple) {
        end_deliveries(self, tag, requeue);
    } else {
        struct broker_queue *queue = end_delivery(self, link, requeue);
        broker_queue_dispatch(queue);
        broker_queue_release(queue);
    }
}

/* --- messages in --- */

/* The method is only the beginning: whether the queue is there is asked when
 * all of the message has come, for it may be declared or deleted meanwhile. */
static void publish(struct broker_channel *self,
                    const struct amqp_arguments *arguments)
{
    struct amqp_bytes exchange = arguments->strings[0];
    struct amqp_bytes key = arguments->strings[1];

    self->bits = (unsigned)arguments->numbers[1];
    if (self->bits & PUBLISH_IMMEDIATE) {
        broker_close_connection(self->connection, AMQP_NOT_IMPLEMENTED,
                                BASIC_PUBLISH, "immediate=true");
        return;
    }
    if (exchange.length > 0) {
        broker_close_channel(self, AMQP_NOT_FOUND, BASIC_PUBLISH,
                             "no exchange '%.*s' in vhost '/'", TEXT(exchange));
        return;
    }
    memcpy(self->key, key.data, key.length);
    self->key_length = (unsigned)key.length;
    amqp_content_begin(&self->content);
}

static void return_message(struct broker_channel *self)
{
    amqp_send_content(receiver_of(self), self->number, BASIC_RETURN,
                      &(struct amqp_arguments){
                          .numbers = { AMQP_NO_ROUTE },
                          .strings = { amqp_text("NO_ROUTE"),
                                       { "", 0 },
                                       { self->key, self->key_length } } },
                      amqp_content_header(&self->content),
                      amqp_content_body(&self->content));
}

/* All of a message is there. One for a queue that is not there vanishes, or
 * comes back if that is wanted. */
static void published(struct broker_channel *self)
{
    struct broker *broker = broker_of(self->connection);
    struct broker_queue *queue =
        broker_find(broker, (struct amqp_bytes){ self->key, self->key_length });
    struct amqp_bytes header = amqp_content_header(&self->content);
    struct amqp_bytes body = amqp_content_body(&self->content);

    if (self->content.dropped || header.length > BROKER_HEADER_MAX) {
        broker_close_channel(self, AMQP_PRECONDITION_FAILED, BASIC_PUBLISH,
                             "message is larger than max size %d",
                             AMQP_MESSAGE_MAX);
    } else if (!queue) {
        if (self->bits & PUBLISH_MANDATORY)
            return_message(self);
    } else if (broker->bytes > 2 * broker->bytes_max ||
               broker_queue_add(queue, header, body) < 0) {
        broker_close_connection(self->connection, AMQP_RESOURCE_ERROR,
                                BASIC_PUBLISH, "no memory for messages");
    } else {
        broker_queue_dispatch(queue);
        if (broker->bytes > broker->bytes_max)
            broker->blocked = true;
    }
}

/* Bytes of messages that are not complete are counted, over all clients: a
 * thousand channels with a message begun on each would be 16 GB. */
void broker_channel_content(struct broker_channel *self,
                            const struct amqp_frame *frame)
{
    struct broker *broker = broker_of(self->connection);
    size_t before = amqp_content_body(&self->content).length;
    uint32_t method = self->content.expects == CONTENT_NONE ? 0 : BASIC_PUBLISH;
    int error = amqp_content_receive(&self->content, frame, AMQP_MESSAGE_MAX);

    broker->assembling += amqp_content_body(&self->content).length - before;
    if (!error && broker->assembling > broker->bytes_max)
        error = AMQP_RESOURCE_ERROR;
    if (error) {
        broker_close_connection(self->connection, error, method,
                                "message out of order, or too much of it");
    } else if (self->content.expects == CONTENT_NONE) {
        published(self);
        broker_channel_forget_content(self);
        if (broker->blocked)
            broker_block(self->connection);
    }
}

void broker_channel_forget_content(struct broker_channel *self)
{
    broker_of(self->connection)->assembling -=
        amqp_content_body(&self->content).length;
    amqp_content_clear(&self->content);
}

/* --- the channel itself --- */

void broker_channel_stop(struct broker_channel *self)
{
    self->closing = true;
    broker_channel_forget_content(self);
    while (self->consumers) /* first, or they would get it all back */
        broker_consumer_end(self->consumers);
    end_deliveries(self, UINT64_MAX, true);
}

/* RabbitMQ stopped sending on request long ago; prefetch does it better. */
static void flow(struct broker_channel *self,
                 const struct amqp_arguments *arguments)
{
    if (arguments->numbers[0])
        send_method(self, CHANNEL_FLOW_OK, arguments);
    else
        broker_close_connection(self->connection, AMQP_NOT_IMPLEMENTED,
                                CHANNEL_FLOW, "active=false");
}

void broker_channel_method(struct broker_channel *self, uint32_t method,
                           const struct amqp_arguments *arguments)
{
    const uint64_t *numbers = arguments->numbers;

    switch (method) {
    case CHANNEL_FLOW:
        flow(self, arguments);
        break;
    case QUEUE_DECLARE:
        declare(self, arguments);
        break;
    case QUEUE_PURGE:
        purge(self, arguments);
        break;
    case QUEUE_DELETE:
        delete_queue(self, arguments);
        break;
    case BASIC_QOS:
        qos(self, arguments);
        break;
    case BASIC_CONSUME:
        consume(self, arguments);
        break;
    case BASIC_CANCEL:
        cancel(self, arguments);
        break;
    case BASIC_PUBLISH:
        publish(self, arguments);
        break;
    case BASIC_ACK:
        settle(self, method, numbers[0], numbers[1], false);
        break;
    case BASIC_REJECT:
        settle(self, method, numbers[0], false, numbers[1]);
        break;
    case BASIC_NACK:
        settle(self, method, numbers[0], numbers[1] & NACK_MULTIPLE,
               numbers[1] & NACK_REQUEUE);
        break;
    default: /* a server's method, or one of another channel */
        broker_close_connection(self->connection, AMQP_COMMAND_INVALID, method,
                                "%s", amqp_method_name(method));
    }
}
