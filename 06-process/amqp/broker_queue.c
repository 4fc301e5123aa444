/* SPDX-License-Identifier: MIT
 *
 * broker_queue.c - queues, by name: what is published waits here, goes out to
 * the consumers in turn, and comes back if they die.
 */
#include <stdlib.h>
#include <string.h>

#include "amqp/broker.h"

static struct broker_queue **bucket_of(struct broker *self,
                                       struct amqp_bytes name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < name.length; i++)
        hash = (hash ^ (unsigned char)name.data[i]) * 16777619u;
    return &self->queues[hash % BROKER_BUCKETS];
}

struct broker_queue *broker_find(const struct broker *self,
                                 struct amqp_bytes name)
{
    struct broker_queue *queue = *bucket_of((struct broker *)self, name);

    while (queue && (queue->name_length != name.length ||
                     memcmp(queue->name, name.data, name.length) != 0))
        queue = queue->next;
    return queue;
}

struct broker_queue *broker_queue_new(struct broker *broker,
                                      struct amqp_bytes name, unsigned bits)
{
    struct broker_queue **bucket = bucket_of(broker, name);
    struct broker_queue *self = calloc(1, sizeof(*self) + name.length + 1);

    if (!self)
        return NULL;
    self->broker = broker;
    self->bits = bits;
    self->references = 1;
    self->name_length = (unsigned)name.length;
    memcpy(self->name, name.data, name.length);
    self->next = *bucket;
    *bucket = self;
    broker->queue_count++;
    return self;
}

void broker_queue_release(struct broker_queue *self)
{
    if (--self->references == 0)
        free(self);
}

void broker_queue_delete(struct broker_queue *self)
{
    struct broker_queue **link = bucket_of(
        self->broker, (struct amqp_bytes){ self->name, self->name_length });

    if (self->deleted) /* the last consumer's leaving has done it */
        return;
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    self->deleted = true;
    self->broker->queue_count--;
    if (self->owner)
        self->owner->exclusive--;
    broker_queue_purge(self);
    while (self->consumers) {
        struct broker_consumer *consumer = self->consumers;
        struct broker_channel *channel = consumer->channel;
        const struct amqp_arguments cancel = {
            .numbers = { 1 }, /* no answer is wanted */
            .strings = { { consumer->tag, consumer->tag_length } }
        };
        if (channel->connection->hears_cancel)
            amqp_send_method(&channel->connection->base, channel->number,
                             BASIC_CANCEL, &cancel);
        broker_consumer_end(consumer);
    }
    broker_queue_release(self);
}

/* --- messages --- */

/* What a message costs us: an empty one is not free. */
static size_t size_of(const struct broker_message *message)
{
    return sizeof(*message) + message->header_length + message->body_length;
}

static void append(struct broker_queue *self, struct broker_message *message)
{
    message->next = NULL;
    if (self->last)
        self->last->next = message;
    else
        self->first = message;
    self->last = message;
    self->count++;
    self->broker->bytes += size_of(message);
}

static struct broker_message *take_first(struct broker_queue *self)
{
    struct broker_message *message = self->first;
    struct broker *broker = self->broker;

    self->first = message->next;
    if (!self->first)
        self->last = NULL;
    self->count--;
    broker->bytes -= size_of(message);
    if (broker->blocked && broker->bytes <= broker->bytes_max / 2)
        broker_unblock(broker); /* soon; nobody is called from here */
    return message;
}

int broker_queue_add(struct broker_queue *self, struct amqp_bytes header,
                     struct amqp_bytes body)
{
    struct broker_message *message =
        malloc(sizeof(*message) + header.length + body.length);

    if (!message)
        return -1;
    *message = (struct broker_message){ .sequence = ++self->broker->sequence,
                                        .header_length = header.length,
                                        .body_length = body.length };
    memcpy(message->bytes, header.data, header.length);
    memcpy(message->bytes + header.length, body.data, body.length);
    append(self, message);
    return 0;
}

/* The list is sorted, and what comes back is older than most. */
void broker_queue_put_back(struct broker_queue *self,
                           struct broker_message *message)
{
    struct broker_message **link = &self->first;

    message->redelivered = true;
    while (*link && (*link)->sequence < message->sequence)
        link = &(*link)->next;
    if (!*link) {
        append(self, message);
        return;
    }
    message->next = *link;
    *link = message;
    self->count++;
    self->broker->bytes += size_of(message);
}

void broker_queue_purge(struct broker_queue *self)
{
    while (self->first)
        free(take_first(self));
}

/* --- consumers --- */

/* Whether it may have another message: it does not have as many as it wants,
 * and it reads what it is sent. Without the second a client that is stopped
 * would fill our memory, message by message. */
static bool has_room(const struct broker_consumer *self)
{
    const struct broker_channel *channel = self->channel;

    return channel->connection->state == BROKER_OPEN &&
           !channel->connection->watermark.full &&
           channel->out_count < BROKER_UNACKED_MAX &&
           (self->no_ack || self->prefetch == 0 || self->out < self->prefetch);
}

/* The next one whose turn it is and who has room; the turn is then that of the
 * one behind it, so the work is shared fairly. NULL: nobody. */
static struct broker_consumer *next_consumer(struct broker_queue *self)
{
    struct broker_consumer *consumer = self->consumers;

    for (unsigned i = 0; i < self->consumer_count; i++) {
        if (has_room(consumer)) {
            self->consumers = consumer->ring;
            return consumer;
        }
        consumer = consumer->ring;
    }
    return NULL;
}

/* The heart of the broker: as long as there are a message and somebody for it,
 * the oldest goes to whose turn it is. Called whenever one of the two may have
 * come: publish, ack, a new consumer, one that reads again, one that has died
 * and left messages. Sending only queues bytes, so nobody calls us back here.
 */
void broker_queue_dispatch(struct broker_queue *self)
{
    struct broker_consumer *consumer;

    while (self->first && (consumer = next_consumer(self)))
        broker_channel_deliver(consumer, take_first(self));
}

void broker_queue_join(struct broker_queue *self,
                       struct broker_consumer *consumer)
{
    struct broker_consumer *last = self->consumers;

    consumer->queue = self;
    consumer->ring = consumer;
    self->consumer_count++;
    if (last) {
        while (last->ring != self->consumers)
            last = last->ring;
        last->ring = consumer;
        consumer->ring = self->consumers;
    } else {
        self->consumers = consumer;
    }
}

void broker_queue_leave(struct broker_consumer *consumer)
{
    struct broker_queue *self = consumer->queue;
    struct broker_consumer *before = consumer;

    while (before->ring != consumer)
        before = before->ring;
    before->ring = consumer->ring;
    if (self->consumers == consumer)
        self->consumers = consumer->ring;
    if (--self->consumer_count > 0)
        return;
    self->consumers = NULL;
    if (self->bits & QUEUE_AUTO_DELETE)
        broker_queue_delete(self);
}
