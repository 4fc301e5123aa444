/* SPDX-License-Identifier: MIT
 *
 * amqp_rpc_client - has each line run as a command by whoever takes it from the
 * queue, now or later, and prints the answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/amqp_caller.h"
#include "amqp/amqp_factory.h"
#include "deferred/deferred_timeout.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "program/keyboard.h"

static const char banner[] =
    "This program use rabbitMQ send your OS command to server, your can use "
    "common command at here, enjoy it!\n\te.g.\n\t\t1.ls\n\t\t2.pwd\n"
    "\t\t3.free -m\n\t\t4.df -Th\n\t\t5.netstat -anplute\n";

struct asker {
    struct amqp_factory base;
    const struct options *options;
    const char *queue;
    int timeout;    /* seconds for a call; 0: none */
    int calls_max;  /* without an answer; then no line is read */
    bool connected; /* once, at least */
    bool started;   /* calls could be made over this connection */
    struct amqp_caller caller;
    struct keyboard *keyboard; /* NULL: nothing more will be typed */
    int calls;
    int status; /* to leave with */
};

/* It will not change by trying again. */
static void give_up(struct asker *self, const char *why)
{
    self->status = options_failed(self->options, self->options->host, why);
    amqp_factory_leave(&self->base);
}

/* Reads on, waits, or leaves, as the case may be. */
static void pace(struct asker *self)
{
    struct amqp_client *client = self->base.client;
    bool can_call = client && self->caller.channel &&
                    !amqp_client_full(client) && self->calls < self->calls_max;

    if (!self->keyboard && self->calls == 0)
        amqp_factory_leave(&self->base);
    else if (self->started && client && client->state == CLIENT_OPEN &&
             !self->caller.channel && !self->base.leaving)
        /* The connection is there, and no answer could come over it. */
        give_up(self, "the queue for answers is gone");
    else if (self->keyboard && can_call && !self->base.leaving)
        keyboard_resume(self->keyboard);
    else if (self->keyboard)
        keyboard_pause(self->keyboard);
}

static struct result ended(struct result result, void *argument)
{
    struct asker *self = argument;
    struct amqp_reply *reply = result.value;
    char text[FAILURE_TEXT_MAX];

    if (result.kind == RESULT_FAILURE) {
        printf("error: %s\n", failure_message(result.failure, text));
        self->status = EXIT_FAILURE;
    } else {
        text_print(reply->bytes, reply->length, TEXT_LINES);
        putchar('\n');
        free(reply);
    }
    self->calls--;
    pace(self);
    return result_value(NULL);
}

/* The call is counted before anything else is done with its Deferred: it may
 * have failed already, and `ended` counts down. */
static void line_typed(void *argument, const char *line, size_t length)
{
    struct asker *self = argument;
    struct deferred *call =
        amqp_caller_call(&self->caller, self->queue, line, length);

    if (!call) {
        self->status = options_failed(self->options, "call", strerror(errno));
        pace(self);
        return;
    }
    self->calls++;
    pace(self);
    if (self->timeout > 0 &&
        deferred_add_timeout(call, clock_of_reactor(self->base.reactor),
                             self->timeout) < 0)
        deferred_cancel(call); /* or it might wait for ever */
    deferred_add_both(call, ended, self);
    deferred_release(call);
}

static void keyboard_closed(void *argument, int error)
{
    struct asker *self = argument;

    self->keyboard = NULL;
    if (error)
        self->status =
            options_failed(self->options, "standard input", strerror(error));
    pace(self);
}

/* --- the connection --- */

/* Calls can be made. The keyboard is opened once; when the broker comes back
 * it goes on where it was. */
static struct result started(struct result result, void *argument)
{
    struct asker *self = argument;
    char text[FAILURE_TEXT_MAX];

    if (result.kind == RESULT_FAILURE) {
        if (self->base.client) /* or `lost` is about to tell it */
            give_up(self, failure_message(result.failure, text));
        return result_value(NULL);
    }
    self->started = true;
    if (!self->connected)
        self->keyboard = keyboard_open(self->base.reactor, "root@client>> ",
                                       line_typed, keyboard_closed, self);
    if (!self->connected && !self->keyboard)
        give_up(self, strerror(errno));
    else
        pace(self);
    self->connected = true;
    return result_value(NULL);
}

static void ready(struct amqp_factory *base, struct amqp_client *client)
{
    struct asker *self = (struct asker *)base;
    struct deferred *start;

    memset(&self->caller, 0, sizeof(self->caller));
    start = amqp_caller_start(&self->caller, client);
    if (!start) {
        give_up(self, strerror(errno));
        return;
    }
    deferred_add_both(start, started, self);
    deferred_release(start);
}

static void flow_changed(struct amqp_factory *base)
{
    pace((struct asker *)base);
}

/* By now the calls that were out have failed, each with the reason. Who was
 * never connected is told at once: a wrong port is no reason to wait. */
static void lost(struct amqp_factory *base, struct failure reason)
{
    struct asker *self = (struct asker *)base;
    char text[FAILURE_TEXT_MAX];

    self->started = false;
    if (reactor_stop_signal(base->reactor))
        printf("Connection lost...\n");
    if (base->leaving)
        return;
    if (!self->connected) {
        give_up(self, failure_message(reason, text));
        return;
    }
    options_failed(self->options, "connection", failure_message(reason, text));
    pace(self);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 5672,
                               .about = "sends commands through a queue." };
    struct asker self = { .queue = "rpc_queue", .calls_max = 1 };
    const struct option extra[] = {
        { "-q", "QUEUE", OPTION_TEXT, &self.queue, 0 },
        { "-t", "TIMEOUT", OPTION_NUMBER, &self.timeout, 24 * 3600 },
        { "-c", "CALLS", OPTION_NUMBER, &self.calls_max, 1000 },
        { 0 },
    };

    options_client(&options, extra, argc, argv);
    fputs(banner, stdout);
    struct reactor *reactor = endpoint_reactor(&options);
    amqp_factory_init(&self.base, "AmqpRpcClient", reactor);
    self.options = &options;
    self.base.ready = ready;
    self.base.lost = lost;
    self.base.flow_changed = flow_changed;
    endpoint_connect_tcp(&options, reactor, &self.base.base.base);
    int status = endpoint_run(&options, reactor);
    return status ? status : self.status;
}
