/* SPDX-License-Identifier: MIT
 *
 * connection.h - the transport over one stream descriptor: a TCP connection
 * of either side, and whatever else can be read and written.
 *
 * It owns the descriptor and the protocol, and frees both, and itself, at the
 * end of the turn in which it is lost. A protocol sees its struct transport and
 * nothing else; the functions here are for what makes connections: ports,
 * clients, the keyboard, the pipes of a child.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "protocol/protocol.h"
#include "reactor/reactor.h"

enum {
    CONNECTION_READ_MAX = 192 << 10,  /* bytes delivered in one call */
    CONNECTION_SEND_MAX = 192 << 10,  /* bytes sent in one call */
    CONNECTION_HIGH_WATER = 64 << 10, /* bytes queued; above, the peer is not
                                         read, or the producer is paused */
    CONNECTION_LOW_WATER = 32 << 10   /* down to here it is read again */
};

/* Seconds for which a connection that we close still listens, so that what
 * arrives late does not turn our last bytes into a reset; and for which one
 * that takes nothing more from us waits for its protocol to read on. */
#define CONNECTION_LINGER 2.0

/* Reasons beside those of descriptor.h. */
enum {
    REASON_ABORTED = -3,  /* abort_connection */
    REASON_HALF_DONE = -4 /* lose_connection after lose_write_connection */
};

/* Whose connection it is, for those that somebody asked for: hears how the
 * handshake ended, and of the end, after the protocol. */
struct connection_owner {
    /* Returns who takes the connection, or NULL: nobody wants it, or there is
     * a reason why that could not be made. */
    struct protocol *(*connected)(struct connection_owner *self,
                                  const struct address *peer,
                                  struct failure *reason);
    void (*failed)(struct connection_owner *self, struct failure reason);
    void (*connection_lost)(struct connection_owner *self,
                            struct failure reason);
};

/* Begins with its struct descriptor, so that a pointer to the one is a pointer
 * to the other. */
struct connection;

/* A connection over `fd`, which is open and does not block; it is not read
 * yet. `peer` is who a socket is connected to, NULL if it is no socket. NULL
 * with ENOMEM: then `fd` is still the caller's. */
struct connection *connection_new(struct reactor *reactor, int fd,
                                  const struct address *peer);

/* Begins to read, and gives the protocol, which is the connection's from now
 * on, its transport. */
void connection_start(struct connection *connection, struct protocol *protocol);

/* Closes and frees one that was not started and that the loop does not know. */
void connection_discard(struct connection *connection);

/* Ends it at the end of this turn, without sending what is queued; its
 * transport takes nothing more. */
void connection_disconnect(struct connection *connection, int reason);

struct transport *connection_transport(struct connection *connection);

/* The descriptor below a transport, or -1 with ENOTSOCK if that is not the
 * transport of a connection. */
int connection_descriptor(const struct transport *transport);

/* It is the `number`th that a port has accepted; for the log, where one without
 * a number is a client's. */
void connection_set_number(struct connection *connection, unsigned number);

/* Whether it has anything to send, or somebody who will make more; and whether
 * the peer's stream has ended. */
bool connection_owes(const struct connection *connection);
bool connection_read_lost(const struct connection *connection);

/* NULL: nobody. */
void connection_set_owner(struct connection *connection,
                          struct connection_owner *owner);
struct connection_owner *connection_owner(const struct connection *connection);

/* What the loop calls. A connection that differs in one of these has a class of
 * its own, with the others in it. */
extern const struct descriptor_class connection_class;
void connection_set_class(struct connection *connection,
                          const struct descriptor_class *class);
void connection_describe(const void *self, char *text);
int connection_do_read(struct descriptor *self);
int connection_do_write(struct descriptor *self);
void connection_connection_lost(struct descriptor *self, int reason);
void connection_dispose(struct descriptor *self);

#endif
