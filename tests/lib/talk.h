/* SPDX-License-Identifier: MIT
 *
 * talk.h - a factory whose protocols write down what happens to them, a peer
 * that is a bare socket, and a kernel that refuses what it is told to refuse.
 * For the talk_*_test.c beside this file.
 *
 * A struct talk is the case's, on its stack. Its protocols are the
 * framework's, so that the address sanitizer sees them used too late.
 */
#ifndef TALK_H
#define TALK_H

#include <sys/types.h>

#include "probe.h"
#include "protocol/protocol.h"
#include "stream/tcp_connector.h"
#include "stream/tcp_port.h"
#include "unit.h"

enum { TALK_TEXT_MAX = 256 }; /* bytes of what a talk remembers */

struct talk {
    struct factory base;
    struct reactor *reactor;
    struct port *port;
    int number; /* of the port */
    struct connector *connector;

    struct talker *last; /* the protocol that was made last; NULL: it is lost */
    int builds, made, lost, started, stopped;
    int attempts, failed, client_lost; /* of the connector */
    int read_losts, write_losts;
    size_t received;                /* bytes, of all protocols */
    size_t chunks;                  /* calls of data_received */
    size_t largest;                 /* of them */
    char text[TALK_TEXT_MAX];       /* the first bytes of what was received */
    struct failure reason;          /* of the last loss, or failure */
    char message[FAILURE_TEXT_MAX]; /* the same as text */

    /* What to do beyond counting; NULL: nothing. */
    void (*on_build)(struct talk *self);
    void (*on_made)(struct talker *self);
    void (*on_data)(struct talker *self);
    void (*on_lost)(struct talker *self);
    void (*on_read_lost)(struct talker *self);
    void (*on_started)(struct talk *self);
    void (*on_failed)(struct talk *self);
    void (*on_client_lost)(struct talk *self);
    bool refuses; /* build_protocol returns NULL */
    bool notes;   /* unit_note "build ", "made " and so on */
};

struct talker {
    struct protocol base;
    struct talk *talk;
    int index; /* 1: the first that was made */
};

extern const struct protocol_class Talker, HalfCloser;

/* A talk with a loop and nothing else; one that listens on 127.0.0.1; and one
 * whose loop is another's. `class` is one of the two above. */
void talk_new(struct talk *talk, const char *poller,
              const struct protocol_class *class);
void talk_listen(struct talk *talk, const char *poller,
                 const struct protocol_class *class);
void talk_join(struct talk *talk, struct reactor *reactor,
               const struct protocol_class *class);

/* Connects with a connector, to `number`. */
void talk_call(struct talk *talk, int number,
               const struct connector_options *options);

/* Frees the loop; then as many must be lost as were made, and the factory
 * stopped as often as started. */
void talk_free(struct talk *talk);

/* Turns the loop until something is so, or the case has failed: after so many
 * seconds as TALK_DEADLINE says in the environment, or 5. */
#define TALK_UNTIL(talk, truth)                                                \
    for (double talk_end = talk_deadline(); !(truth);)                         \
    talk_turn(talk, talk_end, #truth)
double talk_deadline(void);
void talk_turn(struct talk *talk, double end, const char *what);

/* A bare socket that is connected to the port and does not block; the same
 * with a protocol on the other side; and connected in 127.0.0.1 to `number`. */
int talk_knock(struct talk *talk);
int talk_peer(struct talk *talk);
int peer_connect(int number);
/* A number at which nobody listens. */
int closed_number(void);
/* One that was free a moment ago, to be bound. */
int unused_number(void);
/* A listener whose queue is full: the handshake does not end. */
int deaf_listener(int *number, int *waiting);

/* A listening socket on a port of the kernel's choice. */
int peer_listen(int backlog, int *number);

/* send: the second is for bytes, and whatever the kernel takes. */
void peer_send(int fd, const char *text);
ssize_t peer_push(int fd, const void *bytes, size_t length);
void peer_reset(int fd);

/* Turns the loop and receives: exactly this text; `bytes` bytes, whatever they
 * are; then the end of the stream, or a reset. */
void peer_expect(struct talk *talk, int fd, const char *text);
void peer_swallow(struct talk *talk, int fd, size_t bytes);
void peer_expect_end(struct talk *talk, int fd);
void peer_expect_reset(struct talk *talk, int fd);

/* How many bytes come before the end of the stream. */
size_t peer_count(struct talk *talk, int fd);

/* Writes so many bytes to the transport of the last protocol. */
void talk_write(struct talk *talk, size_t bytes);
struct transport *talk_transport(struct talk *talk);

/* The kernel: each of the next `times` calls of write or send, or of accept,
 * fails with `error`. The largest write since the last such call; the backlog
 * of the last listen. */
void kernel_fail_write(int error, int times);
void kernel_fail_accept(int error, int times);
size_t kernel_largest_write(void);
int kernel_writes(void);
int kernel_backlog(void);

#endif
