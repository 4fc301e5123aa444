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

#include "protocol/buffer.h"
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

/* Who makes a connection may give it an owner, and a class of its own; the rest
 * belongs to connection.c, but may be read. It begins with its struct
 * descriptor, so that a pointer to the one is a pointer to the other.
 *
 * Of these there may be ten thousand that do nothing, so size counts here, as
 * nowhere else: with the 16 bytes of an IPv4 address behind it a struct has 104
 * bytes, the most that malloc fits into a piece of 112. That is why switches
 * are bits and two members share a place. An idle echo connection costs about
 * 155 bytes in all; a pointer more would make it 171. */
struct connection {
    struct descriptor base;
    struct transport transport;
    struct protocol *protocol; /* NULL while it is being made */
    union {
        struct buffer output;       /* written, not sent */
        struct delayed_call *limit; /* when is_ending: until then, at most */
    };
    struct producer *producer;        /* NULL: nobody */
    struct connection_owner *owner;   /* NULL: nobody */
    unsigned number;                  /* of its port's connections */
    unsigned numbered : 1;            /* if it is one of these */
    unsigned connected : 1;           /* the protocol may use it */
    unsigned disconnecting : 1;       /* lose_connection was called */
    unsigned lingering : 1;           /* all is sent; what comes is dropped */
    unsigned write_disconnecting : 1; /* lose_write_connection was called */
    unsigned write_lost : 1;          /* our stream has ended */
    unsigned read_lost : 1;           /* the peer's stream has ended */
    unsigned paused : 1;              /* pause_producing was called */
    unsigned read_throttled : 1;      /* not read: too much is queued */
    unsigned streaming : 1;           /* the producer pushes */
    unsigned producer_paused : 1;     /* and was told to stop */
    unsigned write_error : 13;        /* errno of a write that has failed */
    unsigned peer_length : 8;         /* 0: no socket, and nobody to name */
    char peer[];                      /* the peer's address, as long as it is */
};

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

/* The descriptor below a transport, or -1 with ENOTSOCK if that is not the
 * transport of a connection. */
int connection_descriptor(const struct transport *transport);

/* It is the `number`th that a port has accepted; for the log, where one without
 * a number is a client's. */
void connection_set_number(struct connection *connection, unsigned number);

/* Whether it has anything to send, or somebody who will make more. */
bool connection_owes(const struct connection *connection);

/* What the loop calls. A connection that differs in one of these has a class of
 * its own, with the others in it. */
extern const struct descriptor_class connection_class;
void connection_describe(const void *self, char *text);
int connection_do_read(struct descriptor *self);
int connection_do_write(struct descriptor *self);
void connection_connection_lost(struct descriptor *self, int reason);
void connection_dispose(struct descriptor *self);

#endif
