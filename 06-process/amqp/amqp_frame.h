/* SPDX-License-Identifier: MIT
 *
 * amqp_frame.h - a protocol that gets AMQP's frames, and sends some: what the
 * client and the broker have in common.
 *
 *     frame = TYPE(1) CHANNEL(2) SIZE(4) PAYLOAD(SIZE) 0xCE
 *
 * A program's protocol begins with a struct amqp_receiver, and its class is a
 * struct amqp_receiver_class, whose base has amqp_receiver_data_received and
 * amqp_receiver_connection_lost, or functions that call those.
 */
#ifndef AMQP_FRAME_H
#define AMQP_FRAME_H

#include "amqp/amqp_method.h"
#include "deferred/clock.h"
#include "framing/input_queue.h"

enum {
    AMQP_FRAME_METHOD = 1,
    AMQP_FRAME_HEADER = 2,
    AMQP_FRAME_BODY = 3,
    AMQP_FRAME_HEARTBEAT = 8,
    AMQP_FRAME_GREETING = 'A', /* no frame, but AMQP_GREETING */

    AMQP_FRAME_OVERHEAD = 8,    /* bytes of a frame around its payload */
    AMQP_FRAME_MIN = 4096,      /* bytes of a frame, that everybody must take */
    AMQP_READ_AHEAD = 64 << 10, /* bytes that are read while nothing is
                                  delivered: who does not read at all does not
                                  notice that its peer has gone */
    AMQP_FRAME_MAX = 128 << 10  /* the most that we send, and that we take */
};

/* The first bytes of a connection, the client's. */
#define AMQP_GREETING "AMQP\0\0\x09\x01"
enum { AMQP_GREETING_LENGTH = 8 };

struct amqp_frame {
    int type;
    unsigned channel;
    const char *payload;
    size_t length;
};

struct amqp_receiver {
    struct protocol base;
    struct input_queue input;
    size_t frame_max; /* bytes of a frame in either direction */
    bool greeted;     /* false: the peer must say AMQP_GREETING yet */

    /* Heartbeats: see amqp_receiver_start_heartbeat. */
    struct clock clock; /* yours to set, in connection_made */
    struct delayed_call heartbeat;
    double interval; /* seconds; 0: no heartbeats */
    int silence;     /* half intervals for which nothing was heard */
    bool heard, said;
};

struct amqp_receiver_class {
    struct protocol_class base;

    /* One frame; it is gone when this returns. Those that came in the same
     * segment follow, even when the connection is being lost. */
    void (*frame_received)(struct amqp_receiver *self,
                           const struct amqp_frame *frame);

    /* What comes is no frame, or one that is too long; nothing more follows.
     * `why` is a literal. */
    void (*frame_refused)(struct amqp_receiver *self, const char *why);

    /* Nothing was heard for two intervals of the heartbeat: the peer is dead,
     * or somebody has pulled a plug. Called once; it should abort. */
    void (*silent)(struct amqp_receiver *self);
};

void amqp_receiver_data_received(struct protocol *protocol, const char *data,
                                 size_t length);
void amqp_receiver_connection_lost(struct protocol *protocol,
                                   struct failure reason);

/* Delivers nothing, and reads no more than AMQP_READ_AHEAD; goes on. */
void amqp_receiver_pause(struct amqp_receiver *self);
void amqp_receiver_resume(struct amqp_receiver *self);

/* From now on says something at least every `seconds`, and calls `silent` when
 * nothing was heard for two of them. 0: neither. */
void amqp_receiver_start_heartbeat(struct amqp_receiver *self, double seconds);

/* Sends a frame. The payload fits: it has at most frame_max - 8 bytes. */
void amqp_send_frame(struct amqp_receiver *self, int type, unsigned channel,
                     const char *payload, size_t length);

/* Sends a method. Returns 0, or -1 with EMSGSIZE: then nothing was sent. */
int amqp_send_method(struct amqp_receiver *self, unsigned channel,
                     uint32_t method, const struct amqp_arguments *arguments);

/* The same for one that has a message: its content header is `header`, and its
 * body is cut into as many frames as it needs. -1 with EMSGSIZE, too, for a
 * header that fits into no frame. */
int amqp_send_content(struct amqp_receiver *self, unsigned channel,
                      uint32_t method, const struct amqp_arguments *arguments,
                      struct amqp_bytes header, struct amqp_bytes body);

#endif
