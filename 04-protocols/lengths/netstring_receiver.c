/* SPDX-License-Identifier: MIT */
#include "lengths/netstring_receiver.h"

#include <stdio.h>

enum { HEAD_MAX = 24 }; /* bytes of "18446744073709551615:", and a NUL */

static const struct netstring_receiver_class *class_of(
    const struct protocol *self)
{
    return (const struct netstring_receiver_class *)self->class;
}

/* Where the next netstring would begin nobody can say. */
static size_t refuse(struct protocol *self)
{
    input_queue_close(&((struct netstring_receiver *)self)->input);
    transport_lose_connection(self->transport);
    return 0;
}

/* The number at `data`, of as many digits as are there; no zero before it, and
 * not above `maximum`, which is compared before anything is added. */
static bool read_number(const char *data, size_t length, size_t maximum,
                        size_t *number, size_t *digits)
{
    size_t value = 0, count = 0;

    while (count < length && data[count] >= '0' && data[count] <= '9') {
        size_t digit = (size_t)(data[count] - '0');
        if (count > 0 && value == 0)
            return false;
        if (digit > maximum || value > (maximum - digit) / 10)
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
static size_t netstring_receiver_take(struct protocol *self, const char *data,
                                      size_t length, size_t *lacks)
{
    size_t maximum = class_of(self)->max_length, number, digits;

    if (maximum == 0)
        maximum = NETSTRING_MAX_LENGTH;
    if (!read_number(data, length, maximum, &number, &digits))
        return refuse(self);
    if (digits == length) {
        *lacks = 1;
        return 0;
    }
    if (digits == 0 || data[digits] != ':')
        return refuse(self);
    size_t start = digits + 1, there = length - start;
    if (there <= number) { /* the comma comes last */
        *lacks = there < number ? number - there : 1;
        return 0;
    }
    if (data[start + number] != ',')
        return refuse(self);
    class_of(self)->string_received((struct netstring_receiver *)self,
                                    data + start, number);
    return start + number + 1;
}

static struct input_owner owner_of(struct netstring_receiver *self)
{
    return (struct input_owner){ &self->base, &self->input,
                                 netstring_receiver_take };
}

void netstring_receiver_data_received(struct protocol *protocol,
                                      const char *data, size_t length)
{
    input_queue_receive(owner_of((struct netstring_receiver *)protocol), data,
                        length);
}

void netstring_receiver_connection_lost(struct protocol *protocol,
                                        struct failure reason)
{
    (void)reason;
    input_queue_close(&((struct netstring_receiver *)protocol)->input);
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
    input_queue_pause(owner_of(self));
}

void netstring_receiver_resume(struct netstring_receiver *self)
{
    input_queue_resume(owner_of(self));
}

void netstring_receiver_abort(struct netstring_receiver *self)
{
    input_queue_abort(owner_of(self));
}
