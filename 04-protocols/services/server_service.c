/* SPDX-License-Identifier: MIT */
#include "services/server_service.h"

#include <errno.h>

/* The class of a service, and below it what a kind of server does its own way:
 * NULL with errno if there can be no port; and when it is closed, `closed`. */
struct server_class {
    struct service_class base;
    void *(*open)(struct server_service *self);
    void (*close)(void *port);
    void (*watch)(void *port, void (*closed)(void *), void *argument);
};

static const struct server_class *class_of(const struct server_service *self)
{
    return (const struct server_class *)self->base.class;
}

/* The port is gone, whether or not we have asked for it. */
static void closed(void *argument)
{
    struct server_service *self = argument;

    self->port = NULL;
    if (self->base.stopping)
        service_stopped(&self->base);
}

static void stop(struct service *base)
{
    struct server_service *self = (struct server_service *)base;

    if (self->port)
        class_of(self)->close(self->port);
    else if (!self->opening)
        service_stopped(base);
}

/* For both starts: whichever comes first opens the port. */
static int start(struct service *base)
{
    struct server_service *self = (struct server_service *)base;

    if (self->port)
        return 0;
    self->opening = true;
    self->port = class_of(self)->open(self);
    self->opening = false;
    int error = errno;
    if (self->port)
        class_of(self)->watch(self->port, closed, self);
    if (self->base.stopping) /* start_factory, say, has asked for it */
        stop(base);
    errno = error;
    return self->port ? 0 : -1;
}

/* --- the kinds --- */

static void *open_tcp(struct server_service *self)
{
    return reactor_listen_tcp(self->reactor, self->number, self->factory,
                              self->options);
}

static void close_tcp(void *port)
{
    tcp_port_stop_listening(port, NULL, NULL);
}

static void watch_tcp(void *port, void (*closed)(void *), void *argument)
{
    tcp_port_on_stopped(port, closed, argument);
}

static void *open_udp(struct server_service *self)
{
    return reactor_listen_udp(self->reactor, self->number, self->protocol,
                              self->options);
}

static void *open_multicast(struct server_service *self)
{
    struct udp_options options = { 0 };

    if (self->options)
        options = *(const struct udp_options *)self->options;
    options.listen_multiple = true;
    return reactor_listen_udp(self->reactor, self->number, self->protocol,
                              &options);
}

static void *open_unix(struct server_service *self)
{
    return reactor_listen_unix(self->reactor, self->path, self->factory,
                               self->options);
}

static void close_unix(void *port)
{
    unix_port_stop_listening(port, NULL, NULL);
}

static void watch_unix(void *port, void (*closed)(void *), void *argument)
{
    unix_port_on_stopped(port, closed, argument);
}

static void *open_unix_datagram(struct server_service *self)
{
    return reactor_listen_unix_datagram(self->reactor, self->path,
                                        self->protocol, self->options);
}

static void *open_connected(struct server_service *self)
{
    return reactor_connect_unix_datagram(self->reactor, self->path,
                                         self->protocol, self->options);
}

static void close_udp(void *port)
{
    udp_port_stop_listening(port, NULL, NULL);
}

static void watch_udp(void *port, void (*closed)(void *), void *argument)
{
    udp_port_on_stopped(port, closed, argument);
}

/* Every kind; a client has no privileged start. */
static const struct server_class TcpServer = {
    { "TCPServer", start, start, stop }, open_tcp, close_tcp, watch_tcp
};
static const struct server_class UdpServer = {
    { "UDPServer", start, start, stop }, open_udp, close_udp, watch_udp
};
static const struct server_class MulticastServer = { { "MulticastServer", start,
                                                       start, stop },
                                                     open_multicast,
                                                     close_udp,
                                                     watch_udp };
static const struct server_class UnixServer = {
    { "UNIXServer", start, start, stop }, open_unix, close_unix, watch_unix
};
static const struct server_class UnixDatagramServer = { { "UNIXDatagramServer",
                                                          start, start, stop },
                                                        open_unix_datagram,
                                                        close_udp,
                                                        watch_udp };
static const struct server_class UnixDatagramClient = { { "UNIXDatagramClient",
                                                          NULL, start, stop },
                                                        open_connected,
                                                        close_udp,
                                                        watch_udp };

static void init(struct server_service *self, const struct server_class *class,
                 struct reactor *reactor, const void *options)
{
    *self = (struct server_service){ .base = { .class = &class->base },
                                     .reactor = reactor,
                                     .options = options };
}

void server_service_init_tcp(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct factory *factory,
                             const struct tcp_port_options *options)
{
    init(self, &TcpServer, reactor, options);
    self->number = number;
    self->factory = factory;
}

void server_service_init_udp(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct datagram_protocol *protocol,
                             const struct udp_options *options)
{
    init(self, &UdpServer, reactor, options);
    self->number = number;
    self->protocol = protocol;
}

void server_service_init_multicast(struct server_service *self,
                                   struct reactor *reactor, int number,
                                   struct datagram_protocol *protocol,
                                   const struct udp_options *options)
{
    init(self, &MulticastServer, reactor, options);
    self->number = number;
    self->protocol = protocol;
}

void server_service_init_unix(struct server_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct unix_port_options *options)
{
    init(self, &UnixServer, reactor, options);
    self->path = path;
    self->factory = factory;
}

void server_service_init_unix_datagram(
    struct server_service *self, struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options)
{
    init(self, &UnixDatagramServer, reactor, options);
    self->path = path;
    self->protocol = protocol;
}

void server_service_init_unix_datagram_client(
    struct server_service *self, struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options)
{
    init(self, &UnixDatagramClient, reactor, options);
    self->path = path;
    self->protocol = protocol;
}
