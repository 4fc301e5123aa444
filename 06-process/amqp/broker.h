/* SPDX-License-Identifier: MIT
 *
 * broker.h - a small AMQP broker: somebody between those who ask and those who
 * answer, who keeps messages in queues until they are dealt with.
 *
 * In memory only, and the default exchange only: a message goes to the queue
 * that its key names. What it has it does as RabbitMQ does; what it has not it
 * refuses by name.
 *
 *     broker_connection.c   the hand-shake, both scopes of errors, the end
 *     broker_channel.c      the methods of channels, queues and messages
 *     broker_queue.c        queues: messages in, messages out, and back again
 */
#ifndef BROKER_H
#define BROKER_H

#include "amqp/amqp_content.h"
#include "protocol/write_watermark.h"

enum {
    BROKER_CHANNELS_MAX = 255,    /* of a connection */
    BROKER_CONSUMERS_MAX = 1000,  /* of a channel */
    BROKER_UNACKED_MAX = 65535,   /* messages that a channel may have out */
    BROKER_QUEUES_MAX = 10000,    /* of the broker */
    BROKER_BYTES_MAX = 256 << 20, /* bytes that wait in queues; see `blocked` */
    BROKER_HEADER_MAX = AMQP_FRAME_MIN - AMQP_FRAME_OVERHEAD, /* bytes: fits
                                                       every consumer's frame */
    BROKER_TIMEOUT = 10,      /* seconds for the hand-shake */
    BROKER_CLOSE_TIMEOUT = 3, /* seconds for a client to say close-ok */
    BROKER_BUCKETS = 1024     /* of the table of queues */
};

/* Yours, and it outlives its connections: a factory. broker_init sets it up;
 * the first five members may be changed then. */
struct broker {
    struct factory base;
    struct clock clock;
    const char *user, *password; /* guest, guest */
    int heartbeat;               /* seconds, proposed to clients: 60 */
    size_t bytes_max;            /* BROKER_BYTES_MAX */

    size_t bytes;      /* that wait in queues, headers and structs included */
    size_t assembling; /* bytes of messages that are on their way to us */
    bool blocked;      /* `bytes` went over bytes_max, and is not below half of
                          it again: who publishes is not read meanwhile */
    uint64_t sequence; /* messages so far */
    uint64_t names;    /* that were made up */
    unsigned queue_count;
    struct broker_queue *queues[BROKER_BUCKETS];
    struct broker_connection *connections;
    struct delayed_call unblock;
};

/* A message is in one place at a time: in its queue, or in the list of those
 * that a channel has out, without an ack. */
struct broker_message {
    struct broker_message *next;
    uint64_t sequence; /* its place in the queue, also when it comes back */
    struct broker_queue *queue;       /* out: where it belongs */
    struct broker_consumer *consumer; /* out: who has it, or NULL: gone */
    uint64_t tag;                     /* out: what it is called there */
    bool redelivered;
    size_t header_length, body_length;
    char bytes[]; /* the header, as it came, and the body */
};

struct broker_queue {
    struct broker *broker;
    struct broker_queue *next;       /* in its bucket; NULL once deleted */
    struct broker_connection *owner; /* of an exclusive queue */
    unsigned bits;                   /* as it was declared */
    unsigned references; /* the table's, and one for each message out */
    bool deleted;
    bool touched; /* in a list of those that should be looked at */
    struct broker_queue *next_touched;
    struct broker_message *first, *last; /* the oldest first */
    unsigned count;
    struct broker_consumer *consumers; /* a ring; whose turn it is */
    unsigned consumer_count;
    unsigned name_length;
    char name[]; /* and a NUL */
};

struct broker_consumer {
    struct broker_channel *channel;
    struct broker_consumer *next; /* of the channel */
    struct broker_queue *queue;
    struct broker_consumer *ring; /* the next one of the queue */
    bool no_ack, exclusive;
    unsigned prefetch, out; /* messages it may have out (0: any), and has */
    unsigned tag_length;
    char tag[];
};

struct broker_channel {
    struct broker_connection *connection;
    struct broker_channel *next;
    unsigned number;
    bool closing; /* we have closed it, and wait for close-ok */
    unsigned prefetch;
    struct broker_consumer *consumers;
    unsigned consumer_count;
    struct broker_message *out, **out_end; /* without an ack, by their tags */
    unsigned out_count;
    uint64_t tag; /* of the last delivery */

    struct amqp_content content; /* what is being published */
    unsigned bits;
    unsigned key_length, last_length;
    char key[AMQP_SHORT_MAX];
    char last[AMQP_SHORT_MAX]; /* the queue that was declared last */
};

struct broker_connection {
    struct amqp_receiver base;
    struct broker_connection *next;
    enum {
        BROKER_GREETED,
        BROKER_STARTED,
        BROKER_TUNED,
        BROKER_TUNE_OK,
        BROKER_OPEN,
        BROKER_CLOSING, /* nothing but close-ok is of interest */
        BROKER_CLOSED
    } state;
    struct delayed_call timeout;
    struct write_watermark watermark; /* full: the client does not read */
    bool blocked;                     /* not read until there is room again */
    bool hears_refusal, hears_blocked, hears_cancel; /* its capabilities */
    unsigned channel_max;
    unsigned exclusive; /* queues of its own */
    struct broker_channel *channels;
};

void broker_init(struct broker *self, struct clock clock);

/* Closes all connections, with 320 CONNECTION_FORCED; they end within
 * BROKER_CLOSE_TIMEOUT. */
void broker_stop(struct broker *self);

/* Frees its queues, when it has no connection any more. */
void broker_free(struct broker *self);

/* --- between the three files --- */

static inline struct broker *broker_of(const struct broker_connection *self)
{
    return (struct broker *)self->base.base.factory;
}

/* Errors, as printf writes them. The second ends the channel alone; both name
 * the method at fault, 0 if it is none. Afterwards nothing is read but
 * close-ok. */
void broker_close_connection(struct broker_connection *self, int code,
                             uint32_t method, const char *format, ...);
void broker_close_channel(struct broker_channel *self, int code,
                          uint32_t method, const char *format, ...);

/* Its client is told, and not read any more; all those are read again, in a
 * later turn. */
void broker_block(struct broker_connection *self);
void broker_unblock(struct broker *self);

/* A method of an open channel; a part of a message. */
void broker_channel_method(struct broker_channel *self, uint32_t method,
                           const struct amqp_arguments *arguments);
void broker_channel_content(struct broker_channel *self,
                            const struct amqp_frame *frame);

/* Ends its consumers and gives back what it has out. */
void broker_channel_stop(struct broker_channel *self);

/* Frees what has come of a message. */
void broker_channel_forget_content(struct broker_channel *self);

/* Sends a message to its consumer. */
void broker_channel_deliver(struct broker_consumer *consumer,
                            struct broker_message *message);

struct broker_queue *broker_find(const struct broker *self,
                                 struct amqp_bytes name);

/* A new queue in the table, or NULL with ENOMEM. */
struct broker_queue *broker_queue_new(struct broker *broker,
                                      struct amqp_bytes name, unsigned bits);

/* It is in nobody's way any more: its messages are dropped, its consumers end
 * and are told. */
void broker_queue_delete(struct broker_queue *self);
void broker_queue_release(struct broker_queue *self);

/* Copies a message into a queue. Returns 0, or -1 with ENOMEM. */
int broker_queue_add(struct broker_queue *self, struct amqp_bytes header,
                     struct amqp_bytes body);

/* Back to its old place. */
void broker_queue_put_back(struct broker_queue *self,
                           struct broker_message *message);
void broker_queue_purge(struct broker_queue *self);

/* Gives out what can be given out. */
void broker_queue_dispatch(struct broker_queue *self);

/* Joins and leaves the queue's ring; a queue that deletes itself may do so when
 * its last consumer leaves. */
void broker_queue_join(struct broker_queue *self,
                       struct broker_consumer *consumer);
void broker_queue_leave(struct broker_consumer *consumer);

/* Takes it from its channel and its queue, and frees it. */
void broker_consumer_end(struct broker_consumer *consumer);

#endif
