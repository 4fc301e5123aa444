/* SPDX-License-Identifier: MIT */
#include "services/udp_service.h"

static struct port *listen_with(struct server_service *self,
                                const struct udp_options *options)
{
    struct udp_port *port = reactor_listen_udp(self->reactor, self->number,
                                               self->protocol, options);

    return port ? &port->base : NULL;
}

static struct port *open_udp(struct server_service *self)
{
    return listen_with(self, self->udp_options);
}

static struct port *open_multicast(struct server_service *self)
{
    struct udp_options options = { 0 };

    if (self->udp_options)
        options = *self->udp_options;
    options.listen_multiple = true;
    return listen_with(self, &options);
}

static const struct server_service_class UdpServer = {
    { "UDPServer", server_service_start, server_service_start,
      server_service_stop },
    open_udp,
};
static const struct server_service_class MulticastServer = {
    { "MulticastServer", server_service_start, server_service_start,
      server_service_stop },
    open_multicast,
};

static void init(struct server_service *self,
                 const struct server_service_class *class,
                 struct reactor *reactor, int number,
                 struct datagram_protocol *protocol,
                 const struct udp_options *options)
{
    *self = (struct server_service){ .base.class = &class->base,
                                     .reactor = reactor,
                                     .number = number,
                                     .protocol = protocol,
                                     .udp_options = options };
}

void server_service_init_udp(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct datagram_protocol *protocol,
                             const struct udp_options *options)
{
    init(self, &UdpServer, reactor, number, protocol, options);
}

void server_service_init_multicast(struct server_service *self,
                                   struct reactor *reactor, int number,
                                   struct datagram_protocol *protocol,
                                   const struct udp_options *options)
{
    init(self, &MulticastServer, reactor, number, protocol, options);
}
