/* SPDX-License-Identifier: MIT
 *
 * sequential_line_receiver.c - what the next line waits for, and when a client
 * that has ended its stream is taken to have gone.
 */
#include "framing/sequential_line_receiver.h"

/* Nothing is answered any more, so it makes no difference whether the client
 * keeps up. What is queued is sent. */
static void leave(struct sequential_line_receiver *self)
{
    transport_unregister_producer(self->base.base.transport);
    transport_lose_connection(self->base.base.transport);
}

/* Holds the next line back while the last one is under way, or its answer is
 * not read: so a client can fill neither our memory nor that of a child. */
static void update_flow(struct sequential_line_receiver *self)
{
    struct line_receiver *base = &self->base;

    if (self->busy || self->write_watermark.full) {
        line_receiver_pause(base);
        return;
    }
    line_receiver_resume(base); /* which may deliver the next line */
    /* While lines are delivered the next one may make us busy. It is this
     * function, further out, that delivers them, and it asks once more. */
    if (self->ended && !base->input.paused && !base->input.delivering)
        leave(self);
}

static void write_watermark_changed(void *argument)
{
    struct sequential_line_receiver *self = argument;
    const struct sequential_line_receiver_class *class =
        (const struct sequential_line_receiver_class *)self->base.base.class;

    if (class->write_watermark_changed)
        class->write_watermark_changed(self, self->write_watermark.full);
    update_flow(self);
}

void sequential_line_receiver_connection_made(struct protocol *protocol)
{
    struct sequential_line_receiver *self =
        (struct sequential_line_receiver *)protocol;

    self->base.input.read_ahead = SEQUENTIAL_READ_AHEAD;
    write_watermark_watch(&self->write_watermark, protocol->transport,
                          write_watermark_changed, self);
}

/* A client that has gone answers what we send with a reset, and that ends the
 * connection. Only where nothing was sent nobody would ever know. */
static void idle_timeout(void *argument)
{
    struct sequential_line_receiver *self = argument;
    struct protocol *protocol = argument;

    if (transport_queued(protocol->transport) == 0)
        leave(self);
    else
        timeout_start(&self->timeout, protocol, SEQUENTIAL_IDLE_TIMEOUT,
                      idle_timeout);
}

/* The end of its stream does not tell a client that waits for its answer from
 * one that has gone: only a write to it will. */
void sequential_line_receiver_read_connection_lost(struct protocol *protocol)
{
    struct sequential_line_receiver *self =
        (struct sequential_line_receiver *)protocol;

    self->ended = true;
    update_flow(self);
    timeout_start(&self->timeout, protocol, SEQUENTIAL_IDLE_TIMEOUT,
                  idle_timeout);
}

/* For the connection_lost of every class: a timeout that is left running would
 * find a protocol that is freed. */
void sequential_line_receiver_connection_lost(struct protocol *protocol,
                                              struct failure reason)
{
    struct sequential_line_receiver *self =
        (struct sequential_line_receiver *)protocol;

    line_receiver_connection_lost(protocol, reason);
    timeout_stop(&self->timeout);
}

/* No line is delivered before sequential_line_receiver_end; what comes is kept,
 * up to SEQUENTIAL_READ_AHEAD. */
void sequential_line_receiver_begin(struct sequential_line_receiver *self)
{
    self->busy = true;
    update_flow(self);
}

/* The next line may be delivered before this returns, and begin again: the
 * caller's own state must be ready for it. */
void sequential_line_receiver_end(struct sequential_line_receiver *self)
{
    self->busy = false;
    update_flow(self);
}

/* What is written past it does not count as sent: see idle_timeout. */
void sequential_line_receiver_write(struct sequential_line_receiver *self,
                                    const void *data, size_t length)
{
    timeout_reset(&self->timeout);
    transport_write(self->base.base.transport, data, length);
}
