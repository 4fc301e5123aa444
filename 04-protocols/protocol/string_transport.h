/* SPDX-License-Identifier: MIT
 *
 * string_transport.h - a transport without a network, for tests only: what a
 * protocol writes is a string that a test can read, and a test plays the peer.
 *
 * The test owns it, and string_transport_close frees what it holds. Nothing
 * here needs a loop; what happens happens at once. It does not resume or pause
 * a producer: that is for the test, too. Its `reactor` is NULL.
 */
#ifndef STRING_TRANSPORT_H
#define STRING_TRANSPORT_H

#include "protocol/buffer.h"
#include "protocol/protocol.h"

struct string_transport {
    struct transport base;
    struct protocol *protocol; /* NULL once it is lost */
    struct buffer written; /* by the protocol, since the last buffer_clear */
    struct producer *producer;
    bool streaming;
    bool disconnecting; /* lose_connection or abort_connection was called */
    bool aborted;       /* abort_connection was */
    bool write_lost;    /* lose_write_connection was */
    bool paused;        /* pause_producing was, and not resumed */
};

/* Makes a protocol through the factory and connects it. Returns 0, or -1 when
 * the factory has none. */
int string_transport_open(struct string_transport *self,
                          struct factory *factory);

/* The peer sends `length` bytes. */
void string_transport_receive(struct string_transport *self, const char *data,
                              size_t length);

/* The connection ends for `reason`; the protocol is told and freed. */
void string_transport_lose(struct string_transport *self,
                           struct failure reason);

/* Loses the connection, if it is there, and frees what was written. */
void string_transport_close(struct string_transport *self);

#endif
