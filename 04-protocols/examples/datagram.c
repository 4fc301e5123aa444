/* SPDX-License-Identifier: MIT */
#include "examples/datagram.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/text.h"

void datagram_print(const char *data, size_t length, const struct address *from)
{
    char host[ADDRESS_TEXT_MAX];

    text_print(data, length, TEXT_LINE);
    printf(" %s %d\n", address_host(from, host), address_port(from));
}

struct udp_port *datagram_listen(const struct options *options,
                                 struct reactor *reactor,
                                 struct datagram_protocol *protocol,
                                 const struct udp_options *udp)
{
    struct udp_options where = *udp;
    char text[ADDRESS_TEXT_MAX];

    if (!where.interface)
        where.interface = options->interface;
    struct udp_port *port =
        reactor_listen_udp(reactor, options->port, protocol, &where);
    if (!port) {
        snprintf(text, sizeof(text), "%.60s:%d", where.interface,
                 options->port);
        options_failed(options, text, strerror(errno));
        reactor_free(reactor);
        exit(EXIT_FAILURE);
    }
    return port;
}

void datagram_ready(const struct udp_port *port)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    if (port_get_host(&port->base, &address) == 0)
        printf("listening on %s\n", address_text(&address, text));
}
