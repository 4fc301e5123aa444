/* SPDX-License-Identifier: MIT */
#include "services/unix_service.h"

/* --- streams --- */

static struct port *open_stream(struct server_service *self)
{
    return reactor_listen_unix(self->reactor, self->path, self->factory,
                               self->unix_options);
}

static const struct server_service_class UnixServer = {
    { "UNIXServer", server_service_start, server_service_start,
      server_service_stop },
    open_stream,
};

void server_service_init_unix(struct server_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct unix_port_options *options)
{
    *self = (struct server_service){ .base.class = &UnixServer.base,
                                     .reactor = reactor,
                                     .path = path,
                                     .factory = factory,
                                     .unix_options = options };
}

static struct connector *connect_unix(struct client_service *self)
{
    return reactor_connect_unix(self->reactor, self->host, &self->proxy_factory,
                                self->options);
}

static const struct client_service_class UnixClient = {
    { .name = "UNIXClient",
      .start = client_service_start,
      .stop = client_service_stop },
    connect_unix,
};

void client_service_init_unix(struct client_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct connector_options *options)
{
    client_service_init(self, &UnixClient, reactor, factory);
    self->host = path;
    self->options = options;
}

/* --- datagrams --- */

static struct port *open_datagram(struct server_service *self)
{
    struct udp_port *port = reactor_listen_unix_datagram(
        self->reactor, self->path, self->protocol, self->unix_datagram_options);

    return port ? &port->base : NULL;
}

static struct port *open_connected(struct server_service *self)
{
    struct udp_port *port = reactor_connect_unix_datagram(
        self->reactor, self->path, self->protocol, self->unix_datagram_options);

    return port ? &port->base : NULL;
}

static const struct server_service_class UnixDatagramServer = {
    { "UNIXDatagramServer", server_service_start, server_service_start,
      server_service_stop },
    open_datagram,
};
static const struct server_service_class UnixDatagramClient = {
    { "UNIXDatagramClient", NULL, server_service_start, server_service_stop },
    open_connected,
};

static void init(struct server_service *self,
                 const struct server_service_class *class,
                 struct reactor *reactor, const char *path,
                 struct datagram_protocol *protocol,
                 const struct unix_datagram_options *options)
{
    *self = (struct server_service){ .base.class = &class->base,
                                     .reactor = reactor,
                                     .path = path,
                                     .protocol = protocol,
                                     .unix_datagram_options = options };
}

void server_service_init_unix_datagram(
    struct server_service *self, struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options)
{
    init(self, &UnixDatagramServer, reactor, path, protocol, options);
}

void server_service_init_unix_datagram_client(
    struct server_service *self, struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options)
{
    init(self, &UnixDatagramClient, reactor, path, protocol, options);
}
