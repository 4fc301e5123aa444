/* SPDX-License-Identifier: MIT
 *
 * tcp_client.h - a connection while it is being made: the handshake, and how
 * it ends.
 */
#ifndef TCP_CLIENT_H
#define TCP_CLIENT_H

#include "connection.h"

/* Where to connect, and from where. */
struct tcp_client_address {
    const char *host;
    int port;
    const char *bind_host; /* our own end's; NULL: the kernel chooses */
    int bind_port;
};

/* Looks the names up, which blocks, and begins to connect. The owner hears of
 * the end in a later turn: `connected`, and if that returns a protocol the
 * connection starts; `failed`; or, if it returned none, `connection_lost`.
 * Returns what went wrong at once, with no connection, or no failure. */
struct failure tcp_client_connect(struct reactor *reactor,
                                  const struct tcp_client_address *where,
                                  struct connection_owner *owner,
                                  struct connection **connection);

#endif
