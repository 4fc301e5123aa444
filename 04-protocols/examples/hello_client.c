/* SPDX-License-Identifier: MIT
 *
 * hello_client - says hello, prints what the server says, and stays until the
 * server has had enough.
 */
#include <stdio.h>

#include "net/text.h"
#include "program/client.h"

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

static void client_connection_lost(struct factory *base,
                                   struct connector *connector,
                                   struct failure reason)
{
    char text[FAILURE_TEXT_MAX];

    (void)connector;
    printf("Lost connection: %s\n", failure_message(reason, text));
    reactor_stop(((struct client *)base)->reactor);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9001,
                               .about = "says hello and prints the answer." };
    struct client client = {
        .base = { .name = "BasicClientFactory",
                  .protocol = &Sender,
                  .client_connection_lost = client_connection_lost },
    };

    options_client(&options, NULL, argc, argv);
    return client_run(&client, &options);
}
