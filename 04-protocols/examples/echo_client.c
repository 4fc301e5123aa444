/* SPDX-License-Identifier: MIT
 *
 * echo_client - says hello, prints the answer, and leaves.
 */
#include <stdio.h>

#include "net/text.h"
#include "program/endpoint.h"

struct echo_factory {
    struct factory base;
    struct reactor *reactor;
};

/* Once connected, send a message, then print the result. */
static void echo_connection_made(struct protocol *self)
{
    transport_write_text(self->transport, "hello!");
}

static void echo_data_received(struct protocol *self, const char *data,
                               size_t length)
{
    printf("Server said: ");
    text_print(data, length, TEXT_LINES); /* a terminal obeys some bytes */
    putchar('\n');
    transport_lose_connection(self->transport);
}

static void echo_connection_lost(struct protocol *self, struct failure reason)
{
    (void)self, (void)reason;
    puts("connection lost");
}

static const struct protocol_class EchoClient = {
    .name = "EchoClient",
    .size = sizeof(struct protocol),
    .connection_made = echo_connection_made,
    .data_received = echo_data_received,
    .connection_lost = echo_connection_lost,
};

static void goodbye(struct factory *self, const char *what)
{
    printf("%s - goodbye!\n", what);
    reactor_stop(((struct echo_factory *)self)->reactor);
}

static void client_connection_failed(struct factory *self,
                                     struct connector *connector,
                                     struct failure reason)
{
    (void)connector, (void)reason;
    goodbye(self, "Connection failed");
}

static void client_connection_lost(struct factory *self,
                                   struct connector *connector,
                                   struct failure reason)
{
    (void)connector, (void)reason;
    goodbye(self, "Connection lost");
}

int main(int argc, char **argv)
{
    struct options options = { .port = 1234,
                               .about = "says hello and prints the answer." };
    struct echo_factory factory = {
        .base = { .name = "EchoFactory",
                  .protocol = &EchoClient,
                  .client_connection_failed = client_connection_failed,
                  .client_connection_lost = client_connection_lost },
    };

    options_client(&options, NULL, argc, argv);
    factory.reactor = endpoint_reactor(&options);
    endpoint_connect_tcp(&options, factory.reactor, &factory.base);
    return endpoint_run(&options, factory.reactor);
}
