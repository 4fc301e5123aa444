/* SPDX-License-Identifier: MIT
 *
 * client_service.h - services that connect when they are started: Twisted's
 * TCPClient and UNIXClient. The constructors are in tcp_service.h and
 * unix_service.h.
 *
 * A connector lives no longer than its connection, so the service stands
 * between it and your factory, and knows when there is one to disconnect. It
 * passes on all that the factory should hear.
 */
#ifndef CLIENT_SERVICE_H
#define CLIENT_SERVICE_H

#include "services/service.h"
#include "stream/tcp_connector.h"

struct client_service {
    struct service base;
    struct reactor *reactor;
    const char *host; /* or the path of a socket file */
    int number;
    struct factory *factory;
    const struct connector_options *options; /* NULL: the defaults */

    /* The rest belongs to client_service.c. */
    struct factory proxy_factory; /* the connector takes it for yours */
    struct connector *connector;  /* that tries, or is connected; NULL: none */
};

/* A kind of client: the class of a service, whose start and stop are those
 * below, and how it connects, with the proxy factory. */
struct client_service_class {
    struct service_class base;
    struct connector *(*connect)(struct client_service *self);
};

void client_service_init(struct client_service *self,
                         const struct client_service_class *class,
                         struct reactor *reactor, struct factory *factory);

int client_service_start(struct service *self);

/* Ends the attempt, or loses the connection, and does not wait for that. A
 * factory that connects again whatever happens goes on to do so, as in Twisted:
 * reconnecting_client_factory_stop_trying is what ends that. */
void client_service_stop(struct service *self);

#endif
