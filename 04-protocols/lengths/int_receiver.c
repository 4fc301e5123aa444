/* SPDX-License-Identifier: MIT */
#include "lengths/int_receiver.h"

#include <errno.h>
#include <stdint.h>

enum { PREFIX_MAX = 4 }; /* bytes */

static const struct int_receiver_class *class_of(const struct protocol *self)
{
    return (const struct int_receiver_class *)self->class;
}

static size_t prefix_length_of(const struct protocol *self)
{
    size_t length = class_of(self)->prefix_length;

    return length > 0 ? length : PREFIX_MAX;
}

/*  string = length *byte      as many bytes as the length says
 *  length = 1, 2 or 4 bytes, the highest first
 *
 * The peer may write any number into a length. It is compared before anything
 * is added to it: a sum may be smaller than what it is made of. */
static size_t int_receiver_take(struct protocol *self, const char *data,
                                size_t length, size_t *lacks)
{
    struct int_receiver *receiver = (struct int_receiver *)self;
    const struct int_receiver_class *class = class_of(self);
    size_t prefix = prefix_length_of(self), maximum = class->max_length;
    uint32_t announced = 0;

    if (length < prefix) {
        *lacks = prefix - length;
        return 0;
    }
    for (size_t i = 0; i < prefix; i++)
        announced = announced << 8 | (unsigned char)data[i];
    if (announced > (maximum > 0 ? maximum : INT_RECEIVER_MAX_LENGTH)) {
        input_queue_close(&receiver->input);
        if (class->length_limit_exceeded)
            class->length_limit_exceeded(receiver, announced);
        else
            transport_lose_connection(self->transport);
        return 0;
    }
    if (announced > length - prefix) {
        *lacks = announced - (length - prefix);
        return 0;
    }
    class->string_received(receiver, data + prefix, announced);
    return prefix + announced;
}

static struct input_owner owner_of(struct int_receiver *self)
{
    return (struct input_owner){ &self->base, &self->input, int_receiver_take };
}

void int_receiver_data_received(struct protocol *protocol, const char *data,
                                size_t length)
{
    input_queue_receive(owner_of((struct int_receiver *)protocol), data,
                        length);
}

void int_receiver_connection_lost(struct protocol *protocol,
                                  struct failure reason)
{
    (void)reason;
    input_queue_close(&((struct int_receiver *)protocol)->input);
}

/* Refuses what the prefix cannot say before a byte is sent: a number that was
 * cut would take the rest of the string for the next length. */
int int_receiver_send_string(struct int_receiver *self, const char *string,
                             size_t length)
{
    size_t size = prefix_length_of(&self->base);
    uint64_t rest = length; /* more bits than any prefix */
    char prefix[PREFIX_MAX];

    for (size_t i = size; i > 0; i--) {
        prefix[i - 1] = (char)(rest & 0xff);
        rest >>= 8;
    }
    if (rest > 0) {
        errno = EMSGSIZE;
        return -1;
    }
    transport_write(self->base.transport, prefix, size);
    transport_write(self->base.transport, string, length);
    return 0;
}

void int_receiver_pause(struct int_receiver *self)
{
    input_queue_pause(owner_of(self));
}

void int_receiver_resume(struct int_receiver *self)
{
    input_queue_resume(owner_of(self));
}

void int_receiver_abort(struct int_receiver *self)
{
    input_queue_abort(owner_of(self));
}
