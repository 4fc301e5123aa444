/* SPDX-License-Identifier: MIT
 *
 * transport.h - how bytes move, whatever they move over. A protocol has a
 * struct transport and calls these functions; TCP connections implement them,
 * and a string in memory does.
 *
 * A transport lives until its protocol's connection_lost has returned. On one
 * that is closed, or being aborted, these functions send nothing. None calls
 * the protocol back before it returns; a producer may be: a write may pause a
 * push producer, and a pull producer is resumed as soon as it is registered.
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "net/address.h"

struct reactor;
struct transport;

/* Somebody with more to send than should be in memory at once. A push
 * producer (streaming) writes until it is paused; a pull producer writes once
 * for each time that it is resumed. */
struct producer {
    void (*resume_producing)(struct producer *self);
    void (*pause_producing)(struct producer *self); /* push producers only */
    void (*stop_producing)(struct producer *self);  /* nobody wants any more */
};

struct transport_class {
    void (*write)(struct transport *self, const struct iovec *pieces,
                  size_t count);
    void (*lose_connection)(struct transport *self);
    void (*abort_connection)(struct transport *self);
    void (*lose_write_connection)(struct transport *self);
    void (*pause_producing)(struct transport *self);
    void (*resume_producing)(struct transport *self);
    int (*register_producer)(struct transport *self, struct producer *producer,
                             bool streaming);
    void (*unregister_producer)(struct transport *self);
    size_t (*queued)(const struct transport *self);
    bool (*disconnecting)(const struct transport *self);
    int (*get_peer)(const struct transport *self, struct address *address);
    int (*get_host)(const struct transport *self, struct address *address);
};

struct transport {
    const struct transport_class *class;
    struct reactor *reactor; /* the loop that its protocol runs in */
};

/* Queues a copy of the bytes; they leave before the loop's next wait. A large
 * piece that finds nothing queued may be sent at once, as much of it as goes:
 * then there is nothing to copy. Without memory for the copy the connection is
 * lost. What the peer does not take any more is dropped without a word: the
 * loss is told later, once, after all that the peer said before. */
void transport_write(struct transport *transport, const void *data,
                     size_t length);
void transport_write_text(struct transport *transport, const char *text);

/* The same for `count` pieces, in order, as one write: less than SSIZE_MAX
 * bytes, as for writev. */
void transport_write_sequence(struct transport *transport,
                              const struct iovec *pieces, size_t count);

/* Stops reading, and closes when all that is queued has been sent; what is
 * written meanwhile is sent as well. A peer that does not read delays this
 * for ever. Twice is once. */
void transport_lose_connection(struct transport *transport);

/* Closes now: what is queued is dropped, and the peer sees a reset. */
void transport_abort_connection(struct transport *transport);

/* Sends what is queued, then the end of our stream; reading goes on. */
void transport_lose_write_connection(struct transport *transport);

/* A transport is a push producer itself. Stops reading, and reads again; a
 * paused one hears nothing, not even that the peer has gone. To stop it is to
 * lose the connection. */
void transport_pause_producing(struct transport *transport);
void transport_resume_producing(struct transport *transport);
void transport_stop_producing(struct transport *transport);

/* Takes a producer, which must live until it is unregistered or stopped.
 * Returns 0, or -1 with EBUSY when there is one. A transport that is closed
 * calls stop_producing at once. */
int transport_register_producer(struct transport *transport,
                                struct producer *producer, bool streaming);
void transport_unregister_producer(struct transport *transport);

/* Bytes that were written and have not been sent. */
size_t transport_queued(const struct transport *transport);

/* True from lose_connection or abort_connection on. */
bool transport_disconnecting(const struct transport *transport);

/* The addresses of the two ends. Return 0, or -1 with errno. */
int transport_get_peer(const struct transport *transport,
                       struct address *address);
int transport_get_host(const struct transport *transport,
                       struct address *address);

#endif
