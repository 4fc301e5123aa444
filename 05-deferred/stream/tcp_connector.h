/* SPDX-License-Identifier: MIT
 *
 * tcp_connector.h - a client's connection, tried, made, lost, and perhaps
 * tried again: disconnected, connecting, connected, and back.
 *
 * The framework owns the connector. It is valid until the end of the turn in
 * which client_connection_failed or client_connection_lost has returned
 * without another connect or retry.
 */
#ifndef TCP_CONNECTOR_H
#define TCP_CONNECTOR_H

#include "protocol/protocol.h"
#include "reactor/reactor.h"

enum connector_state { DISCONNECTED, CONNECTING, CONNECTED };

/* Zeroes are the defaults. */
struct connector_options {
    double timeout;           /* seconds for the whole attempt; 0: 30 */
    const char *bind_address; /* our end's, numeric; NULL: any */
    int bind_port;            /* and its port; 0: any */
};

/* Twisted's connectTCP: starts the factory and calls started_connecting, then
 * returns; whatever comes of it is told in a later turn. `host` and the
 * options are copied. NULL before the factory was started: ENOMEM, or EINVAL
 * for a port that does not exist, and for a bind_address that is a name. */
struct connector *reactor_connect_tcp(struct reactor *reactor, const char *host,
                                      int port, struct factory *factory,
                                      const struct connector_options *options);

/* Tries (again). -1 with EALREADY: it can't connect in this state, only when
 * it is disconnected. */
int connector_connect(struct connector *connector);

/* The same in `seconds`, counted from now; connector_stop_retrying forgets
 * it. connector_retry returns 0, or -1 with errno. */
int connector_retry(struct connector *connector, double seconds);
void connector_stop_retrying(struct connector *connector);

/* Gives up the attempt: client_connection_failed with UserError is called
 * before this returns. -1 with ENOTCONN when it is not connecting. */
int connector_stop_connecting(struct connector *connector);

/* Stops connecting, or loses the connection, or does nothing. */
void connector_disconnect(struct connector *connector);

enum connector_state connector_state(const struct connector *connector);

/* What it connects to, as it was given: "localhost", 1234. */
const char *connector_host(const struct connector *connector);
int connector_port(const struct connector *connector);

#endif
