/* SPDX-License-Identifier: MIT
 *
 * udp.h - datagrams: who sends one to a port is heard by its protocol, and the
 * protocol answers through the port. Multicast is in multicast.h; the same port
 * over a socket file is in unix_datagram.h.
 *
 * There is no connection, so there is nothing that a factory could make: one
 * protocol has one port, and hears everybody who sends to it. The protocol is
 * yours, and lives until stop_protocol has returned. Who owns the port, and how
 * it is stopped, is in protocol/port.h. Functions that return int return 0, or
 * -1 with errno.
 */
#ifndef UDP_H
#define UDP_H

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"
#include "protocol/port.h"

enum {
    UDP_PACKET_SIZE = 8192,    /* bytes; what is longer is cut to it */
    UDP_TURN_BYTES = 262144,   /* read in one turn; then others have theirs */
    UDP_TURN_DATAGRAMS = 1024, /* likewise, for small ones and empty ones */
    UDP_WHERE_MAX = 120        /* bytes of a name in the log; a path fits */
};

struct datagram_protocol;
struct udp_port;

/* What datagrams mean: Twisted's DatagramProtocol. Callbacks that are NULL do
 * nothing. */
struct datagram_protocol_class {
    const char *name; /* "Echo": in the log and in the trace */

    /* Once, first: the transport is there. */
    void (*start_protocol)(struct datagram_protocol *self);

    /* Once, last: the transport is NULL again. */
    void (*stop_protocol)(struct datagram_protocol *self);

    /* A datagram, whole or cut to the port's max_packet_size; an empty one is
     * one, too. `from` may be kept as a copy, and answered at any time. */
    void (*datagram_received)(struct datagram_protocol *self, const char *data,
                              size_t length, const struct address *from);

    /* Connected ports only: nobody was there to take what we sent. The port
     * stays open, and the next datagram may find somebody. */
    void (*connection_refused)(struct datagram_protocol *self);
};

/* A program's own state follows one as the first member of a larger struct.
 * Zero what you do not set. */
struct datagram_protocol {
    const struct datagram_protocol_class *class;
    struct udp_port *transport; /* the framework sets it */
    bool quiet; /* no lines in the log of its own start and stop */
};

/* The first member is for port_stop_listening and its like. The others belong
 * to udp.c, and to unix_datagram.c and multicast.c, which stand on it. */
struct udp_port {
    struct port base;
    struct datagram_protocol *protocol;
    const char *type;          /* for the log: "UDP" */
    char where[UDP_WHERE_MAX]; /* likewise: "9999" */
    sa_family_t family;
    struct address peer; /* length 0: not connected */
    char *data;          /* room for one datagram, behind the struct */
    size_t size;

    /* What else there is to undo when the port is lost, or NULL. */
    void (*undo)(struct udp_port *self);
};

/* Zeroes are the defaults. */
struct udp_options {
    const char *interface; /* an address; NULL: every IPv4 address */
    int max_packet_size;   /* bytes; 0: UDP_PACKET_SIZE */
    bool listen_multiple;  /* others who say so may have the same port */
};

/* Twisted's listenUDP: binds and calls start_protocol before it returns; port
 * 0 lets the kernel choose. Returns NULL with errno, and then the protocol has
 * not been started: EBUSY if it has a port already, EINVAL for a port that does
 * not exist. */
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
int udp_port_connect_to(struct udp_port *port, const struct address *peer);

/* For kinds of port: one is made in three steps. Room for `size` bytes that
 * begin with a struct udp_port, or NULL with errno; then, by the caller, a
 * bound socket in base.base.fd, `type`, `where`, `family`; then the start. */
struct udp_port *udp_port_new(size_t size, struct reactor *reactor,
                              struct datagram_protocol *protocol,
                              int max_packet_size);

/* Registers it and starts the protocol. Returns the port; or gives it up. */
struct udp_port *udp_port_start(struct udp_port *port);

/* Undoes what there is, closes and frees. Returns NULL, and keeps errno. */
struct udp_port *udp_port_give_up(struct udp_port *port);

#endif
