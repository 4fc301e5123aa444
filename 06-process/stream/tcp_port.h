/* SPDX-License-Identifier: MIT
 *
 * tcp_port.h - a listening socket: it accepts, asks the factory for a protocol,
 * and joins the two by a connection.
 *
 * What else a port can do, and who owns it, is in protocol/port.h. The factory
 * is yours.
 */
#ifndef TCP_PORT_H
#define TCP_PORT_H

#include "protocol/port.h"
#include "protocol/protocol.h"

/* Zeroes are the defaults. */
struct tcp_port_options {
    const char *interface; /* an address; NULL: every IPv4 address */
    int backlog;           /* clients that may wait; 0: 50 */
};

/* Twisted's listenTCP: binds, listens and starts the factory before it
 * returns; port 0 lets the kernel choose. Returns NULL with errno: then the
 * factory has not been started. */
struct port *reactor_listen_tcp(struct reactor *reactor, int port,
                                struct factory *factory,
                                const struct tcp_port_options *options);

/* What Twisted calls CannotListenError: "Couldn't listen on any:80: [Errno 13]
 * Permission denied." Writes it into TCP_PORT_TEXT_MAX bytes, returns them. */
enum { TCP_PORT_TEXT_MAX = 200 };
const char *tcp_port_cannot_listen(char *text, const char *interface, int port,
                                   int error);

#endif
