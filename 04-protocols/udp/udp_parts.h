/* SPDX-License-Identifier: MIT
 *
 * udp_parts.h - what a port is made of, for udp.c, udp_port.c, multicast.c and
 * unix_datagram.c; nobody else looks inside. They make one in three steps:
 * udp_port_new, a bound socket in base.fd and its name in `where`,
 * udp_port_start.
 */
#ifndef UDP_PARTS_H
#define UDP_PARTS_H

#include "udp/udp.h"

enum { UDP_WHERE_MAX = 120 }; /* a socket file's path fits */

struct udp_port {
    struct descriptor base;
    struct reactor *reactor;
    struct datagram_protocol *protocol;
    const char *type;          /* for the log: "UDP" */
    char where[UDP_WHERE_MAX]; /* likewise: "9999" */
    sa_family_t family;
    struct address peer; /* length 0: not connected */
    char *data;          /* room for one datagram, behind the struct */
    size_t size;

    /* What else there is to undo when the port is lost, or NULL. */
    void (*undo)(struct udp_port *self);
    void (*stopped)(void *argument);
    void *argument;
};

/* What it does. */
extern const struct descriptor_class DatagramPort;

/* Room for a port, `size` bytes, or NULL with errno. No descriptor yet. */
struct udp_port *udp_port_new(size_t size, struct reactor *reactor,
                              struct datagram_protocol *protocol,
                              int max_packet_size);

/* Registers it and starts the protocol. Returns the port; or gives it up. */
struct udp_port *udp_port_start(struct udp_port *self);

/* Undoes what there is, closes and frees. Returns NULL, and keeps errno. */
struct udp_port *udp_port_give_up(struct udp_port *self);

/* udp_port_connect, by an address. */
int udp_port_connect_to(struct udp_port *self, const struct address *peer);

#endif
