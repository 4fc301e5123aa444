/* SPDX-License-Identifier: MIT
 *
 * udp.h - a socket for datagrams: who sends to it is heard by its protocol,
 * and the protocol answers through it. Multicast is in multicast.h; the same
 * port over a socket file is in unix_datagram.h.
 *
 * The framework owns the port and frees it when it has stopped, or with the
 * reactor. The protocol is yours. Functions that return int return 0, or -1
 * with errno.
 */
#ifndef UDP_H
#define UDP_H

#include <stdbool.h>

#include "reactor/reactor.h"
#include "udp/datagram_protocol.h"

enum {
    UDP_PACKET_SIZE = 8192,   /* bytes; what is longer is cut to it */
    UDP_TURN_BYTES = 262144,  /* read in one turn; then others have theirs */
    UDP_TURN_DATAGRAMS = 1024 /* likewise, for small ones and empty ones */
};

/* Zeroes are the defaults. */
struct udp_options {
    const char *interface; /* an address; NULL: every IPv4 address */
    int max_packet_size;   /* bytes; 0: UDP_PACKET_SIZE */
    bool listen_multiple;  /* others who say so may have the same port */
};

/* Twisted's listenUDP: binds and calls start_protocol before it returns; port
 * 0 lets the kernel choose. Returns NULL with errno, and then the protocol has
 * not been started: EBUSY if it has a port already. */
struct udp_port *reactor_listen_udp(struct reactor *reactor, int port,
                                    struct datagram_protocol *protocol,
                                    const struct udp_options *options);

/* Sends one datagram now, or not at all: nothing is queued. `to` is NULL on a
 * connected port. Whether it arrives nobody knows. EMSGSIZE: it is too long;
 * EAGAIN: the kernel, or a full receiver on this machine, has no room, and it
 * is dropped; EAFNOSUPPORT: `to` is not of the port's family; EDESTADDRREQ,
 * EISCONN: a `to` is missing, or is not the peer; ECONNREFUSED: nobody is
 * there, and on a connected port connection_refused follows in the loop. */
int udp_port_write(struct udp_port *port, const void *data, size_t length,
                   const struct address *to);

/* From now on there is one peer: only its datagrams are received, and refusals
 * are told. EINVAL for a name; EAFNOSUPPORT; EISCONN for a second time. */
int udp_port_connect(struct udp_port *port, const char *host, int number);

/* Where it listens. */
int udp_port_get_host(const struct udp_port *port, struct address *address);

/* Stops listening at the end of this turn; what the port is in the middle of
 * reading is still received. `stopped`, which may be NULL, is called once
 * stop_protocol has returned; the port is gone then. Twice is once. */
void udp_port_stop_listening(struct udp_port *port,
                             void (*stopped)(void *argument), void *argument);

/* `stopped` hears of the end, whatever it is, instead of the one above. */
void udp_port_on_stopped(struct udp_port *port, void (*stopped)(void *argument),
                         void *argument);

#endif
