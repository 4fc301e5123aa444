/* SPDX-License-Identifier: MIT
 *
 * rpc_caller.c - the caller's side: which answer is for which call.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/rpc.h"

/* It is in its caller's list until it has an answer or is cancelled. */
struct rpc_call {
    uint64_t id;
    struct deferred *deferred;
    struct rpc_caller *caller;
    struct rpc_call *next;
};

static void forget(struct rpc_call *call)
{
    struct rpc_call **link = &call->caller->calls;

    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    free(call);
}

static void cancel(struct deferred *deferred, void *argument)
{
    (void)deferred;
    forget(argument);
}

struct deferred *rpc_caller_call(struct rpc_caller *self, const char *procedure,
                                 const char *argument, size_t length)
{
    if (self->lost) { /* one of those that fail now wants to try again */
        errno = ENOTCONN;
        return NULL;
    }
    struct rpc_call *call = calloc(1, sizeof(*call)), **end = &self->calls;
    struct deferred *deferred = call ? deferred_new(cancel, call) : NULL;

    if (!deferred || rpc_send(&self->base, self->last_id + 1, procedure,
                              argument, length) < 0) {
        int error = errno;
        if (deferred)
            deferred_callback(deferred, NULL);
        deferred_release(deferred);
        free(call);
        errno = error;
        return NULL;
    }
    *call = (struct rpc_call){ ++self->last_id, deferred, self, NULL };
    while (*end)
        end = &(*end)->next;
    *end = call;
    return deferred;
}

struct result rpc_result_copy(const char *bytes, size_t length)
{
    struct rpc_result *result = malloc(sizeof(*result) + length + 1);

    if (!result)
        return result_error(&MemoryError, 0);
    result->length = length;
    memcpy(result->bytes, bytes, length);
    result->bytes[length] = '\0';
    return result_value(result);
}

/* TYPE SP NUMBER; what we do not know is ProcedureFailed. */
static struct result failure_of(const struct rpc_message *message)
{
    const struct failure_type *types[] = { &UnknownProcedure, &BadRequest };
    char text[64] = "", *number;

    memcpy(text, message->rest,
           message->rest_length < sizeof(text) ? message->rest_length
                                               : sizeof(text) - 1);
    number = text + strcspn(text, " ");
    long error = strtol(number, NULL, 10);
    *number = '\0';
    for (int i = 0; i < 2; i++)
        if (!strcmp(text, types[i]->name))
            return result_error(types[i], 0);
    return result_error(&ProcedureFailed,
                        error > 0 && error < INT_MAX ? (int)error : 0);
}

void rpc_caller_string_received(struct int_receiver *base, const char *string,
                                size_t length)
{
    struct rpc_caller *self = (struct rpc_caller *)base;
    struct rpc_message message;
    struct rpc_call *call = self->calls;
    bool ok;

    if (rpc_parse(&message, string, length) < 0 ||
        (!(ok = rpc_word_is(&message, "ok")) &&
         !rpc_word_is(&message, "error"))) {
        int_receiver_abort(base); /* whoever this is, it is no server of ours */
        return;
    }
    while (call && call->id != message.id)
        call = call->next;
    if (!call) /* it was cancelled */
        return;
    struct deferred *deferred = call->deferred;
    forget(call);
    deferred_fire(deferred,
                  ok ? rpc_result_copy(message.rest, message.rest_length)
                     : failure_of(&message));
}

void rpc_caller_connection_lost(struct protocol *base, struct failure reason)
{
    struct rpc_caller *self = (struct rpc_caller *)base;

    self->lost = true;
    while (self->calls) {
        struct deferred *deferred = self->calls->deferred;
        forget(self->calls);
        deferred_errback(deferred, reason);
    }
    int_receiver_connection_lost(base, reason);
}
