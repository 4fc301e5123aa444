/* SPDX-License-Identifier: MIT
 *
 * amqp_rpc_server - takes commands from a queue, runs each in a shell, and
 * sends what it prints to the queue that waits for it. A worker: as many of
 * them as you like may share a queue.
 *
 * It never blocks, so it says its heartbeats while a command runs, however long
 * that takes. A message is acknowledged when its answer is on its way: a worker
 * that dies before leaves it to another, and the command runs at least once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amqp/amqp_factory.h"
#include "net/text.h"
#include "process/command.h"
#include "program/endpoint.h"

enum { SHOWN_MAX = 1024 /* bytes of a command that are printed */ };

static const char no_memory[] = "command failed: no memory\n";

struct worker {
    struct amqp_factory base;
    const struct options *options;
    const char *queue;
    int prefetch;
    struct amqp_channel *channel; /* NULL: not consuming */
    struct job *jobs;
    int status; /* to leave with */
};

/* A message from its delivery to its ack. */
struct job {
    struct job *next;
    struct worker *worker;
    struct deferred *command; /* NULL: it has ended */
    struct buffer *output;    /* of the command; waits for the broker */
    uint64_t tag;
    bool again; /* somebody has had it before */
    char correlation_id[AMQP_SHORT_MAX + 1];
    char reply_to[AMQP_SHORT_MAX + 1]; /* "": nobody wants an answer */
    size_t length;
    char line[];
};

/* --- a job --- */

static void forget(struct job *job)
{
    struct job **link = &job->worker->jobs;

    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    command_free_answer(job->output);
    free(job);
}

/* The line that the server in Python prints which this one is modelled on, to
 * the colours, and the output. Both are a stranger's, and so escaped. */
static void print_job(const struct job *job)
{
    size_t length = job->output ? buffer_length(job->output) : 0;
    char date[32], text[SHOWN_MAX];
    time_t now = time(NULL);

    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime(&now));
    printf("%s%s client execute \033[1;31;0m%s\033[0m result:\n",
           job->again ? "again: " : "", date,
           text_escape(job->line, job->length, text, sizeof(text), TEXT_LINE));
    if (length > 0)
        text_print(buffer_data(job->output), length, TEXT_LINES);
    putchar('\n');
}

/* Sends the answer, then the ack. Between the two we may die: then somebody
 * runs the command again. The other way round its answer might be lost, and
 * nobody would. */
static void answer(struct job *job)
{
    struct amqp_channel *channel = job->worker->channel;
    const struct amqp_properties properties = { .correlation_id = amqp_text(
                                                    job->correlation_id) };
    size_t length = job->output ? buffer_length(job->output) : 0;
    const struct amqp_bytes body = { length > 0 ? buffer_data(job->output) : "",
                                     length };

    if (job->worker->base.client->blocked)
        return; /* flow_changed tries again */
    if (*job->reply_to)
        amqp_publish(channel, job->reply_to, &properties, body, false);
    amqp_ack(channel, job->tag);
    forget(job);
}

static struct result command_ended(struct result result, void *argument)
{
    struct job *job = argument;

    deferred_release(job->command);
    job->command = NULL;
    if (!job->worker->channel) { /* nobody would take the answer */
        if (result.kind == RESULT_VALUE)
            command_free_answer(result.value);
        forget(job);
        return result_value(NULL);
    }
    if (result.kind == RESULT_VALUE)
        job->output = result.value;
    print_job(job);
    answer(job);
    return result_value(NULL);
}

static void copy_text(char *to, struct amqp_bytes bytes)
{
    if (bytes.length > 0)                     /* or there are none at all */
        memcpy(to, bytes.data, bytes.length); /* a short string fits */
    to[bytes.length] = '\0';
}

/* Not back into the queue: we would have it again at once, and there would be
 * no more memory than now. */
static void refuse(struct amqp_channel *channel,
                   const struct amqp_message *message, uint64_t tag)
{
    const struct amqp_properties properties = {
        .correlation_id = message->properties.correlation_id
    };
    char reply_to[AMQP_SHORT_MAX + 1];

    copy_text(reply_to, message->properties.reply_to);
    if (*reply_to)
        amqp_publish(channel, reply_to, &properties, amqp_text(no_memory),
                     false);
    amqp_ack(channel, tag);
}

static void delivered(struct amqp_consumer *consumer,
                      const struct amqp_message *message, uint64_t tag,
                      bool redelivered)
{
    struct worker *self = consumer->owner;
    size_t length = message->body.length;
    struct job *job = calloc(1, sizeof(*job) + length);

    if (job) {
        *job = (struct job){ .next = self->jobs,
                             .worker = self,
                             .tag = tag,
                             .again = redelivered,
                             .length = length };
        copy_text(job->correlation_id, message->properties.correlation_id);
        copy_text(job->reply_to, message->properties.reply_to);
        memcpy(job->line, message->body.data, length);
        job->command = command_run(self->base.reactor, job->line, length);
    }
    if (!job || !job->command) {
        free(job);
        refuse(consumer->channel, message, tag);
        return;
    }
    self->jobs = job;
    deferred_add_both(job->command, command_ended, job);
}

/* --- the connection --- */

/* What could not be acknowledged is somebody else's now; to go on with it would
 * be for nothing. */
static void channel_closed(struct amqp_channel *channel, struct failure reason)
{
    struct worker *self = channel->owner;
    char text[FAILURE_TEXT_MAX];

    self->channel = NULL;
    while (self->jobs)
        if (self->jobs->command)
            deferred_cancel(self->jobs->command);
        else
            forget(self->jobs);
    /* The broker has closed this channel alone, and with it our queue. */
    if (self->base.client && self->base.client->state == CLIENT_OPEN) {
        self->status = options_failed(self->options, self->queue,
                                      failure_message(reason, text));
        amqp_factory_leave(&self->base);
    }
}

static void cancelled(struct amqp_consumer *consumer)
{
    struct worker *self = consumer->owner;

    self->status =
        options_failed(self->options, self->queue, "the queue was deleted");
    amqp_factory_leave(&self->base);
}

static struct result consuming(struct result result, void *argument)
{
    (void)argument;
    printf("Server is waiting RPC requests...\n");
    return result;
}

static struct result prefetch_set(struct result result, void *argument)
{
    struct worker *self = argument;
    const struct amqp_consumer consumer = { .owner = self,
                                            .delivered = delivered,
                                            .cancelled = cancelled };

    (void)result;
    return result_deferred(
        amqp_consume(self->channel, self->queue, 0, &consumer));
}

static struct result declared(struct result result, void *argument)
{
    struct worker *self = argument;

    free(result.value);
    return result_deferred(amqp_qos(self->channel, (unsigned)self->prefetch));
}

static struct result opened(struct result result, void *argument)
{
    struct worker *self = argument;

    self->channel = result.value;
    self->channel->owner = self;
    self->channel->closed = channel_closed;
    return result_deferred(amqp_declare(self->channel, self->queue, 0));
}

/* `lost` or channel_closed has told it, unless there was no memory. */
static struct result start_failed(struct result result, void *argument)
{
    struct worker *self = argument;

    if (failure_check(result.failure, &MemoryError)) {
        self->status = options_failed(self->options, "start", "no memory");
        amqp_factory_leave(&self->base);
    }
    return result_value(NULL);
}

static void ready(struct amqp_factory *base, struct amqp_client *client)
{
    struct deferred *start = amqp_open_channel(client);

    if (!start) {
        start_failed(result_error(&MemoryError, 0), base);
        return;
    }
    deferred_add_callback(start, opened, base);
    deferred_add_callback(start, declared, base);
    deferred_add_callback(start, prefetch_set, base);
    deferred_add_callback(start, consuming, base);
    if (deferred_add_errback(start, start_failed, base) < 0)
        start_failed(result_error(&MemoryError, 0), base);
    deferred_release(start);
}

static void flow_changed(struct amqp_factory *base)
{
    struct worker *self = (struct worker *)base;
    struct job *job = self->jobs, *next;

    for (; job && self->channel && !base->client->blocked; job = next) {
        next = job->next;
        if (!job->command)
            answer(job);
    }
}

static void lost(struct amqp_factory *base, struct failure reason)
{
    struct worker *self = (struct worker *)base;
    char text[FAILURE_TEXT_MAX];

    if (reactor_stop_signal(base->reactor))
        printf("Connection lost...\n");
    if (base->leaving)
        return;
    options_failed(self->options, "connection", failure_message(reason, text));
    if (failure_check(reason, &AmqpClosed) &&
        reason.number == AMQP_ACCESS_REFUSED) { /* it will not change */
        self->status = EXIT_FAILURE;
        amqp_factory_leave(base);
    }
}

int main(int argc, char **argv)
{
    struct options options = { .port = 5672,
                               .about = "runs the commands of a queue." };
    struct worker self = { .queue = "rpc_queue", .prefetch = 1 };
    const struct option extra[] = {
        { "-q", "QUEUE", OPTION_TEXT, &self.queue, 0 },
        { "-w", "PREFETCH", OPTION_NUMBER, &self.prefetch, 1000 },
        { 0 },
    };

    options_client(&options, extra, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    amqp_factory_init(&self.base, "AmqpRpcServer", reactor);
    self.options = &options;
    self.base.ready = ready;
    self.base.lost = lost;
    self.base.flow_changed = flow_changed;
    endpoint_connect_tcp(&options, reactor, &self.base.base.base);
    int status = endpoint_run(&options, reactor);
    return status ? status : self.status;
}
