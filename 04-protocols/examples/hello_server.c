/* SPDX-License-Identifier: MIT
 *
 * hello_server - greets whoever connects, and prints what they say.
 */
#include <stdio.h>

#include "net/text.h"
#include "program/endpoint.h"

static char *client_of(struct protocol *self, char *text)
{
    struct address peer;
    char host[ADDRESS_TEXT_MAX];

    transport_get_peer(self->transport, &peer);
    snprintf(text, ADDRESS_TEXT_MAX, "%.64s %d", address_host(&peer, host),
             address_port(&peer));
    return text;
}

static void connection_made(struct protocol *self)
{
    char client[ADDRESS_TEXT_MAX];

    printf("success from %s\n", client_of(self, client));
    transport_write_text(self->transport, "Hello");
}

static void connection_lost(struct protocol *self, struct failure reason)
{
    char client[ADDRESS_TEXT_MAX], text[FAILURE_TEXT_MAX];

    printf("%s disconnected\n", client_of(self, client));
    puts(failure_message(reason, text));
}

static void data_received(struct protocol *self, const char *data,
                          size_t length)
{
    (void)self;
    text_print(data, length, TEXT_LINE);
    putchar('\n');
}

static const struct protocol_class SimpleProtocol = {
    .name = "SimpleProtocol",
    .size = sizeof(struct protocol),
    .connection_made = connection_made,
    .data_received = data_received,
    .connection_lost = connection_lost,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9001,
                               .about = "greets whoever connects." };
    struct factory factory = { .name = "Factory", .protocol = &SimpleProtocol };

    options_server(&options, NULL, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    endpoint_listen_tcp(&options, reactor, &factory);
    return endpoint_run(&options, reactor);
}
