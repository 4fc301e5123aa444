/* SPDX-License-Identifier: MIT */
#include "lengths/netstring_receiver.h"

#include <stdio.h>

enum { HEAD_MAX = 24 }; /* bytes of "18446744073709551615:", and a NUL */

static const struct netstring_receiver_class *class_of(
    const struct protocol *self)
{
    return (const struct netstring_receiver_class *)self->class;
}

static bool refuse(struct protocol *self)
{
    transport_lose_connection(self->transport);
    return false;
}

/* The number at `data`, of as many digits as are there; no zero before it, and
 * not above `most`, which is compared before anything is added. */
static bool read_number(const char *data, size_t length, size_t most,
                        size_t *number, size_t *digits)
{
    size_t value = 0, count = 0;

    while (count < length && data[count] >= '0' && data[count] <= '9') {
        size_t digit = (size_t)(data[count] - '0');
        if (count > 0 && value == 0)
            return false;
        if (digit > most || value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
        count++;
    }
    *number = value;
    *digits = count;
    return true;
}

/*  netstring = number ":" *byte ","      as many bytes as the number says
 *  number    = "0" / ("1" ... "9") *digit
 */
static bool look(struct protocol *self, const char *data, size_t length,
                 struct frame *frame)
{
    size_t most = class_of(self)->max_length, number, digits;

    if (most == 0)
        most = NETSTRING_MAX_LENGTH;
    if (!read_number(data, length, most, &number, &digits))
        return refuse(self);
    if (digits == length) {
        frame->lacks = 1;
        return true;
    }
    if (digits == 0 || data[digits] != ':')
        return refuse(self);
    size_t start = digits + 1, there = length - start;
    if (there <= number) { /* the comma comes last */
        frame->lacks = there < number ? number - there : 1;
        return true;
    }
    if (data[start + number] != ',')
        return refuse(self);
    frame->start = start;
    frame->length = number;
    frame->end = start + number + 1;
    return true;
}

static void deliver(struct protocol *self, const char *string, size_t length)
{
    class_of(self)->string_received((struct netstring_receiver *)self, string,
                                    length);
}

static struct frame_owner owner_of(struct netstring_receiver *self)
{
    return (struct frame_owner){ &self->base, &self->input, look, deliver };
}

void netstring_receiver_data_received(struct protocol *protocol,
                                      const char *data, size_t length)
{
    struct frame_owner owner = owner_of((struct netstring_receiver *)protocol);

    frame_input_receive(&owner, data, length);
}

void netstring_receiver_connection_lost(struct protocol *protocol,
                                        struct failure reason)
{
    (void)reason;
    frame_input_close(&((struct netstring_receiver *)protocol)->input);
}

void netstring_receiver_send_string(struct netstring_receiver *self,
                                    const char *string, size_t length)
{
    char head[HEAD_MAX];

    snprintf(head, sizeof(head), "%zu:", length);
    transport_write_text(self->base.transport, head);
    transport_write(self->base.transport, string, length);
    transport_write_text(self->base.transport, ",");
}

void netstring_receiver_pause(struct netstring_receiver *self)
{
    struct frame_owner owner = owner_of(self);

    frame_input_pause(&owner);
}

void netstring_receiver_resume(struct netstring_receiver *self)
{
    struct frame_owner owner = owner_of(self);

    frame_input_resume(&owner);
}

void netstring_receiver_abort(struct netstring_receiver *self)
{
    struct frame_owner owner = owner_of(self);

    frame_input_abort(&owner);
}
