/* SPDX-License-Identifier: MIT
 *
 * rpc_client - has the server run each line as a command, without waiting for
 * the last answer, and prints each when it comes. Status 0: all have come.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deferred/deferred_timeout.h"
#include "net/text.h"
#include "program/client.h"
#include "program/keyboard.h"
#include "protocol/write_watermark.h"
#include "rpc/rpc.h"

enum { CALLS_MAX = 1000 /* under way; more lines wait */ };

struct rpc_factory {
    struct client base;
    struct write_watermark watermark; /* whether the server takes more */
    struct rpc_caller *caller;
    struct keyboard *keyboard; /* NULL: nothing more will be typed */
    int timeout;               /* seconds for a call; 0: none */
    int calls;                 /* that have no answer */
};

/* Reads on, waits, or leaves, as the case may be. */
static void update_flow(void *argument)
{
    struct rpc_factory *self = argument;

    if (self->keyboard && (self->watermark.full || self->calls >= CALLS_MAX)) {
        keyboard_pause(self->keyboard);
    } else if (self->keyboard) {
        keyboard_resume(self->keyboard);
    } else if (self->calls == 0) {
        /* Or the transport would wait for a producer before it closes. */
        transport_unregister_producer(self->caller->base.base.transport);
        transport_lose_connection(self->caller->base.base.transport);
    }
}

/* Whether the server has said so. */
static bool is_answer(struct failure failure)
{
    return failure_check(failure, &UnknownProcedure) ||
           failure_check(failure, &BadRequest) ||
           failure_check(failure, &ProcedureFailed);
}

/* The last callback of a call, and what it returns is a value: a failure has
 * been printed, and is not to be logged as unhandled. An error that the server
 * has answered is an answer; only a call without one makes the status 1. */
static struct result ended(struct result result, void *argument)
{
    struct rpc_factory *self = argument;
    bool failed = result.kind == RESULT_FAILURE;
    struct rpc_result *value = failed ? NULL : result.value;
    char text[FAILURE_TEXT_MAX];

    if (failed)
        printf("error: %s", failure_message(result.failure, text));
    else
        text_print(value->bytes, value->length, TEXT_LINES);
    putchar('\n');
    if (failed && !is_answer(result.failure))
        self->base.status = EXIT_FAILURE;
    free(value); /* the answer is its receiver's; NULL is none */
    self->calls--;
    update_flow(self);
    return result_value(NULL);
}

static void line_typed(void *argument, const char *line, size_t length)
{
    struct rpc_factory *self = argument;
    struct deferred *deferred =
        rpc_caller_call(self->caller, "shell", line, length);

    if (!deferred) {
        client_failed(&self->base, "call", strerror(errno));
        return;
    }
    self->calls++;
    update_flow(self);
    /* Before `ended`: a timeout covers the pairs that were added before it, and
     * it is DeferredTimeout that is to be printed. */
    if (self->timeout > 0 &&
        deferred_add_timeout(deferred, clock_of_reactor(self->base.reactor),
                             self->timeout) < 0)
        deferred_cancel(deferred); /* or it might wait for ever */
    deferred_add_both(deferred, ended, self);
    deferred_release(deferred);
}

static void keyboard_closed(void *argument, int error)
{
    struct rpc_factory *self = argument;

    self->keyboard = NULL;
    if (error)
        client_failed(&self->base, "standard input", strerror(error));
    update_flow(self);
}

static void connection_made(struct protocol *base)
{
    struct rpc_factory *self = (struct rpc_factory *)base->factory;

    self->caller = (struct rpc_caller *)base;
    write_watermark_watch(&self->watermark, base->transport, update_flow, self);
    self->keyboard = keyboard_open(self->base.reactor, "root@client>> ",
                                   line_typed, keyboard_closed, self);
    if (self->keyboard)
        update_flow(self);
    else
        keyboard_closed(self, errno);
}

/* The keyboard first: every call that is out fails in here, and `ended` is not
 * to have another line read, which could not be sent. */
static void connection_lost(struct protocol *base, struct failure reason)
{
    struct rpc_factory *self = (struct rpc_factory *)base->factory;
    bool leaving = !reactor_running(self->base.reactor);
    /* To be interrupted without a call that is out is no failure. */
    bool failed = self->calls > 0 || (self->keyboard && !leaving);
    const char *why = reason.number > 0 ? strerror(reason.number)
                      : leaving         ? "interrupted"
                                        : "connection closed by server";

    if (self->keyboard)
        keyboard_close(self->keyboard);
    self->keyboard = NULL;
    rpc_caller_connection_lost(base, reason);
    if (failed)
        client_failed(&self->base, self->base.options->host, why);
    reactor_stop(self->base.reactor);
}

static const struct int_receiver_class RpcClient = {
    .base =
        {
            .name = "RpcClient",
            .size = sizeof(struct rpc_caller),
            .connection_made = connection_made,
            .data_received = int_receiver_data_received,
            .connection_lost = connection_lost,
        },
    .max_length = RPC_MESSAGE_MAX,
    .string_received = rpc_caller_string_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9004,
                               .about = "has each line run by a server." };
    struct rpc_factory factory = {
        .base.base =
            {
                .name = "RpcClientFactory",
                .protocol = &RpcClient.base,
            },
    };
    const struct option extra[] = {
        { "-t", "TIMEOUT", OPTION_NUMBER, &factory.timeout, 24 * 3600 },
        { 0 },
    };

    options_client(&options, extra, argc, argv);
    return client_run(&factory.base, &options);
}
