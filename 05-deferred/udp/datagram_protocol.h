/* SPDX-License-Identifier: MIT
 *
 * datagram_protocol.h - what datagrams mean: Twisted's DatagramProtocol.
 *
 * There is no connection, so there is nothing that a factory could make: one
 * protocol has one port, and hears everybody who sends to it. It is yours, and
 * lives until stop_protocol has returned.
 */
#ifndef DATAGRAM_PROTOCOL_H
#define DATAGRAM_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"

struct datagram_protocol;
struct udp_port;

/* Callbacks that are NULL do nothing. */
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
    struct udp_port *transport; /* see udp.h; the framework sets it */
    bool quiet; /* no lines in the log of its own start and stop */
};

#endif
