/* SPDX-License-Identifier: MIT
 *
 * tcp_service.c - the services of server_service.h and client_service.h over
 * TCP.
 */
#include "services/client_service.h"
#include "services/server_service.h"
#include "stream/tcp_port.h"

static struct port *open_tcp(struct server_service *self)
{
    return reactor_listen_tcp(self->reactor, self->number, self->factory,
                              self->options);
}

void server_service_init_tcp(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct factory *factory,
                             const struct tcp_port_options *options)
{
    *self = (struct server_service){ .base.class = &ServerService,
                                     .open = open_tcp,
                                     .reactor = reactor,
                                     .number = number,
                                     .factory = factory,
                                     .options = options };
}

/* The connector hears of its attempts through the service's own factory. */
static struct connector *connect_tcp(struct client_service *self)
{
    return reactor_connect_tcp(self->reactor, self->host, self->number,
                               &self->proxy_factory, self->options);
}

void client_service_init_tcp(struct client_service *self,
                             struct reactor *reactor, const char *host,
                             int number, struct factory *factory,
                             const struct connector_options *options)
{
    client_service_init(self, reactor, host, factory, options);
    self->number = number;
    self->connect = connect_tcp;
}
