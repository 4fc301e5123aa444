/* SPDX-License-Identifier: MIT
 *
 * udp_server - prints each datagram with its sender and answers "ok". One
 * port serves everybody: there is no connection, so nothing has to be kept.
 */
#include "examples/datagram.h"
#include "program/endpoint.h"

static void datagram_received(struct datagram_protocol *self, const char *data,
                              size_t length, const struct address *from)
{
    datagram_print(data, length, from);
    /* Whether it arrives nobody knows, so there is nothing to check. */
    udp_port_write(self->transport, "ok", 2, from);
}

static const struct datagram_protocol_class Printer = {
    .name = "Printer",
    .datagram_received = datagram_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9999,
                               .about = "answers each datagram with \"ok\"." };
    struct datagram_protocol printer = { .class = &Printer };
    const struct udp_options udp = { .max_packet_size = DATAGRAM_MAX };

    options_server(&options, NULL, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    datagram_ready(datagram_listen(&options, reactor, &printer, &udp));
    return endpoint_run(&options, reactor);
}
