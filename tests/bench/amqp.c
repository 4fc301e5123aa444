/* SPDX-License-Identifier: MIT
 *
 * amqp - what a call over a broker costs: a worker that gives back what it
 * gets, and a caller that has one call out, on two connections of one process.
 *
 *   amqp PORT LABEL
 *
 * prints LABEL, a tab, and microseconds a call; and the same for the processor
 * time of this process, which is the worker's and the caller's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "amqp/amqp_caller.h"
#include "amqp/amqp_factory.h"

enum { CALLS = 2000, WARM = 100 };

static struct reactor *reactor;
static struct amqp_factory worker, asker;
static struct amqp_caller caller;
static struct amqp_channel *channel;
static int calls;
static double began, began_cpu;

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "amqp: %s\n", what);
    exit(1);
}

static double processor_time(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void delivered(struct amqp_consumer *self,
                      const struct amqp_message *message, uint64_t tag,
                      bool redelivered)
{
    char queue[AMQP_SHORT_MAX + 1] = "";
    const struct amqp_properties properties = {
        .correlation_id = message->properties.correlation_id
    };

    (void)redelivered;
    memcpy(queue, message->properties.reply_to.data,
           message->properties.reply_to.length);
    amqp_publish(self->channel, queue, &properties, message->body, false);
    amqp_ack(self->channel, tag);
}

static struct result answered(struct result result, void *argument);

static void call(void)
{
    static const char body[64] = "echo hello";
    struct deferred *deferred =
        amqp_caller_call(&caller, "bench", body, sizeof(body));

    if (!deferred)
        fail("call");
    deferred_add_both(deferred, answered, NULL);
    deferred_release(deferred);
}

static struct result answered(struct result result, void *argument)
{
    (void)argument;
    if (result.kind == RESULT_FAILURE)
        fail("answer");
    free(result.value);
    if (++calls == WARM) {
        began = reactor_seconds();
        began_cpu = processor_time();
    }
    if (calls < WARM + CALLS)
        call();
    else
        reactor_crash(reactor);
    return result_value(NULL);
}

static struct result start_calls(struct result result, void *argument)
{
    (void)argument;
    if (result.kind == RESULT_FAILURE)
        fail("caller");
    call();
    return result_value(NULL);
}

/* The worker is ready: now the caller connects. */
static struct result consuming(struct result result, void *port)
{
    if (result.kind == RESULT_FAILURE)
        fail("worker");
    reactor_connect_tcp(reactor, "127.0.0.1", *(int *)port, &asker.base.base,
                        NULL);
    return result_value(NULL);
}

static struct result declared(struct result result, void *argument)
{
    static const struct amqp_consumer consumer = { .delivered = delivered };

    (void)argument;
    free(result.value);
    return result_deferred(amqp_consume(channel, "bench", 0, &consumer));
}

static struct result opened(struct result result, void *argument)
{
    (void)argument;
    channel = result.value;
    return result_deferred(
        amqp_declare(channel, "bench", QUEUE_EXCLUSIVE | QUEUE_AUTO_DELETE));
}

static int port;

static void worker_ready(struct amqp_factory *self, struct amqp_client *client)
{
    struct deferred *open = amqp_open_channel(client);

    (void)self;
    deferred_add_callback(open, opened, NULL);
    deferred_add_callback(open, declared, NULL);
    deferred_add_both(open, consuming, &port);
    deferred_release(open);
}

static void caller_ready(struct amqp_factory *self, struct amqp_client *client)
{
    struct deferred *start = amqp_caller_start(&caller, client);

    (void)self;
    deferred_add_both(start, start_calls, NULL);
    deferred_release(start);
}

static void lost(struct amqp_factory *self, struct failure reason)
{
    (void)self, (void)reason;
    if (calls < WARM + CALLS)
        fail("connection");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        fail("PORT LABEL are wanted");
    port = atoi(argv[1]);
    reactor = reactor_new("epoll");
    if (!reactor)
        fail("reactor");
    amqp_factory_init(&worker, "Worker", reactor);
    amqp_factory_init(&asker, "Caller", reactor);
    worker.ready = worker_ready;
    asker.ready = caller_ready;
    worker.lost = asker.lost = lost;
    reactor_connect_tcp(reactor, "127.0.0.1", port, &worker.base.base, NULL);
    reactor_run(reactor);
    printf("%s\t%.1f\n%s, processor\t%.1f\n", argv[2],
           (reactor_seconds() - began) / CALLS * 1e6, argv[2],
           (processor_time() - began_cpu) / CALLS * 1e6);
    reactor_free(reactor);
    return 0;
}
