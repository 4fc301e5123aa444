/* SPDX-License-Identifier: MIT
 *
 * rpc_server - has three procedures for whoever calls: echo TEXT, sha1 PATH,
 * sleep SECONDS. Each call is a Deferred, and is answered when that fires.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deferred/deferred_later.h"
#include "examples/hash_file.h"
#include "program/endpoint.h"
#include "rpc/rpc.h"
#include "stream/tcp_options.h"

enum {
    CALLS_MAX = 100,         /* of a client at a time; the next one waits */
    REQUEST_MAX = 64 * 1024, /* bytes of a request */
    ARGUMENT_MAX = 4096,     /* bytes of a path or a number, with its NUL */
    SLEEP_MAX = 60           /* seconds */
};

struct rpc_factory {
    struct factory base;
    struct reactor *reactor;
};

struct rpc_client {
    struct int_receiver base;
    struct deferred_group calls; /* that are not answered */
    int count;                   /* of them */
    bool leaving; /* it asks no more, and waits for what it has asked */
};

struct call {
    uint64_t id;
    struct rpc_client *client;
};

/* --- the procedures: each is a Deferred of a struct rpc_result, or NULL --- */

static struct result copy_argument(struct result result, void *argument)
{
    const struct rpc_message *request = result.value;

    (void)argument;
    return rpc_result_copy(request->rest, request->rest_length);
}

/* It has fired, so the copy is made in here: the request is gone later. */
static struct deferred *echo(struct rpc_message *request)
{
    struct deferred *deferred = deferred_succeed(request);

    if (deferred)
        deferred_add_callback(deferred, copy_argument, NULL);
    return deferred;
}

static struct result copy_hash(struct result result, void *argument)
{
    char *hash = result.value;
    struct result copy = rpc_result_copy(hash, strlen(hash));

    (void)argument;
    free(hash);
    return copy;
}

static struct deferred *sha1(struct reactor *reactor, const char *path)
{
    struct deferred *deferred = hash_file(reactor, path);

    if (deferred)
        deferred_add_callback(deferred, copy_hash, NULL);
    return deferred;
}

static struct result slept(void *argument)
{
    (void)argument;
    return result_value(NULL);
}

static struct deferred *fail(const struct failure_type *type)
{
    return deferred_fail((struct failure){ type, 0, NULL });
}

static struct deferred *sleep_for(struct reactor *reactor, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 0 && seconds <= SLEEP_MAX))
        return fail(&BadRequest);
    return deferred_later(clock_of_reactor(reactor), seconds, slept, NULL);
}

static struct deferred *start(struct reactor *reactor,
                              struct rpc_message *request)
{
    char argument[ARGUMENT_MAX] = "";

    if (rpc_word_is(request, "echo"))
        return echo(request);
    if (!rpc_word_is(request, "sha1") && !rpc_word_is(request, "sleep"))
        return fail(&UnknownProcedure);
    if (request->rest_length >= sizeof(argument) ||
        memchr(request->rest, '\0', request->rest_length))
        return fail(&BadRequest);
    memcpy(argument, request->rest, request->rest_length);
    return rpc_word_is(request, "sha1") ? sha1(reactor, argument)
                                        : sleep_for(reactor, argument);
}

/* --- calls, from the request to the answer --- */

static void leave_if_done(struct rpc_client *self)
{
    if (self->leaving && self->count == 0)
        transport_lose_connection(self->base.base.transport);
}

static struct result end_call(struct result result, void *argument)
{
    struct call *call = argument;
    struct rpc_client *client = call->client;
    struct rpc_result *value = result.value;
    char text[64];
    int sent;

    if (result.kind == RESULT_FAILURE) {
        snprintf(text, sizeof(text), "%s %d", result.failure.type->name,
                 result.failure.number);
        sent = rpc_send(&client->base, call->id, "error", text, strlen(text));
    } else {
        sent = rpc_send(&client->base, call->id, "ok",
                        value ? value->bytes : "", value ? value->length : 0);
        free(value);
    }
    if (sent < 0) /* or it would wait for ever */
        int_receiver_abort(&client->base);
    free(call);
    if (client->count-- == CALLS_MAX)
        int_receiver_resume(&client->base);
    leave_if_done(client);
    return result_value(NULL);
}

static void string_received(struct int_receiver *base, const char *string,
                            size_t length)
{
    struct rpc_client *self = (struct rpc_client *)base;
    struct rpc_factory *factory = (struct rpc_factory *)base->base.factory;
    struct call *call = calloc(1, sizeof(*call));
    struct deferred *deferred = NULL;
    struct rpc_message request;

    if (call && rpc_parse(&request, string, length) == 0)
        deferred = start(factory->reactor, &request);
    if (!deferred) { /* no request, or no memory */
        free(call);
        int_receiver_abort(base);
        return;
    }
    *call = (struct call){ request.id, self };
    if (++self->count == CALLS_MAX)
        int_receiver_pause(base);
    deferred_add_both(deferred, end_call, call);
    deferred_group_add(&self->calls, deferred);
}

/* Answers leave in many turns, and none is to wait until the one before is
 * acknowledged. */
static void connection_made(struct protocol *base)
{
    tcp_options_set_no_delay(base->transport, true);
}

static void read_connection_lost(struct protocol *base)
{
    struct rpc_client *self = (struct rpc_client *)base;

    self->leaving = true;
    leave_if_done(self);
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    struct rpc_client *self = (struct rpc_client *)base;

    int_receiver_connection_lost(base, reason);
    deferred_group_cancel(&self->calls); /* nobody waits for them any more */
}

static const struct int_receiver_class RpcServer = {
    .base =
        {
            .name = "RpcServer",
            .size = sizeof(struct rpc_client),
            .connection_made = connection_made,
            .data_received = int_receiver_data_received,
            .connection_lost = connection_lost,
            .read_connection_lost = read_connection_lost,
        },
    .max_length = REQUEST_MAX,
    .string_received = string_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9004,
                               .about = "runs procedures for its clients." };
    struct rpc_factory factory = {
        .base = { .name = "RpcFactory", .protocol = &RpcServer.base },
    };

    options_server(&options, NULL, argc, argv);
    factory.reactor = endpoint_reactor(&options);
    endpoint_listen_tcp(&options, factory.reactor, &factory.base);
    return endpoint_run(&options, factory.reactor);
}
