/* SPDX-License-Identifier: MIT */
#include "services/client_service.h"

#include <stddef.h>

/* --- the proxy factory, which the connector takes for the program's --- */

static struct client_service *service_of(struct factory *proxy)
{
    return (struct client_service *)((char *)proxy -
                                     offsetof(struct client_service,
                                              proxy_factory));
}

static void proxy_start_factory(struct factory *proxy)
{
    factory_do_start(service_of(proxy)->factory);
}

static void proxy_stop_factory(struct factory *proxy)
{
    factory_do_stop(service_of(proxy)->factory);
}

/* The protocol gets its own factory here, and keeps it. */
static struct protocol *proxy_build_protocol(struct factory *proxy,
                                             const struct address *peer,
                                             struct failure *reason)
{
    return factory_build_protocol(service_of(proxy)->factory, peer, reason);
}

static void proxy_started_connecting(struct factory *proxy,
                                     struct connector *connector)
{
    struct client_service *self = service_of(proxy);

    self->connector = connector;
    if (self->factory->started_connecting)
        self->factory->started_connecting(self->factory, connector);
}

/* It may be gone when the turn is over; if the factory tries again, there is
 * a connector again. */
static void forget_connector(struct client_service *self,
                             const struct connector *connector)
{
    if (self->connector == connector)
        self->connector = NULL;
}

static void proxy_client_connection_failed(struct factory *proxy,
                                           struct connector *connector,
                                           struct failure reason)
{
    struct client_service *self = service_of(proxy);

    forget_connector(self, connector);
    if (self->factory->client_connection_failed)
        self->factory->client_connection_failed(self->factory, connector,
                                                reason);
}

static void proxy_client_connection_lost(struct factory *proxy,
                                         struct connector *connector,
                                         struct failure reason)
{
    struct client_service *self = service_of(proxy);

    forget_connector(self, connector);
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

static int client_service_start(struct service *base)
{
    struct client_service *self = (struct client_service *)base;

    self->proxy_factory.name = self->factory->name;
    if (!self->connect(self))
        return -1;
    if (!base->running) /* start_factory has asked for that, too early */
        end_connector(self);
    return 0;
}

static void client_service_stop(struct service *base)
{
    end_connector((struct client_service *)base);
    service_stopped(base);
}

static const struct service_class ClientService = {
    .start = client_service_start,
    .stop = client_service_stop,
};

void client_service_init(struct client_service *self, struct reactor *reactor,
                         const char *host, struct factory *factory,
                         const void *options)
{
    *self = (struct client_service){
        .base.class = &ClientService,
        .reactor = reactor,
        .host = host,
        .factory = factory,
        .options = options,
        .proxy_factory = { .quiet = true, /* yours tells of itself */
                           .build_protocol = proxy_build_protocol,
                           .start_factory = proxy_start_factory,
                           .stop_factory = proxy_stop_factory,
                           .started_connecting = proxy_started_connecting,
                           .client_connection_failed =
                               proxy_client_connection_failed,
                           .client_connection_lost =
                               proxy_client_connection_lost },
    };
}
