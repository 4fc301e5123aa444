/* SPDX-License-Identifier: MIT
 *
 * rpc_client - calls a procedure for each line, "echo hello", without waiting
 * for the last answer, and prints each when it comes. Status 0: all have come.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deferred/deferred_timeout.h"
#include "program/client.h"
#include "program/keyboard.h"
#include "rpc/rpc.h"

enum { CALLS_MAX = 1000 /* under way; more lines wait */ };

struct rpc_factory {
    struct client base;
    struct producer producer; /* the keyboard, as the transport knows it */
    struct rpc_caller *caller;
    struct keyboard *keyboard; /* NULL: nothing more will be typed */
    int timeout;               /* seconds for a call; 0: none */
    int calls;                 /* that have no answer */
    bool full;                 /* the server takes no more for now */
};

/* What was typed, until it is answered. */
struct typed {
    struct rpc_factory *factory;
    size_t length;
    char line[];
};

/* Reads on, waits, or leaves, as the case may be. */
static void pace(struct rpc_factory *self)
{
    if (self->keyboard && (self->full || self->calls >= CALLS_MAX)) {
        keyboard_pause(self->keyboard);
    } else if (self->keyboard) {
        keyboard_resume(self->keyboard);
    } else if (self->calls == 0) {
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

static struct result ended(struct result result, void *argument)
{
    struct typed *typed = argument;
    struct rpc_factory *factory = typed->factory;
    bool failed = result.kind == RESULT_FAILURE;
    struct rpc_result *value = failed ? NULL : result.value;
    char text[FAILURE_TEXT_MAX];

    fwrite(typed->line, 1, typed->length, stdout);
    printf(" => %s", failed ? "error: " : "");
    if (failed)
        printf("%s", failure_message(result.failure, text));
    else
        fwrite(value->bytes, 1, value->length, stdout);
    putchar('\n');
    if (failed && !is_answer(result.failure))
        factory->base.status = EXIT_FAILURE;
    free(value);
    free(typed);
    factory->calls--;
    pace(factory);
    return result_value(NULL);
}

/* LINE = PROCEDURE [ SP ARGUMENT ] */
static struct deferred *call(const struct typed *typed)
{
    size_t length = strcspn(typed->line, " ");
    const char *rest = typed->line + length + (typed->line[length] == ' ');
    char *procedure = strndup(typed->line, length);
    size_t rest_length = typed->length - (size_t)(rest - typed->line);
    struct deferred *deferred =
        procedure ? rpc_caller_call(typed->factory->caller, procedure, rest,
                                    rest_length)
                  : NULL;

    free(procedure);
    return deferred;
}

static void line_typed(void *argument, const char *line, size_t length)
{
    struct rpc_factory *self = argument;
    struct typed *typed = calloc(1, sizeof(*typed) + length + 1);
    struct deferred *deferred = NULL;

    if (typed) {
        *typed = (struct typed){ self, length };
        memcpy(typed->line, line, length);
        deferred = call(typed);
    }
    if (!deferred) {
        client_failed(&self->base, "call", strerror(errno));
        free(typed);
        return;
    }
    self->calls++;
    pace(self);
    if (self->timeout > 0 &&
        deferred_add_timeout(deferred, clock_of_reactor(self->base.reactor),
                             self->timeout) < 0)
        deferred_cancel(deferred); /* or it might wait for ever */
    deferred_add_both(deferred, ended, typed);
    deferred_release(deferred);
}

static void keyboard_closed(void *argument, int error)
{
    struct rpc_factory *self = argument;

    self->keyboard = NULL;
    if (error)
        client_failed(&self->base, "standard input", strerror(error));
    pace(self);
}

/* While the server takes no more, the keyboard waits. */
static struct rpc_factory *factory_of(struct producer *producer)
{
    return (struct rpc_factory *)((char *)producer -
                                  offsetof(struct rpc_factory, producer));
}

static void pause_producing(struct producer *producer)
{
    factory_of(producer)->full = true;
    pace(factory_of(producer));
}

static void resume_producing(struct producer *producer)
{
    factory_of(producer)->full = false;
    pace(factory_of(producer));
}

static void connection_made(struct protocol *base)
{
    struct rpc_factory *self = (struct rpc_factory *)base->factory;

    self->caller = (struct rpc_caller *)base;
    self->producer = (struct producer){ .resume_producing = resume_producing,
                                        .pause_producing = pause_producing,
                                        .stop_producing = pause_producing };
    transport_register_producer(base->transport, &self->producer, true);
    self->keyboard = keyboard_open(self->base.reactor, "", line_typed,
                                   keyboard_closed, self);
    if (self->keyboard)
        pace(self);
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
                               .about = "calls a procedure for each line." };
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
