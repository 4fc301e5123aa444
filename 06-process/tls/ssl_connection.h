/* SPDX-License-Identifier: MIT
 *
 * ssl_connection.h - a connection whose TLS is spoken by a helper: a child of
 * ours has the peer's socket, and we have a socket to the child.
 *
 *     protocol = ssl_connection = connection ----- helper ===== peer
 *                  (here)           (raw)   plain         TLS
 *
 * To the protocol it is a transport; to the raw connection it is a protocol:
 * Twisted's TLSMemoryBIOProtocol stands between the two in the same way. It
 * passes bytes on as they are. What it adds is the end: that the raw stream
 * has ended does not tell how the peer's has, and the helper is asked.
 *
 * For ssl_connector.c and ssl_port.c, whose structs begin with it. It is freed,
 * and the protocol with it, when the raw connection and the helper are gone.
 */
#ifndef SSL_CONNECTION_H
#define SSL_CONNECTION_H

#include "process/process.h"
#include "stream/connection.h"
#include "tls/ssl_words.h"

/* Seconds: for a helper that has closed its side, or lost ours, to end by
 * itself, and for one that was closed by us to send what it still has. */
#define SSL_END_LIMIT   2.0
#define SSL_CLOSE_LIMIT 60.0

struct ssl_connection;

/* What is not the same for a client and a server. */
struct ssl_connection_class {
    size_t size;     /* of the larger struct */
    bool half_close; /* one direction can end before the other */

    /* The hand-shake is over. Returns who takes the connection, or NULL. */
    struct protocol *(*connected)(struct ssl_connection *self);
    /* There was none, and there will be none. */
    void (*failed)(struct ssl_connection *self, struct failure reason);
    /* It is lost; the protocol, if there was one, knows. */
    void (*lost)(struct ssl_connection *self, struct failure reason);
    /* It is about to be freed. NULL: nothing. */
    void (*gone)(struct ssl_connection *self);
    /* The helper has said something. NULL: nothing. */
    void (*heard)(struct ssl_connection *self);
};

struct ssl_connection {
    const struct ssl_connection_class *class;
    struct transport transport; /* the protocol's */
    struct reactor *reactor;
    struct connection *raw;    /* NULL: not yet, or lost */
    struct transport *below;   /* that of the raw connection; NULL likewise */
    struct protocol *protocol; /* NULL: not yet, or refused */
    struct address peer, host; /* a host of no length: it is not known */
    int number;                /* of its port's connections; -1: client */
    bool backend_open;         /* ssl_port.c has a descriptor for it */

    /* The connector of a client, and its pointer to the raw connection. */
    struct connection_owner *owner; /* NULL: nobody, or not any more */
    struct connection **raw_pointer;

    /* The rest belongs to ssl_connection.c. */
    enum { SSL_SHAKING, SSL_CONNECTED, SSL_OVER } state;
    bool has_ended;    /* the raw stream has, in our direction */
    bool end_notified; /* and it was a good end, and the protocol knows */
    bool write_ended;  /* our stream has: the helper was given all of it */
    bool has_helper;   /* it has not ended, or not all that it said is heard */
    pid_t pid;         /* the helper's while it runs, or 0 */
    int status;        /* then: what waitpid said */
    struct ssl_words words;
    struct failure raw_reason; /* why the raw connection was lost */
    struct delayed_call helper_timeout;
    struct trigger end;    /* with the reactor */
    struct turn_end freed; /* at the end of a turn */
};

/* Zeroes but for the class, the reactor and the peer; NULL with ENOMEM. */
struct ssl_connection *ssl_connection_new(
    const struct ssl_connection_class *class, struct reactor *reactor,
    const struct address *peer);

/* Starts the helper, whose 2 must be PROCESS_READ in the map. NULL with the
 * errno of reactor_spawn_process; then free() is enough to get rid of it. */
struct process *ssl_connection_spawn(struct ssl_connection *self,
                                     const char *const *arguments,
                                     const struct process_descriptor *map,
                                     int count);

/* `fd`, which does not block, is our end of the way to the helper; it is the
 * connection's from then on. Nothing is read, and nothing written, before
 * ssl_connection_ready. Returns 0, or -1 with ENOMEM. */
int ssl_connection_join(struct ssl_connection *self, int fd);

/* The helper has shaken hands with the peer, and is satisfied with it. */
void ssl_connection_ready(struct ssl_connection *self);

/* Gives up the hand-shake: the helper is killed, `failed` is called. */
void ssl_connection_fail(struct ssl_connection *self, struct failure reason);

/* Frees it if nothing is left of it: for who has closed the backend. */
void ssl_connection_free_if_gone(struct ssl_connection *self);

#endif
