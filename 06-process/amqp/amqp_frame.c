/* SPDX-License-Identifier: MIT
 *
 * amqp_frame.c - bytes in, frames out, and the heartbeat, which is a frame.
 */
#include "amqp/amqp_frame.h"

#include <errno.h>
#include <string.h>

enum {
    HEAD = 7,         /* bytes of a frame before its payload */
    FRAME_END = 0xce, /* the byte behind it */
    SILENCE_MAX = 4   /* half intervals; then the peer is taken for dead */
};

static const struct amqp_receiver_class *class_of(const struct protocol *self)
{
    return (const struct amqp_receiver_class *)self->class;
}

static size_t refuse(struct amqp_receiver *self, const char *why)
{
    input_queue_close(&self->input); /* nothing more is taken */
    class_of(&self->base)->frame_refused(self, why);
    return 0;
}

/* The greeting has no length in front. */
static size_t take_greeting(struct amqp_receiver *self, const char *data,
                            size_t length, size_t *lacks)
{
    const struct amqp_frame greeting = { AMQP_FRAME_GREETING, 0, data,
                                         AMQP_GREETING_LENGTH };

    if (length < AMQP_GREETING_LENGTH) {
        *lacks = AMQP_GREETING_LENGTH - length;
        return 0;
    }
    if (memcmp(data, AMQP_GREETING, AMQP_GREETING_LENGTH) != 0)
        return refuse(self, "this is not AMQP 0-9-1");
    self->greeted = true;
    class_of(&self->base)->frame_received(self, &greeting);
    return AMQP_GREETING_LENGTH;
}

/*  frame = type channel size payload end
 *  type = 1 byte   channel = 2 bytes   size = 4 bytes   end = %xCE
 *
 * The type is looked at before the size: who talks another protocol is refused
 * at the first byte, and we do not wait for the gigabytes that "GET /" would
 * announce. The size is compared before anything is added to it. */
static size_t take(struct protocol *base, const char *data, size_t length,
                   size_t *lacks)
{
    struct amqp_receiver *self = (struct amqp_receiver *)base;
    struct amqp_reader reader = { data, data + length, false };
    struct amqp_frame frame;

    if (!self->greeted)
        return take_greeting(self, data, length, lacks);
    frame.type = (int)amqp_read_number(&reader, 1);
    frame.channel = (unsigned)amqp_read_number(&reader, 2);
    frame.length = (size_t)amqp_read_number(&reader, 4);
    if (length > 0 && frame.type != AMQP_FRAME_METHOD &&
        frame.type != AMQP_FRAME_HEADER && frame.type != AMQP_FRAME_BODY &&
        frame.type != AMQP_FRAME_HEARTBEAT)
        return refuse(self, *data == 'A' ? "another version of AMQP is wanted"
                                         : "unknown type of frame");
    if (length < HEAD) {
        *lacks = HEAD - length;
        return 0;
    }
    if (frame.length > self->frame_max - AMQP_FRAME_OVERHEAD)
        return refuse(self, "frame is too large");
    size_t end = frame.length + AMQP_FRAME_OVERHEAD;
    if (length < end) {
        *lacks = end - length;
        return 0;
    }
    if ((unsigned char)data[end - 1] != FRAME_END)
        return refuse(self, "frame does not end where it should");
    frame.payload = data + HEAD;
    class_of(base)->frame_received(self, &frame);
    return end;
}

static struct input_owner owner_of(struct amqp_receiver *self)
{
    return (struct input_owner){ &self->base, &self->input, take };
}

void amqp_receiver_data_received(struct protocol *protocol, const char *data,
                                 size_t length)
{
    struct amqp_receiver *self = (struct amqp_receiver *)protocol;

    self->heard = true; /* any byte is a sign of life, a heartbeat or not */
    input_queue_receive(owner_of(self), data, length);
}

void amqp_receiver_connection_lost(struct protocol *protocol,
                                   struct failure reason)
{
    struct amqp_receiver *self = (struct amqp_receiver *)protocol;

    (void)reason;
    delayed_call_cancel(&self->heartbeat);
    input_queue_close(&self->input);
}

void amqp_receiver_pause(struct amqp_receiver *self)
{
    input_queue_pause(owner_of(self));
}

void amqp_receiver_resume(struct amqp_receiver *self)
{
    self->heard = true; /* its silence begins now */
    input_queue_resume(owner_of(self));
}

/* --- heartbeats --- */

static void arm_heartbeat(struct amqp_receiver *self);

/* Twice in an interval. Who is paused does not read, and so cannot tell
 * silence from its own deafness: nothing is counted then. */
static void beat(void *argument)
{
    struct amqp_receiver *self = argument;

    self->silence = self->heard || self->input.paused ? 0 : self->silence + 1;
    self->heard = false;
    if (self->silence >= SILENCE_MAX) {
        class_of(&self->base)->silent(self);
        return;
    }
    if (!self->said)
        amqp_send_frame(self, AMQP_FRAME_HEARTBEAT, 0, "", 0);
    self->said = false; /* the heartbeat itself counts for this half only */
    arm_heartbeat(self);
}

static void arm_heartbeat(struct amqp_receiver *self)
{
    /* Without a clock nobody would notice a dead peer: rather no connection. */
    if (clock_call_later(self->clock, &self->heartbeat, self->interval / 2,
                         beat, self) < 0)
        transport_abort_connection(self->base.transport);
}

void amqp_receiver_start_heartbeat(struct amqp_receiver *self, double seconds)
{
    self->interval = seconds;
    self->heard = self->said = true;
    if (seconds > 0)
        arm_heartbeat(self);
}

/* --- sending --- */

void amqp_send_frame(struct amqp_receiver *self, int type, unsigned channel,
                     const char *payload, size_t length)
{
    char head[HEAD], end = (char)FRAME_END;
    const struct iovec pieces[] = { { head, HEAD },
                                    { (void *)payload, length },
                                    { &end, 1 } }; /* they are only read */

    amqp_put_number(
        amqp_put_number(amqp_put_number(head, (uint64_t)type, 1), channel, 2),
        length, 4);
    self->said = true;
    transport_write_sequence(self->base.transport, pieces, 3);
}

int amqp_send_method(struct amqp_receiver *self, unsigned channel,
                     uint32_t method, const struct amqp_arguments *arguments)
{
    char payload[AMQP_METHOD_MAX];
    ssize_t length = amqp_method_write(payload, method, arguments);

    if (length < 0)
        return -1;
    amqp_send_frame(self, AMQP_FRAME_METHOD, channel, payload, (size_t)length);
    return 0;
}

int amqp_send_content(struct amqp_receiver *self, unsigned channel,
                      uint32_t method, const struct amqp_arguments *arguments,
                      struct amqp_bytes header, struct amqp_bytes body)
{
    size_t most = self->frame_max - AMQP_FRAME_OVERHEAD;

    if (header.length > most) {
        errno = EMSGSIZE;
        return -1;
    }
    if (amqp_send_method(self, channel, method, arguments) < 0)
        return -1;
    amqp_send_frame(self, AMQP_FRAME_HEADER, channel, header.data,
                    header.length);
    /* Nothing else of this channel may come in between; it does not, because
     * nobody runs until we return. An empty body has no frame at all. */
    for (size_t sent = 0, size; sent < body.length; sent += size) {
        size = body.length - sent < most ? body.length - sent : most;
        amqp_send_frame(self, AMQP_FRAME_BODY, channel, body.data + sent, size);
    }
    return 0;
}
