/* SPDX-License-Identifier: MIT
 *
 * ssl_service.c - the services of server_service.h and client_service.h over
 * TLS.
 */
#include "services/ssl_service.h"

static struct port *open_ssl(struct server_service *self)
{
    return reactor_listen_ssl(self->reactor, self->number, self->factory,
                              self->options);
}

void server_service_init_ssl(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct factory *factory,
                             const struct ssl_port_options *options)
{
    *self = (struct server_service){ .base.class = &ServerService,
                                     .open = open_ssl,
                                     .reactor = reactor,
                                     .number = number,
                                     .factory = factory,
                                     .options = options };
}

/* The connector hears of its attempts through the service's own factory. */
static struct connector *connect_ssl(struct client_service *self)
{
    return reactor_connect_ssl(self->reactor, self->host, self->number,
                               &self->proxy_factory, self->options);
}

void client_service_init_ssl(struct client_service *self,
                             struct reactor *reactor, const char *host,
                             int number, struct factory *factory,
                             const struct ssl_connector_options *options)
{
    client_service_init(self, reactor, host, factory, options);
    self->number = number;
    self->connect = connect_ssl;
}
