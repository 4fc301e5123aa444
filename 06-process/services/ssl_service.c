/* SPDX-License-Identifier: MIT
 *
 * ssl_service.c - the services of server_service.h and client_service.h over
 * TLS.
 */
#include "services/ssl_service.h"

static struct port *open_ssl(struct server_service *base)
{
    return reactor_listen_ssl(base->reactor, base->number, base->factory,
                              ((struct ssl_server_service *)base)->options);
}

void server_service_init_ssl(struct ssl_server_service *self,
                             struct reactor *reactor, int number,
                             struct factory *factory,
                             const struct ssl_port_options *options)
{
    self->base = (struct server_service){ .base.class = &ServerService,
                                          .open = open_ssl,
                                          .reactor = reactor,
                                          .number = number,
                                          .factory = factory };
    self->options = options;
}

/* The connector hears of its attempts through the service's own factory. */
static struct connector *connect_ssl(struct client_service *base)
{
    return reactor_connect_ssl(base->reactor, base->host, base->number,
                               &base->proxy_factory,
                               ((struct ssl_client_service *)base)->options);
}

void client_service_init_ssl(struct ssl_client_service *self,
                             struct reactor *reactor, const char *host,
                             int number, struct factory *factory,
                             const struct ssl_connector_options *options)
{
    client_service_init(&self->base, reactor, host, factory, NULL);
    self->base.number = number;
    self->base.connect = connect_ssl;
    self->options = options;
}
