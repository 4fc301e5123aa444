/* SPDX-License-Identifier: MIT
 *
 * int32_client - sends each line of its input to int32_server as one string,
 * without waiting for the answer to the last, and prints each answer. With
 * --netstring the strings are in netstrings. Status 0: all answers are in.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lengths/int_receiver.h"
#include "lengths/netstring_receiver.h"
#include "net/text.h"
#include "program/client.h"
#include "program/keyboard.h"

/* The one conversation, whichever protocol has it. */
struct string_factory {
    struct client base;
    struct producer producer;  /* the keyboard, as the transport knows it */
    struct protocol *protocol; /* NULL: there is none yet */
    struct keyboard *keyboard; /* NULL: nothing more will be typed */
    unsigned long long due;    /* answers that are not in */
    bool netstring;
};

/* All has been typed and all is in: then nothing is left to do. */
static void leave_if_done(struct string_factory *self)
{
    if (self->keyboard || self->due > 0)
        return;
    transport_unregister_producer(self->protocol->transport);
    transport_lose_connection(self->protocol->transport);
}

static void take_answer(struct protocol *protocol, const char *string,
                        size_t length)
{
    struct string_factory *self = (struct string_factory *)protocol->factory;

    text_print(string, length, TEXT_LINES);
    putchar('\n');
    if (self->due > 0)
        self->due--;
    leave_if_done(self);
}

static void line_typed(void *argument, const char *line, size_t length)
{
    struct string_factory *self = argument;

    self->due++;
    if (self->netstring)
        netstring_receiver_send_string(
            (struct netstring_receiver *)self->protocol, line, length);
    else
        int_receiver_send_string((struct int_receiver *)self->protocol, line,
                                 length);
}

static void keyboard_closed(void *argument, int error)
{
    struct string_factory *self = argument;

    self->keyboard = NULL;
    if (error)
        client_failed(&self->base, "standard input", strerror(error));
    leave_if_done(self);
}

/* A server that is slow is not sent more than it takes: the keyboard waits,
 * and the answers are read all the while. */
static struct string_factory *factory_of(struct producer *producer)
{
    return (struct string_factory *)((char *)producer -
                                     offsetof(struct string_factory, producer));
}

static void pause_producing(struct producer *producer)
{
    if (factory_of(producer)->keyboard)
        keyboard_pause(factory_of(producer)->keyboard);
}

static void resume_producing(struct producer *producer)
{
    if (factory_of(producer)->keyboard)
        keyboard_resume(factory_of(producer)->keyboard);
}

static void connection_made(struct protocol *protocol)
{
    struct string_factory *self = (struct string_factory *)protocol->factory;

    self->protocol = protocol;
    self->producer = (struct producer){ .resume_producing = resume_producing,
                                        .pause_producing = pause_producing,
                                        .stop_producing = pause_producing };
    transport_register_producer(protocol->transport, &self->producer, true);
    self->keyboard = keyboard_open(self->base.reactor, "", line_typed,
                                   keyboard_closed, self);
    if (self->keyboard)
        keyboard_resume(self->keyboard);
    else
        keyboard_closed(self, errno);
}

static void int32_received(struct int_receiver *self, const char *string,
                           size_t length)
{
    take_answer(&self->base, string, length);
}

static const struct int_receiver_class Int32Client = {
    .base =
        {
            .name = "Int32Client",
            .size = sizeof(struct int_receiver),
            .connection_made = connection_made,
            .data_received = int_receiver_data_received,
            .connection_lost = int_receiver_connection_lost,
        },
    .string_received = int32_received,
};

static void netstring_received(struct netstring_receiver *self,
                               const char *string, size_t length)
{
    take_answer(&self->base, string, length);
}

static const struct netstring_receiver_class NetstringClient = {
    .base =
        {
            .name = "NetstringClient",
            .size = sizeof(struct netstring_receiver),
            .connection_made = connection_made,
            .data_received = netstring_receiver_data_received,
            .connection_lost = netstring_receiver_connection_lost,
        },
    .string_received = netstring_received,
};

static void client_connection_lost(struct factory *base,
                                   struct connector *connector,
                                   struct failure reason)
{
    struct string_factory *self = (struct string_factory *)base;
    bool leaving = !reactor_running(self->base.reactor);
    const char *why = reason.number > 0 ? strerror(reason.number)
                      : leaving         ? "interrupted"
                                        : "connection closed by server";

    /* To be interrupted without an answer that is due is no failure. */
    if (self->due > 0 || (self->keyboard && !leaving))
        client_failed(&self->base, connector_host(connector), why);
    if (self->keyboard)
        keyboard_close(self->keyboard);
    reactor_stop(self->base.reactor);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9003,
                               .about = "sends lines as int32 strings." };
    struct string_factory factory = {
        .base.base =
            {
                .name = "StringFactory",
                .client_connection_lost = client_connection_lost,
            },
    };
    const struct option extra[] = {
        { "--netstring", NULL, OPTION_SWITCH, &factory.netstring, 0 },
        { 0 },
    };

    options_client(&options, extra, argc, argv);
    factory.base.base.protocol =
        factory.netstring ? &NetstringClient.base : &Int32Client.base;
    return client_run(&factory.base, &options);
}
