/* SPDX-License-Identifier: MIT
 *
 * tcp_client.h - a connection while it is being made: the look-up of its
 * name, the handshake, and how they end.
 */
#ifndef TCP_CLIENT_H
#define TCP_CLIENT_H

#include "deferred/deferred.h"
#include "stream/connection.h"

/* Where to connect, and from where. */
struct connect_target {
    const char *host;
    int port;
    struct address local; /* our own end; of no length: the kernel chooses */
};

/* The part of a connector that an attempt works with. */
struct tcp_client {
    struct connection_owner owner; /* first: it is the connector */
    struct reactor *reactor;
    struct connect_target where;
    struct deferred *look_up;      /* NULL: there is none */
    struct address peer;           /* once it is known */
    struct connection *connection; /* while connecting or connected */
};

/* Looks the name up beside the loop, and connects. The owner hears of the
 * end: `connected`, and if that returns a protocol the connection starts;
 * `failed`; or, if it returned none, `connection_lost`. Returns MemoryError, or
 * no failure. A numeric address may have `failed` before this returns. */
struct failure tcp_client_look_up(struct tcp_client *client);

/* Ends the look-up, if there is one; the owner does not hear of it. */
void tcp_client_forget(struct tcp_client *client);

/* The half of it that comes after the look-up: connects to client->peer.
 * Returns a failure, or none and client->connection is set. */
struct failure tcp_client_begin(struct tcp_client *client);

/* reactor_connect_tcp, and whatever connects by other means, ends here; `where`
 * is copied. In tcp_connector.c. */
struct connector *connector_new(struct reactor *reactor,
                                const struct connect_target *where,
                                struct factory *factory, double timeout);

#endif
