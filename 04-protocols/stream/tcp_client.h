/* SPDX-License-Identifier: MIT
 *
 * tcp_client.h - a connection while it is being made: the handshake, and how
 * it ends.
 */
#ifndef TCP_CLIENT_H
#define TCP_CLIENT_H

#include "stream/connection.h"

struct tcp_client;

/* Where to connect, from where, and how. */
struct connect_target {
    const char *host;
    int port;
    struct address local; /* our own end; of no length: the kernel chooses */

    /* Begins to connect. The owner hears of the end later: `connected`, and if
     * that returns a protocol the connection starts; `failed`; or, if it
     * returned none, `connection_lost`. Returns what went wrong at once, with
     * no connection, or no failure. After EAGAIN it is called again. */
    struct failure (*connect)(struct tcp_client *client);
};

/* The part of a connector that an attempt works with. */
struct tcp_client {
    struct connection_owner owner; /* first: it is the connector */
    struct reactor *reactor;
    struct connect_target where;
    struct address peer;           /* once it is known */
    struct connection *connection; /* while connecting or connected */
};

/* The half of it that comes after the look-up: connects to client->peer.
 * Returns a failure, or none and client->connection is set. */
struct failure tcp_client_begin(struct tcp_client *client);

/* reactor_connect_tcp, and whatever connects by other means, ends here; `where`
 * is copied. In tcp_connector.c. */
struct connector *connector_new(struct reactor *reactor,
                                const struct connect_target *where,
                                struct factory *factory, double timeout);

#endif
