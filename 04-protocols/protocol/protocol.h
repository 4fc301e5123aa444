/* SPDX-License-Identifier: MIT
 *
 * protocol.h - what bytes mean, and what outlives a connection.
 *
 * A protocol is one conversation: the framework makes it when a connection is
 * there, calls it, and frees it after connection_lost. A factory makes
 * protocols and holds what they share; it is yours, and lives as long as the
 * reactor does.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "net/address.h"
#include "protocol/failure.h"
#include "protocol/transport.h"

struct protocol;
struct factory;
struct connector;

/* Callbacks that are NULL do what is said. A program's own state follows a
 * struct protocol as the first member of a larger struct. */
struct protocol_class {
    const char *name; /* "Echo": in the log and in the trace */
    size_t size;      /* of the larger struct, which starts as zeroes */

    /* Once, first: the transport is there. NULL: nothing. */
    void (*connection_made)(struct protocol *self);

    /* Some bytes have come, at least one; how they are cut means nothing.
     * NULL: they are ignored. */
    void (*data_received)(struct protocol *self, const char *data,
                          size_t length);

    /* Once, last. The transport may still be asked, in vain. NULL: nothing. */
    void (*connection_lost)(struct protocol *self, struct failure reason);

    /* A protocol with this one can live on when the peer has ended its
     * stream; NULL: that is the end, once what is owed has been sent. */
    void (*read_connection_lost)(struct protocol *self);

    /* Our own stream has ended, after lose_write_connection. NULL: nothing. */
    void (*write_connection_lost)(struct protocol *self);
};

struct protocol {
    const struct protocol_class *class;
    struct transport *transport; /* whose `reactor` is the loop we run in */
    struct factory *factory;
};

/* Zero what you do not set. NULL callbacks: build_protocol makes one of
 * `protocol`, the others do nothing. */
struct factory {
    const char *name;
    const struct protocol_class *protocol;

    /* Returns what protocol_new has made, or NULL to refuse the peer; who
     * wants it and cannot have it says why in *reason, and a client's attempt
     * has failed. Its factory is this one, unless it has another. */
    struct protocol *(*build_protocol)(struct factory *self,
                                       const struct address *peer,
                                       struct failure *reason);
    void (*start_factory)(struct factory *self); /* its first port starts */
    void (*stop_factory)(struct factory *self);  /* its last has stopped */

    /* Clients only: an attempt begins; it has failed; the connection that
     * came of it is lost, and its protocol knows. */
    void (*started_connecting)(struct factory *self,
                               struct connector *connector);
    void (*client_connection_failed)(struct factory *self,
                                     struct connector *connector,
                                     struct failure reason);
    void (*client_connection_lost)(struct factory *self,
                                   struct connector *connector,
                                   struct failure reason);

    bool quiet; /* no lines in the log of its own start and stop */
    int ports;  /* ports and connectors that use it now; the framework counts */
};

/* A new protocol of that class, or NULL without memory for it. The class must
 * say how large it is; one that does not is a mistake, and told at once. */
struct protocol *protocol_new(const struct protocol_class *class);

/* Gives it its transport, and calls connection_made. */
void protocol_make_connection(struct protocol *protocol,
                              struct transport *transport);

/* Twisted's buildProtocol, doStart and doStop: for ports and connectors. The
 * first sets *reason, to no failure if the factory refuses the peer. */
struct protocol *factory_build_protocol(struct factory *factory,
                                        const struct address *peer,
                                        struct failure *reason);
void factory_do_start(struct factory *factory);
void factory_do_stop(struct factory *factory);

#endif
