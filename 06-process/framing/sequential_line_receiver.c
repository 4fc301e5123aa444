/* SPDX-License-Identifier: MIT */
#include "framing/sequential_line_receiver.h"

static struct transport *transport_of(
    const struct sequential_line_receiver *self)
{
    return self->base.base.transport;
}

static void leave(struct sequential_line_receiver *self)
{
    write_watermark_ignore(&self->write_watermark);
    transport_lose_connection(transport_of(self));
}

static void pace(struct sequential_line_receiver *self)
{
    struct line_receiver *base = &self->base;

    if (self->busy || self->write_watermark.full) {
        line_receiver_pause(base);
        if (buffer_length(&base->input) <= TURN_AHEAD_MAX)
            transport_resume_producing(transport_of(self));
        return;
    }
    line_receiver_resume(base); /* the next turn may begin in it, or be over */
    if (self->ended && !base->paused && !base->busy)
        leave(self);
}

static void write_watermark_changed(void *argument)
{
    struct sequential_line_receiver *self = argument;
    const struct sequential_line_receiver_class *class =
        (const struct sequential_line_receiver_class *)self->base.base.class;

    if (class->write_watermark_changed)
        class->write_watermark_changed(self, self->write_watermark.full);
    pace(self);
}

void sequential_line_receiver_connection_made(struct protocol *protocol)
{
    struct sequential_line_receiver *self =
        (struct sequential_line_receiver *)protocol;

    write_watermark_watch(&self->write_watermark, protocol->transport,
                          write_watermark_changed, self);
}

void sequential_line_receiver_data_received(struct protocol *protocol,
                                            const char *data, size_t length)
{
    struct line_receiver *self = (struct line_receiver *)protocol;

    line_receiver_data_received(protocol, data, length);
    if (self->paused && buffer_length(&self->input) > TURN_AHEAD_MAX)
        transport_pause_producing(protocol->transport);
}

static void be_patient(struct sequential_line_receiver *self);

static void lose_patience(void *argument)
{
    struct sequential_line_receiver *self = argument;

    if (self->heard || transport_queued(transport_of(self)) > 0)
        be_patient(self);
    else
        leave(self);
}

static void be_patient(struct sequential_line_receiver *self)
{
    self->heard = false;
    if (reactor_call_later(self->reactor, &self->patience, TURN_PATIENCE,
                           lose_patience, self) < 0)
        transport_abort_connection(transport_of(self));
}

void sequential_line_receiver_read_connection_lost(struct protocol *protocol)
{
    struct sequential_line_receiver *self =
        (struct sequential_line_receiver *)protocol;

    self->ended = true;
    pace(self);
    be_patient(self);
}

void sequential_line_receiver_connection_lost(struct protocol *protocol,
                                              struct failure reason)
{
    struct sequential_line_receiver *self =
        (struct sequential_line_receiver *)protocol;

    line_receiver_connection_lost(protocol, reason);
    delayed_call_cancel(&self->patience);
}

void sequential_line_receiver_begin(struct sequential_line_receiver *self)
{
    self->busy = true;
    pace(self);
}

void sequential_line_receiver_end(struct sequential_line_receiver *self)
{
    self->busy = false;
    pace(self);
}

void sequential_line_receiver_write(struct sequential_line_receiver *self,
                                    const void *data, size_t length)
{
    self->heard = true;
    transport_write(transport_of(self), data, length);
}
