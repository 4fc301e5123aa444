/* SPDX-License-Identifier: MIT
 *
 * connection.h - the transport over one stream descriptor: a TCP connection
 * of either side, and whatever else can be read and written.
 *
 * It owns the descriptor and the protocol, and frees both, and itself, at the
 * end of the turn in which it is lost.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "protocol/buffer.h"
#include "protocol/log.h"
#include "protocol/protocol.h"
#include "reactor/reactor.h"

enum {
    CONNECTION_READ_MAX = 64 << 10,  /* bytes delivered in one turn */
    CONNECTION_SEND_MAX = 128 << 10, /* bytes sent in one call */
    CONNECTION_HIGH_WATER = 64 << 10 /* bytes queued; above, the peer is not
                                        read, or the producer is paused */
};

/* Seconds for which a connection that we close still listens, so that what
 * arrives late does not turn our last bytes into a reset. */
#define CONNECTION_LINGER 2.0

/* Reasons beside those of descriptor.h. */
enum {
    REASON_ABORTED = -3,  /* abort_connection */
    REASON_HALF_DONE = -4 /* lose_connection after lose_write_connection */
};

/* Whose connection it is, for those that somebody asked for: hears how the
 * handshake ended, and of the end, after the protocol. */
struct connection_owner {
    struct protocol *(*connected)(struct connection_owner *self,
                                  const struct address *peer);
    void (*failed)(struct connection_owner *self, struct failure reason);
    void (*connection_lost)(struct connection_owner *self,
                            struct failure reason);
};

struct connection {
    struct descriptor base;
    struct transport transport;
    struct reactor *reactor;
    struct protocol *protocol; /* NULL while it is being made */
    struct buffer output;      /* written, not sent */
    union {
        struct producer *producer;   /* NULL: nobody */
        struct delayed_call *linger; /* when lingering: the end of it */
    };
    struct connection_owner *owner; /* NULL: nobody */
    int number;                     /* of its port's connections; -1: client */
    unsigned connected : 1;         /* the protocol may use it */
    unsigned disconnecting : 1;     /* lose_connection was called */
    unsigned lingering : 1;         /* all is sent; what comes is dropped */
    unsigned write_disconnecting : 1; /* lose_write_connection was called */
    unsigned write_lost : 1;          /* our stream has ended */
    unsigned read_lost : 1;           /* the peer's stream has ended */
    unsigned paused : 1;              /* pause_producing was called */
    unsigned choked : 1;              /* not read until the queue is empty */
    unsigned streaming : 1;           /* the producer pushes */
    unsigned producer_paused : 1;     /* and was told to stop */
    unsigned char peer_length;        /* 0: no socket, and nobody to name */
    char peer[];                      /* the peer's address, as long as it is */
};

/* A connection over `fd`, which is open and does not block; it is not read
 * yet. `peer` is who a socket is connected to, NULL if it is no socket. NULL
 * with ENOMEM: then `fd` is still the caller's. */
struct connection *connection_new(struct reactor *reactor, int fd,
                                  const struct address *peer);

/* Begins to read, and gives the protocol its transport. */
void connection_start(struct connection *connection, struct protocol *protocol);

/* The log's name for it: "CmdProtocol,0,127.0.0.1". */
struct log_system connection_log_system(const struct connection *connection);

/* connection_write.c has what a protocol sees of it, and do_write; the rest is
 * in connection.c. Between these two files: */
extern const struct transport_class connection_transport;
struct connection *connection_of(const struct transport *transport);
int connection_do_read(struct descriptor *base);
int connection_do_write(struct descriptor *base);
void connection_connection_lost(struct descriptor *base, int reason);
void connection_dispose(struct descriptor *base);
void connection_update_read_interest(struct connection *self);
void connection_stop_producer(struct connection *self);
int connection_start_lingering(struct connection *self);
int connection_get_peer(const struct transport *transport,
                        struct address *address);
int connection_get_host(const struct transport *transport,
                        struct address *address);

#endif
