/* SPDX-License-Identifier: MIT
 *
 * client_service.h - services that connect when they are started: Twisted's
 * TCPClient and UNIXClient. The constructors stand in tcp_service.c and
 * unix_service.c.
 *
 * A connector lives no longer than its connection, so the service stands
 * between it and your factory, and knows when there is one to disconnect. It
 * passes on all that the factory should hear.
 *
 * A stop ends the attempt, or loses the connection, and does not wait for that.
 * A factory that connects again whatever happens goes on to do so, as in
 * Twisted: reconnecting_client_factory_stop_trying is what ends that.
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
    const void *options; /* of its kind; NULL: the defaults */

    /* How this kind of client connects, with the proxy factory. */
    struct connector *(*connect)(struct client_service *self);

    /* The rest belongs to client_service.c. */
    struct factory proxy_factory; /* the connector takes it for yours */
    struct connector *connector;  /* that tries, or is connected; NULL: none */
};

/* What follows `reactor` is what follows it in reactor_connect_tcp and in
 * reactor_connect_unix. It is not copied, and must be there whenever the
 * service is started. */
void client_service_init_tcp(struct client_service *self,
                             struct reactor *reactor, const char *host,
                             int number, struct factory *factory,
                             const struct connector_options *options);
void client_service_init_unix(struct client_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct connector_options *options);

/* For the constructors. */
void client_service_init(struct client_service *self, struct reactor *reactor,
                         const char *host, struct factory *factory,
                         const void *options);

#endif
