/* SPDX-License-Identifier: MIT
 *
 * amqp_client.h - the client's side of AMQP 0-9-1: a connection to a broker,
 * channels in it, and on a channel queues, consumers and messages.
 *
 * A method that the broker answers is a Deferred, a message that comes is a
 * callback. The framework owns the client, as it owns any protocol; the client
 * owns its channels and consumers. One that is lost fails every Deferred of it,
 * so nobody waits in vain.
 */
#ifndef AMQP_CLIENT_H
#define AMQP_CLIENT_H

#include "amqp/amqp_content.h"
#include "deferred/deferred.h"
#include "protocol/write_watermark.h"

/* The broker has closed the connection or the channel, with this code; the
 * broker, or we, do not keep to AMQP; a message that was mandatory found no
 * queue. `number` is the reply code. */
extern const struct failure_type AmqpClosed, AmqpError, AmqpNoRoute;

enum {
    AMQP_HANDSHAKE_TIMEOUT = 10, /* seconds from the connection to `ready` */
    AMQP_CLOSE_TIMEOUT = 5       /* seconds for the broker to say close-ok */
};

/* Zeroes are the defaults. */
struct amqp_login {
    const char *user, *password; /* NULL: guest */
    const char *vhost;           /* NULL: / */
    int heartbeat; /* seconds; 0, or more than the broker's wish: its wish */
};

/* A program's protocol begins with it; connection_made sets the two members
 * that are its own, and then calls amqp_client_connection_made. */
struct amqp_client {
    struct amqp_receiver base;      /* its clock is yours to set */
    const struct amqp_login *login; /* and this; it must live as long */
    enum {
        CLIENT_GREETS,
        CLIENT_LOGS_IN,
        CLIENT_OPENS,
        CLIENT_OPEN,
        CLIENT_CLOSING, /* nothing but close-ok is of interest */
        CLIENT_CLOSED
    } state;
    struct delayed_call timeout; /* of the handshake, or of the end */
    struct write_watermark watermark;
    bool blocked; /* the broker takes no messages for now */
    unsigned channel_max;
    struct amqp_channel *channels;
    struct failure reason; /* why it will be lost, if we know better */
};

/* Its base has amqp_client_connection_made, or a function that calls it,
 * amqp_receiver_data_received and amqp_client_connection_lost; its two other
 * callbacks are the two amqp_client_frame_... and amqp_client_silent. */
struct amqp_client_class {
    struct amqp_receiver_class base;

    /* The broker has let us in. */
    void (*ready)(struct amqp_client *self);

    /* Once, last, after all Deferreds have failed: ConnectionDone if we have
     * closed, AmqpClosed if the broker has, AmqpError, TimeoutError, or why
     * the transport was lost. */
    void (*lost)(struct amqp_client *self, struct failure reason);

    /* The broker takes no messages for now, or takes them again; or it has read
     * what we had sent. That it does not read is told to nobody: ask
     * amqp_client_full after you have published. NULL: nothing. */
    void (*flow_changed)(struct amqp_client *self);
};

void amqp_client_connection_made(struct protocol *protocol);
void amqp_client_connection_lost(struct protocol *protocol,
                                 struct failure reason);
void amqp_client_frame_received(struct amqp_receiver *base,
                                const struct amqp_frame *frame);
void amqp_client_frame_refused(struct amqp_receiver *base, const char *why);
void amqp_client_silent(struct amqp_receiver *base);

/* Whether more messages should wait, until flow_changed. */
bool amqp_client_full(const struct amqp_client *self);

/* Takes leave; `lost` follows, with ConnectionDone. Twice is once. */
void amqp_client_close(struct amqp_client *self);

/* --- channels --- */

struct amqp_message {
    struct amqp_properties properties;
    struct amqp_bytes body;
};

/* Valid until `closed` has returned. */
struct amqp_channel {
    /* These are for you. */
    void *owner;
    void (*returned)(struct amqp_channel *self, int code,
                     const struct amqp_message *message); /* NULL: dropped */
    void (*closed)(struct amqp_channel *self,
                   struct failure reason); /* NULL: nothing */

    struct amqp_client *client;
    struct amqp_channel *next;
    unsigned number;
    bool closing;                  /* nothing is asked or published any more */
    struct amqp_request *requests; /* without an answer; the first is sent */
    struct amqp_consumer *consumers;
    unsigned consumer_count; /* ever, for tags */

    /* The message that is coming, and the method that has announced it. */
    struct amqp_content content;
    uint32_t method;
    struct amqp_consumer *consumer; /* NULL: it has gone meanwhile */
    uint64_t tag;
    bool redelivered;
    int code;
};

/* What a queue is called, and how much waits in it. */
struct amqp_queue {
    unsigned messages, consumers;
    char name[AMQP_SHORT_MAX + 1];
};

/* Valid until `cancelled` has returned, amqp_cancel's Deferred has fired, or
 * its channel is gone. */
struct amqp_consumer {
    struct amqp_channel *channel;
    struct amqp_consumer *next;
    void *owner;

    /* A message; it is gone when this returns. Unless the consumer was made
     * with CONSUME_NO_ACK, amqp_ack(channel, tag) says that it is dealt with.
     * `redelivered`: somebody has had it before, and may have acted on it. */
    void (*delivered)(struct amqp_consumer *self,
                      const struct amqp_message *message, uint64_t tag,
                      bool redelivered);

    /* The broker has ended it: the queue is gone. NULL: nothing. */
    void (*cancelled)(struct amqp_consumer *self);

    bool no_ack, leaving;
    char tag[16];
};

/* These six fire when the broker's -ok comes, or fail with the channel. They
 * return NULL with errno: ENOMEM, EMSGSIZE for a long name, ENOTCONN when the
 * channel or the client is closing. The broker does not keep the order of its
 * answers, and they have no number; so a channel has one question out at a time
 * and the others wait. A declare or qos that is cancelled while it waits is
 * never sent; what has made a consumer, or ends one, is, and so its owner must
 * outlive the channel. */
struct deferred *amqp_open_channel(struct amqp_client *client);    /* channel */
struct deferred *amqp_close_channel(struct amqp_channel *channel); /* NULL */

/* Fires with a struct amqp_queue *, which the receiver frees. An empty name:
 * the broker chooses one. */
struct deferred *amqp_declare(struct amqp_channel *channel, const char *name,
                              unsigned bits);

/* How many messages a consumer that is made later may have without an ack. */
struct deferred *amqp_qos(struct amqp_channel *channel, unsigned count);

/* Fires with a struct amqp_consumer *, a copy of this one, of which only the
 * owner and the callbacks count. */
struct deferred *amqp_consume(struct amqp_channel *channel, const char *queue,
                              unsigned bits,
                              const struct amqp_consumer *consumer);

/* No message is delivered from now on; those that are on their way are given
 * back to the broker. */
struct deferred *amqp_cancel(struct amqp_consumer *consumer);

/* Sends a message to a queue. Returns 0, or -1 with errno, and nothing was
 * sent: EMSGSIZE, ENOTCONN, EAGAIN while the broker takes none. A mandatory one
 * that finds no queue comes back: `returned`. */
int amqp_publish(struct amqp_channel *channel, const char *queue,
                 const struct amqp_properties *properties,
                 struct amqp_bytes body, bool mandatory);

/* The message is dealt with; it is not, and somebody else may have it. */
void amqp_ack(struct amqp_channel *channel, uint64_t tag);
void amqp_reject(struct amqp_channel *channel, uint64_t tag, bool requeue);

/* --- between amqp_client.c and amqp_channel.c --- */

/* Ends the connection, for the broker has broken the rules. */
void amqp_client_fail(struct amqp_client *self, int code, const char *why);
void amqp_channel_receive(struct amqp_client *client,
                          const struct amqp_frame *frame);
void amqp_channel_end(struct amqp_channel *channel, struct failure reason);

/* Tells of a close of the broker's in the log, and what failure that is. */
struct failure amqp_closed(const char *what,
                           const struct amqp_arguments *close);

#endif
