/* SPDX-License-Identifier: MIT */
#include "amqp/amqp_caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ID_LENGTH = 36 }; /* bytes of a call's id, as a UUID is written */

/* It is in its caller's list until it has an answer or is cancelled. */
struct amqp_call {
    struct amqp_call *next;
    struct amqp_caller *caller;
    struct deferred *deferred;
    char id[ID_LENGTH + 1];
};

/* Takes it out of the list; returns its Deferred. */
static struct deferred *forget(struct amqp_call *call)
{
    struct amqp_call **link = &call->caller->calls;
    struct deferred *deferred = call->deferred;

    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    free(call);
    return deferred;
}

static struct amqp_call *find_call(const struct amqp_caller *self,
                                   const struct amqp_message *message)
{
    struct amqp_call *call = self->calls;

    while (call && !amqp_is(message->properties.correlation_id, call->id))
        call = call->next;
    return call; /* NULL: it was cancelled, or is somebody else's */
}

static void delivered(struct amqp_consumer *consumer,
                      const struct amqp_message *message, uint64_t tag,
                      bool redelivered)
{
    struct amqp_call *call = find_call(consumer->owner, message);
    size_t length = message->body.length;

    (void)tag, (void)redelivered;
    if (!call)
        return;
    struct deferred *deferred = forget(call);
    struct amqp_reply *reply = malloc(sizeof(*reply) + length + 1);
    if (!reply) {
        deferred_errback(deferred, (struct failure){ &MemoryError, 0, NULL });
        return;
    }
    reply->length = length;
    memcpy(reply->bytes, message->body.data, length);
    reply->bytes[length] = '\0';
    deferred_callback(deferred, reply);
}

/* Nobody has declared that queue: the call would wait for ever. */
static void returned(struct amqp_channel *channel, int code,
                     const struct amqp_message *message)
{
    struct amqp_call *call = find_call(channel->owner, message);

    if (call)
        deferred_errback(forget(call),
                         (struct failure){ &AmqpNoRoute, code, NULL });
}

static void fail_all(struct amqp_caller *self, struct failure reason)
{
    self->channel = self->opening = NULL;
    while (self->calls)
        deferred_errback(forget(self->calls), reason);
}

static void closed(struct amqp_channel *channel, struct failure reason)
{
    fail_all(channel->owner, reason);
}

/* Somebody has deleted our queue, and with it all answers to come. */
static void cancelled(struct amqp_consumer *consumer)
{
    fail_all(consumer->owner, (struct failure){ &AmqpClosed, AMQP_NOT_FOUND,
                                                "the queue for answers" });
}

/* --- the start, three steps --- */

static struct result consuming(struct result result, void *argument)
{
    struct amqp_caller *self = argument;

    self->channel = ((struct amqp_consumer *)result.value)->channel;
    return result_value(NULL);
}

static struct result declared(struct result result, void *argument)
{
    struct amqp_caller *self = argument;
    struct amqp_queue *queue = result.value;
    const struct amqp_consumer consumer = { .owner = self,
                                            .delivered = delivered,
                                            .cancelled = cancelled };

    strcpy(self->queue, queue->name);
    free(queue);
    /* No acknowledgements: who would send an answer again? */
    return result_deferred(
        amqp_consume(self->opening, self->queue, CONSUME_NO_ACK, &consumer));
}

static struct result opened(struct result result, void *argument)
{
    struct amqp_caller *self = argument;

    self->opening = result.value;
    self->opening->owner = self;
    self->opening->closed = closed;
    self->opening->returned = returned;
    return result_deferred(amqp_declare(self->opening, "", QUEUE_EXCLUSIVE));
}

/* Random bytes for all ids of this caller, from which they count on: ids must
 * differ from those of other callers, not be secret. */
static int read_random(unsigned char *bytes, size_t length)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    ssize_t got = read(fd, bytes, length);
    close(fd);
    if (got >= 0 && (size_t)got < length)
        errno = EIO;
    return got == (ssize_t)length ? 0 : -1;
}

struct deferred *amqp_caller_start(struct amqp_caller *self,
                                   struct amqp_client *client)
{
    if (read_random(self->random, sizeof(self->random)) < 0)
        return NULL;
    struct deferred *deferred = amqp_open_channel(client);
    if (!deferred)
        return NULL;
    deferred_add_callback(deferred, opened, self); /* three of DEFERRED_ROOM */
    deferred_add_callback(deferred, declared, self);
    deferred_add_callback(deferred, consuming, self);
    return deferred;
}

/* --- calls --- */

/* A UUID of version 4, 8-4-4-4-12 hexadecimal digits: what clients in Python,
 * which call str(uuid.uuid4()), have as the id of a call. */
static void next_id(struct amqp_caller *self, char *text)
{
    unsigned char *bytes = self->random;
    size_t i = sizeof(self->random);

    while (i-- > 9 && ++bytes[i] == 0) /* the last seven count */
        ;
    bytes[6] = 0x40 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    for (i = 0; i < sizeof(self->random); i++)
        text += sprintf(
            text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
            bytes[i]);
}

static void cancel(struct deferred *deferred, void *argument)
{
    (void)deferred;
    forget(argument);
}

struct deferred *amqp_caller_call(struct amqp_caller *self, const char *queue,
                                  const char *bytes, size_t length)
{
    struct amqp_call *call, **end = &self->calls;

    if (!self->channel) {
        errno = ENOTCONN;
        return NULL;
    }
    call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    next_id(self, call->id);
    const struct amqp_properties properties = { amqp_text(call->id),
                                                amqp_text(self->queue) };
    call->caller = self;
    call->deferred = deferred_new(cancel, call);
    if (!call->deferred ||
        amqp_publish(self->channel, queue, &properties,
                     (struct amqp_bytes){ bytes, length }, true) < 0) {
        int error = errno;
        if (call->deferred) /* nobody has it yet, so nobody hears of this */
            deferred_callback(call->deferred, NULL);
        deferred_release(call->deferred);
        free(call);
        errno = error;
        return NULL;
    }
    while (*end)
        end = &(*end)->next;
    *end = call;
    return call->deferred;
}
