/* SPDX-License-Identifier: MIT */
#include "services/client_service.h"

#include <stddef.h>

/* The class of a service, and below it how a kind of client connects. */
struct client_class {
    struct service_class base;
    struct connector *(*connect)(struct client_service *self);
};

/* --- the front: what the connector takes for the factory --- */

static struct client_service *of(struct factory *front)
{
    return (struct client_service *)((char *)front -
                                     offsetof(struct client_service, front));
}

static void start_factory(struct factory *front)
{
    struct factory *factory = of(front)->factory;

    if (factory->ports++ == 0 && factory->start_factory)
        factory->start_factory(factory);
}

static void stop_factory(struct factory *front)
{
    struct factory *factory = of(front)->factory;

    if (--factory->ports == 0 && factory->stop_factory)
        factory->stop_factory(factory);
}

/* The protocol gets its own factory here, and keeps it. */
static struct protocol *build_protocol(struct factory *front,
                                       const struct address *peer,
                                       struct failure *reason)
{
    return factory_build_protocol(of(front)->factory, peer, reason);
}

static void started_connecting(struct factory *front,
                               struct connector *connector)
{
    struct client_service *self = of(front);

    self->connector = connector;
    if (self->factory->started_connecting)
        self->factory->started_connecting(self->factory, connector);
}

/* It may be gone when the turn is over; if the factory tries again, there is
 * a connector again. */
static void over(struct client_service *self, const struct connector *connector)
{
    if (self->connector == connector)
        self->connector = NULL;
}

static void client_connection_failed(struct factory *front,
                                     struct connector *connector,
                                     struct failure reason)
{
    struct client_service *self = of(front);

    over(self, connector);
    if (self->factory->client_connection_failed)
        self->factory->client_connection_failed(self->factory, connector,
                                                reason);
}

static void client_connection_lost(struct factory *front,
                                   struct connector *connector,
                                   struct failure reason)
{
    struct client_service *self = of(front);

    over(self, connector);
    if (self->factory->client_connection_lost)
        self->factory->client_connection_lost(self->factory, connector, reason);
}

/* --- the service --- */

static void end_connector(struct client_service *self)
{
    struct connector *connector = self->connector;

    self->connector = NULL; /* a later start has its own */
    if (connector)
        connector_disconnect(connector);
}

static int start(struct service *base)
{
    struct client_service *self = (struct client_service *)base;
    const struct client_class *class = (const struct client_class *)base->class;

    self->front.name = self->factory->name;
    self->front.quiet = self->factory->quiet;
    if (!class->connect(self))
        return -1;
    if (!base->running) /* start_factory has asked for that, too early */
        end_connector(self);
    return 0;
}

static void stop(struct service *base)
{
    end_connector((struct client_service *)base);
    service_stopped(base);
}

static struct connector *connect_tcp(struct client_service *self)
{
    return reactor_connect_tcp(self->reactor, self->host, self->number,
                               &self->front, self->options);
}

static struct connector *connect_unix(struct client_service *self)
{
    return reactor_connect_unix(self->reactor, self->host, &self->front,
                                self->options);
}

static const struct client_class TcpClient = {
    { .name = "TCPClient", .start = start, .stop = stop }, connect_tcp
};
static const struct client_class UnixClient = {
    { .name = "UNIXClient", .start = start, .stop = stop }, connect_unix
};

static void init(struct client_service *self, const struct client_class *class,
                 struct reactor *reactor, struct factory *factory)
{
    *self = (struct client_service){
        .base = { .class = &class->base },
        .reactor = reactor,
        .factory = factory,
        .front = { .build_protocol = build_protocol,
                   .start_factory = start_factory,
                   .stop_factory = stop_factory,
                   .started_connecting = started_connecting,
                   .client_connection_failed = client_connection_failed,
                   .client_connection_lost = client_connection_lost },
    };
}

void client_service_init_tcp(struct client_service *self,
                             struct reactor *reactor, const char *host,
                             int number, struct factory *factory,
                             const struct connector_options *options)
{
    init(self, &TcpClient, reactor, factory);
    self->host = host;
    self->number = number;
    self->options = options;
}

void client_service_init_unix(struct client_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct connector_options *options)
{
    init(self, &UnixClient, reactor, factory);
    self->host = path;
    self->options = options;
}
