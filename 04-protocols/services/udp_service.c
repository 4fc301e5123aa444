/* SPDX-License-Identifier: MIT
 *
 * udp_service.c - the services of server_service.h over UDP.
 */
#include "services/server_service.h"
#include "udp/udp.h"

static struct port *listen_with(struct server_service *self,
                                const struct udp_options *options)
{
    struct udp_port *port = reactor_listen_udp(self->reactor, self->number,
                                               self->protocol, options);

    return port ? &port->base : NULL;
}

static struct port *open_udp(struct server_service *self)
{
    return listen_with(self, self->options);
}

static struct port *open_multicast(struct server_service *self)
{
    const struct udp_options *given = self->options;
    struct udp_options options = { 0 };

    if (given)
        options = *given;
    options.listen_multiple = true;
    return listen_with(self, &options);
}

void server_service_init_udp(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct datagram_protocol *protocol,
                             const struct udp_options *options)
{
    *self = (struct server_service){ .base.class = &ServerService,
                                     .open = open_udp,
                                     .reactor = reactor,
                                     .number = number,
                                     .protocol = protocol,
                                     .options = options };
}

void server_service_init_multicast(struct server_service *self,
                                   struct reactor *reactor, int number,
                                   struct datagram_protocol *protocol,
                                   const struct udp_options *options)
{
    server_service_init_udp(self, reactor, number, protocol, options);
    self->open = open_multicast;
}
