/* SPDX-License-Identifier: MIT
 *
 * unix_service.c - the services of server_service.h and client_service.h over
 * socket files.
 */
#include "services/client_service.h"
#include "services/server_service.h"
#include "unix/unix_datagram.h"
#include "unix/unix_port.h"

/* --- streams --- */

static struct port *open_stream(struct server_service *self)
{
    return reactor_listen_unix(self->reactor, self->path, self->factory,
                               self->options);
}

void server_service_init_unix(struct server_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct unix_port_options *options)
{
    *self = (struct server_service){ .base.class = &ServerService,
                                     .open = open_stream,
                                     .reactor = reactor,
                                     .path = path,
                                     .factory = factory,
                                     .options = options };
}

static struct connector *connect_unix(struct client_service *self)
{
    return reactor_connect_unix(self->reactor, self->host, &self->proxy_factory,
                                self->options);
}

void client_service_init_unix(struct client_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct connector_options *options)
{
    client_service_init(self, reactor, path, factory, options);
    self->connect = connect_unix;
}

/* --- datagrams --- */

static struct port *open_datagram(struct server_service *self)
{
    struct udp_port *port = reactor_listen_unix_datagram(
        self->reactor, self->path, self->protocol, self->options);

    return port ? &port->base : NULL;
}

static struct port *open_connected(struct server_service *self)
{
    struct udp_port *port = reactor_connect_unix_datagram(
        self->reactor, self->path, self->protocol, self->options);

    return port ? &port->base : NULL;
}

void server_service_init_unix_datagram(
    struct server_service *self, struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options)
{
    *self = (struct server_service){ .base.class = &ServerService,
                                     .open = open_datagram,
                                     .reactor = reactor,
                                     .path = path,
                                     .protocol = protocol,
                                     .options = options };
}

/* To bind early is of no use without the server, which may start later. */
void server_service_init_unix_datagram_client(
    struct server_service *self, struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options)
{
    server_service_init_unix_datagram(self, reactor, path, protocol, options);
    self->base.class = &PortClientService;
    self->open = open_connected;
}
