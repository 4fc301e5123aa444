/* SPDX-License-Identifier: MIT
 *
 * tcp_port.h - a listening socket: it accepts, asks the factory for a protocol,
 * and joins the two by a connection.
 *
 * The framework owns the port and frees it when it has stopped, or with the
 * reactor. The factory is yours.
 */
#ifndef TCP_PORT_H
#define TCP_PORT_H

#include "protocol/protocol.h"
#include "reactor/reactor.h"

struct tcp_port;

/* Zeroes are the defaults. */
struct tcp_port_options {
    const char *interface; /* an address; NULL: every IPv4 address */
    int backlog;           /* clients that may wait; 0: 50 */
};

/* Twisted's listenTCP: binds, listens and starts the factory before it
 * returns; port 0 lets the kernel choose. Returns NULL with errno: then the
 * factory has not been started. */
struct tcp_port *reactor_listen_tcp(struct reactor *reactor, int port,
                                    struct factory *factory,
                                    const struct tcp_port_options *options);

/* What Twisted calls CannotListenError: "Couldn't listen on any:80: [Errno 13]
 * Permission denied." Writes it into TCP_PORT_TEXT_MAX bytes, returns them. */
enum { TCP_PORT_TEXT_MAX = 200 };
const char *tcp_port_cannot_listen(char *text, const char *interface, int port,
                                   int error);

/* Where it listens. Returns 0, or -1 with errno. */
int tcp_port_get_host(const struct tcp_port *port, struct address *address);

/* Stops listening at the end of this turn; connections stay. `stopped`, which
 * may be NULL, is called once that has happened and the factory was stopped;
 * the port is gone then. Twice is once. */
void tcp_port_stop_listening(struct tcp_port *port,
                             void (*stopped)(void *argument), void *argument);

/* `stopped` will be called when the port has stopped, whatever ends it, and
 * not what tcp_port_stop_listening is given. */
void tcp_port_on_stopped(struct tcp_port *port, void (*stopped)(void *argument),
                         void *argument);

#endif
