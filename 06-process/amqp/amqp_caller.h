/* SPDX-License-Identifier: MIT
 *
 * amqp_caller.h - calls of procedures over a broker, the caller's side: a queue
 * of its own for the answers, a call's id to find its answer by, and a Deferred
 * for each call.
 *
 * It is yours, and lives until `client` is lost.
 */
#ifndef AMQP_CALLER_H
#define AMQP_CALLER_H

#include "amqp/amqp_client.h"

/* All zeroes before amqp_caller_start. */
struct amqp_caller {
    struct amqp_channel *opening;   /* from its open-ok on */
    struct amqp_channel *channel;   /* NULL: no calls yet, or not any more */
    struct amqp_call *calls;        /* without an answer, the oldest first */
    char queue[AMQP_SHORT_MAX + 1]; /* for the answers */
    unsigned char random[16];       /* of the next call's id */
};

/* The answer to a call, to be freed with free(); a NUL follows the bytes. */
struct amqp_reply {
    size_t length;
    char bytes[];
};

/* Opens a channel, declares a queue, consumes it. Fires with NULL when calls
 * can be made. NULL with errno. */
struct deferred *amqp_caller_start(struct amqp_caller *self,
                                   struct amqp_client *client);

/* Sends these bytes to that queue. Fires with a struct amqp_reply *, or fails:
 * AmqpNoRoute when there is no such queue, else why the channel was lost. To
 * cancel it is to forget it; the answer is ignored. NULL with errno: ENOMEM, or
 * what amqp_publish says. */
struct deferred *amqp_caller_call(struct amqp_caller *self, const char *queue,
                                  const char *bytes, size_t length);

#endif
