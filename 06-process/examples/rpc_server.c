/* SPDX-License-Identifier: MIT
 *
 * rpc_server - has one procedure, shell LINE: runs the line in a shell, and
 * returns what it prints. A worker runs one call at a time. Its answer is the
 * acknowledgement: only then does it take the next, the oldest that waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/command.h"
#include "program/endpoint.h"
#include "protocol/write_watermark.h"
#include "rpc/rpc.h"
#include "stream/tcp_options.h"

enum {
    CALLS_MAX = 100,        /* of a client at a time; the next one waits */
    REQUEST_MAX = 64 * 1024 /* bytes of a request */
};

struct rpc_factory {
    struct factory base;
    struct reactor *reactor;
    struct call *calls; /* that are not answered, the oldest first */
    int workers;
    int busy;         /* of the workers */
    bool dispatching; /* somebody walks along the calls */
};

struct rpc_client {
    struct int_receiver base;
    struct write_watermark answers;
    int count; /* of its calls */
};

struct call {
    uint64_t id;
    struct rpc_client *client;
    struct deferred *deferred; /* NULL: it waits for a worker */
    struct call *next;
    size_t length;
    char line[];
};

static struct rpc_factory *factory_of(const struct rpc_client *client)
{
    return (struct rpc_factory *)client->base.base.factory;
}

/* --- calls, from the request to the answer --- */

/* answer = ID SP "error" SP TYPE SP NUMBER, see rpc.h */
static void fail(struct rpc_client *client, uint64_t id,
                 const struct failure_type *type, int number)
{
    char text[64];

    snprintf(text, sizeof(text), "%s %d", type->name, number);
    if (rpc_send(&client->base, id, "error", text, strlen(text)) < 0)
        int_receiver_abort(&client->base); /* or it would wait for ever */
}

/* Holds the client's next calls back while it has too many under way, or does
 * not read their answers. */
static void update_flow(struct rpc_client *self)
{
    if (self->answers.full || self->count >= CALLS_MAX)
        int_receiver_pause(&self->base);
    else
        int_receiver_resume(&self->base);
}

/* The client's next call may be delivered in here, and be added to the list. */
static void forget(struct call *call)
{
    struct rpc_client *client = call->client;
    struct call **link = &factory_of(client)->calls;

    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    free(call);
    client->count--;
    update_flow(client);
}

static void hire_workers(struct rpc_factory *self);

/* A call is over: it is answered, or nobody waits for it, and its worker is
 * free. An output of nearly 16 MiB is, with what stands before it, too long for
 * a message: then the answer is a failure. */
static struct result end_call(struct result result, void *argument)
{
    struct call *call = argument;
    struct rpc_factory *factory = factory_of(call->client);
    struct buffer *output = result.kind == RESULT_VALUE ? result.value : NULL;
    size_t length = output ? buffer_length(output) : 0;

    if (!output)
        fail(call->client, call->id, result.failure.type, 0);
    /* An empty one has no data: NULL must not go to memcpy, not even for 0
     * bytes. */
    else if (rpc_send(&call->client->base, call->id, "ok",
                      length > 0 ? buffer_data(output) : "", length) < 0)
        fail(call->client, call->id, &ProcedureFailed, errno);
    command_free_answer(output);
    deferred_release(call->deferred);
    forget(call);
    factory->busy--;
    hire_workers(factory);
    return result_value(NULL);
}

/* The oldest that waits, of a client that reads what it is sent. */
static struct call *next_call(const struct rpc_factory *self)
{
    struct call *call = self->calls;

    while (call && (call->deferred || call->client->answers.full))
        call = call->next;
    return call;
}

/* A call may end before this returns, and another come: both end up here again,
 * and `dispatching` leaves them to the loop that runs already. When our loop
 * ends no command is begun, for nobody would end it. */
static void hire_workers(struct rpc_factory *self)
{
    struct call *call;

    if (self->dispatching || !reactor_running(self->reactor))
        return;
    self->dispatching = true;
    while (self->busy < self->workers && (call = next_call(self))) {
        call->deferred = command_run(self->reactor, call->line, call->length);
        if (!call->deferred) {
            fail(call->client, call->id, &MemoryError, 0);
            forget(call);
            continue;
        }
        /* First: a command that could not be run has fired, and end_call, which
         * runs in here then, counts down and frees the call. */
        self->busy++;
        deferred_add_both(call->deferred, end_call, call);
    }
    self->dispatching = false;
}

/* At the end of the list, where the youngest waits. Without memory the client
 * is cut off: it would wait for an answer that nobody makes. */
static void add_call(struct rpc_client *client,
                     const struct rpc_message *request)
{
    struct call **end = &factory_of(client)->calls;

    while (*end)
        end = &(*end)->next;
    *end = calloc(1, sizeof(**end) + request->rest_length);
    if (!*end) {
        int_receiver_abort(&client->base);
        return;
    }
    (*end)->id = request->id;
    (*end)->client = client;
    (*end)->length = request->rest_length;
    memcpy((*end)->line, request->rest, request->rest_length);
    client->count++;
    update_flow(client);
    hire_workers(factory_of(client));
}

static void string_received(struct int_receiver *base, const char *string,
                            size_t length)
{
    struct rpc_message request;

    if (rpc_parse(&request, string, length) < 0)
        int_receiver_abort(base);
    else if (rpc_word_is(&request, "shell"))
        add_call((struct rpc_client *)base, &request);
    else
        fail((struct rpc_client *)base, request.id, &UnknownProcedure, 0);
}

/* The client reads its answers again, or has stopped: its waiting calls count
 * for the workers, or no longer do. */
static void write_watermark_changed(void *argument)
{
    update_flow(argument);
    hire_workers(factory_of(argument));
}

static void connection_made(struct protocol *base)
{
    struct rpc_client *self = (struct rpc_client *)base;

    /* Or an answer would wait until the one before is acknowledged. */
    tcp_options_set_no_delay(base->transport, true);
    /* Or we would not hear that a client has gone whose calls are held back. */
    self->base.input.read_ahead = REQUEST_MAX;
    write_watermark_watch(&self->answers, base->transport,
                          write_watermark_changed, base);
}

/* Nobody waits for its calls any more: commands are ended, and what waits is
 * forgotten. Each ended one frees a worker; `dispatching` keeps those from
 * being given to calls of this client that the walk has not come to. */
static void connection_lost(struct protocol *base, struct failure reason)
{
    struct rpc_client *self = (struct rpc_client *)base;
    struct rpc_factory *factory = factory_of(self);
    struct call *call = factory->calls, *next;

    /* First, or a call that is forgotten would let the next be delivered. */
    int_receiver_connection_lost(base, reason);
    factory->dispatching = true;
    for (; self->count > 0; call = next) {
        next = call->next; /* the call is freed in here, and no other is */
        if (call->client == self && call->deferred)
            deferred_cancel(call->deferred);
        else if (call->client == self)
            forget(call);
    }
    factory->dispatching = false;
    hire_workers(factory);
}

static const struct int_receiver_class RpcServer = {
    .base =
        {
            .name = "RpcServer",
            .size = sizeof(struct rpc_client),
            .connection_made = connection_made,
            .data_received = int_receiver_data_received,
            .connection_lost = connection_lost,
        },
    .max_length = REQUEST_MAX,
    .string_received = string_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9004, .about = "runs shell commands." };
    struct rpc_factory factory = { .base = { .name = "RpcFactory",
                                             .protocol = &RpcServer.base },
                                   .workers = 4 };
    const struct option extra[] = {
        { "-w", "WORKERS", OPTION_NUMBER, &factory.workers, 1000 },
        { 0 },
    };

    options_server(&options, extra, argc, argv);
    factory.reactor = endpoint_reactor(&options);
    endpoint_listen_tcp(&options, factory.reactor, &factory.base);
    return endpoint_run(&options, factory.reactor);
}
