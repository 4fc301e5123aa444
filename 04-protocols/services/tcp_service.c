/* SPDX-License-Identifier: MIT */
#include "services/tcp_service.h"

static struct port *open_port(struct server_service *self)
{
    return reactor_listen_tcp(self->reactor, self->number, self->factory,
                              self->tcp_options);
}

static const struct server_service_class TcpServer = {
    { "TCPServer", server_service_start, server_service_start,
      server_service_stop },
    open_port,
};

void server_service_init_tcp(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct factory *factory,
                             const struct tcp_port_options *options)
{
    *self = (struct server_service){ .base.class = &TcpServer.base,
                                     .reactor = reactor,
                                     .number = number,
                                     .factory = factory,
                                     .tcp_options = options };
}

/* The connector hears of its attempts through the service's own factory. */
static struct connector *connect_tcp(struct client_service *self)
{
    return reactor_connect_tcp(self->reactor, self->host, self->number,
                               &self->proxy_factory, self->options);
}

static const struct client_service_class TcpClient = {
    { .name = "TCPClient",
      .start = client_service_start,
      .stop = client_service_stop },
    connect_tcp,
};

void client_service_init_tcp(struct client_service *self,
                             struct reactor *reactor, const char *host,
                             int number, struct factory *factory,
                             const struct connector_options *options)
{
    client_service_init(self, &TcpClient, reactor, factory);
    self->host = host;
    self->number = number;
    self->options = options;
}
