/* SPDX-License-Identifier: MIT
 *
 * unix_datagram_client - sends what is typed as one datagram and prints the
 * answer. It has a socket file of its own, or it could not be answered.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "examples/datagram.h"
#include "examples/datagram_client.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "unix/unix_datagram.h"

static void print(const char *data, size_t length, const struct address *from)
{
    (void)from;
    text_print(data, length, TEXT_LINES);
    putchar('\n');
}

int main(int argc, char **argv)
{
    struct options options = { .about = "sends datagrams, prints answers." };
    struct datagram_client client = {
        .base.class = &DatagramClient,
        .options = &options,
        .prompt = "",
        .print = print,
    };
    const struct unix_datagram_options large = { .max_packet_size =
                                                     DATAGRAM_MAX };
    const struct option table[] = {
        { "-r", "select|poll|epoll", OPTION_CHOICE, &options.reactor, 0 },
        { NULL, "PATH", OPTION_OPERAND, &client.server, 0 },
        { 0 },
    };

    options_plain(&options, table, argc, argv);
    client.reactor = endpoint_reactor(&options);
    if (reactor_connect_unix_datagram(client.reactor, client.server,
                                      &client.base, &large))
        return datagram_client_run(&client);
    int status = options_failed(&options, client.server, strerror(errno));
    reactor_free(client.reactor);
    return status;
}
