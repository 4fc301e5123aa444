/* SPDX-License-Identifier: MIT
 *
 * udp_client - sends what is typed as one datagram and prints the answer with
 * its sender. Its port is connected: only so does it hear that nobody is there.
 */
#include <errno.h>
#include <string.h>

#include "examples/datagram.h"
#include "examples/datagram_client.h"
#include "program/endpoint.h"

/* Connects to HOST and -p. Returns NULL, or why it cannot. */
static const char *call_server(struct datagram_client *client)
{
    struct udp_options udp = { .max_packet_size = DATAGRAM_MAX };
    struct address server;
    char host[ADDRESS_TEXT_MAX];
    const char *why =
        address_resolve(&server, client->options->host, client->options->port);

    if (why)
        return why;
    if (server.bytes.ss_family == AF_INET6)
        udp.interface = "::";
    struct udp_port *port =
        reactor_listen_udp(client->reactor, 0, &client->base, &udp);
    if (!port || udp_port_connect(port, address_host(&server, host),
                                  address_port(&server)) < 0)
        return strerror(errno);
    return NULL;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9999,
                               .about = "sends datagrams, prints answers." };
    struct datagram_client client = {
        .base.class = &DatagramClient,
        .options = &options,
        .prompt = "数据:",
        .strips = true,
        .print = datagram_print,
    };

    options_client(&options, NULL, argc, argv);
    client.server = options.host;
    client.reactor = endpoint_reactor(&options);
    const char *why = call_server(&client);
    if (!why)
        return datagram_client_run(&client);
    reactor_free(client.reactor);
    return options_failed(&options, options.host, why);
}
