/* SPDX-License-Identifier: MIT
 *
 * hello_client - says hello, prints what the server says, and stays until the
 * server has had enough.
 */
#include <stdio.h>

#include "net/text.h"
#include "program/endpoint.h"

struct basic_client_factory {
    struct factory base;
    struct reactor *reactor;
    const struct options *options;
    int status;
};

static void send_command(struct protocol *self)
{
    transport_write_text(self->transport, "hello");
}

static void data_received(struct protocol *self, const char *data,
                          size_t length)
{
    printf("DATA ");
    text_print(data, length, TEXT_LINES); /* a terminal obeys some bytes */
    putchar('\n');
    if (ferror(stdout)) /* then there is nothing to stay for */
        transport_lose_connection(self->transport);
}

static const struct protocol_class Sender = {
    .name = "Sender",
    .size = sizeof(struct protocol),
    .connection_made = send_command,
    .data_received = data_received,
};

static void client_connection_failed(struct factory *base,
                                     struct connector *connector,
                                     struct failure reason)
{
    struct basic_client_factory *self = (struct basic_client_factory *)base;
    char text[FAILURE_TEXT_MAX];

    self->status = options_failed(self->options, connector_host(connector),
                                  failure_message(reason, text));
    reactor_stop(self->reactor);
}

static void client_connection_lost(struct factory *base,
                                   struct connector *connector,
                                   struct failure reason)
{
    struct basic_client_factory *self = (struct basic_client_factory *)base;
    char text[FAILURE_TEXT_MAX];

    (void)connector;
    printf("Lost connection: %s\n", failure_message(reason, text));
    reactor_stop(self->reactor);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9001 };
    struct basic_client_factory factory = {
        .base = { .name = "BasicClientFactory",
                  .protocol = &Sender,
                  .client_connection_failed = client_connection_failed,
                  .client_connection_lost = client_connection_lost },
        .options = &options,
    };

    options_client(&options, NULL, argc, argv);
    factory.reactor = endpoint_reactor(&options);
    endpoint_connect_tcp(&options, factory.reactor, &factory.base);
    int status = endpoint_run(&options, factory.reactor);
    return status ? status : factory.status;
}
