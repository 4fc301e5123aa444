/* SPDX-License-Identifier: MIT
 *
 * port.h - what every socket has that a program listens on, whatever comes in
 * there: where it is, and how it is told to stop. Twisted's IListeningPort.
 *
 * The framework owns a port and frees it when it has stopped, or with the
 * reactor. A kind of port begins with a struct port: tcp_port.h, udp.h,
 * unix_port.h and unix_datagram.h have them.
 */
#ifndef PORT_H
#define PORT_H

#include "net/address.h"
#include "reactor/reactor.h"

struct port {
    struct descriptor base; /* its class has port_dispose in it */
    struct reactor *reactor;
    void (*stopped)(void *argument);
    void *argument;
};

/* Where it listens. Returns 0, or -1 with errno. */
int port_get_host(const struct port *port, struct address *address);

/* Stops listening at the end of this turn; connections stay, and what the port
 * is in the middle of reading is still received. Twice is once. */
void port_stop_listening(struct port *port);

/* `stopped`, instead of who was given before, will be called once the port has
 * stopped, whatever ends it, and the factory or protocol was stopped; the port
 * is gone then. */
void port_on_stopped(struct port *port, void (*stopped)(void *argument),
                     void *argument);

/* For the kinds, in their connection_lost: "(TCP Port 9999 Closed)" in the log,
 * and from here on nobody in particular is running. */
void port_log_closed(const struct port *port, const char *type,
                     const char *where);

/* For the kinds: the last callback of the descriptor. */
void port_dispose(struct descriptor *base);

#endif
