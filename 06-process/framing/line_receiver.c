/* SPDX-License-Identifier: MIT
 *
 * line_receiver.c - where a line ends, which mode the next byte is for, and
 * what is a line too long. input_queue.c does the waiting.
 */
#include "framing/line_receiver.h"

#include <assert.h>
#include <string.h>

/* A class without the second is easily written, and the transport would ignore
 * what comes: say so where the protocol is first used. */
static const struct line_receiver_class *class_of(struct line_receiver *self)
{
    const struct line_receiver_class *class =
        (const struct line_receiver_class *)self->base.class;

    assert(class->line_received && "a line receiver needs line_received");
    assert(class->base.data_received &&
           "a line receiver's base needs line_receiver_data_received");
    return class;
}

static struct iovec delimiter_of(struct line_receiver *self)
{
    const char *set = class_of(self)->delimiter;
    const char *delimiter = set ? set : "\r\n";

    return (struct iovec){ (void *)delimiter, strlen(delimiter) };
}

/* Where the next delimiter, of `size` bytes, begins in `length` bytes at
 * `data`, of which the first `scanned` are known not to begin one. Returns
 * `length` if nowhere. */
static size_t find(const char *data, size_t scanned, size_t length,
                   const char *delimiter, size_t size)
{
    while (scanned + size <= length) {
        const char *first =
            memchr(data + scanned, *delimiter, length - scanned - size + 1);
        if (!first)
            break;
        scanned = (size_t)(first - data);
        size_t same = 1; /* not memcmp: most delimiters have one byte or two */
        while (same < size && first[same] == delimiter[same])
            same++;
        if (same == size)
            return scanned;
        scanned++;
    }
    return length;
}

/* Whether nothing more may be delivered. Once the protocol has asked to lose
 * the connection, the lines behind the one that made it do so are void. */
static bool stopped(const struct line_receiver *self)
{
    return self->input.paused || transport_disconnecting(self->base.transport);
}

/* Delivers the lines at `data`, as many as are wanted: each callback may stop
 * that, or begin raw mode. Returns how many bytes are dealt with; what is left
 * has no whole line, or was not wanted. */
static size_t take_lines(struct line_receiver *self, const char *data,
                         size_t length)
{
    const struct line_receiver_class *class = class_of(self);
    const struct iovec delimiter = delimiter_of(self);
    const size_t size = delimiter.iov_len;
    size_t maximum = class->max_length ? class->max_length : LINE_MAX_LENGTH;
    size_t used = 0;

    while (!self->raw && !stopped(self) && used < length) {
        const char *line = data + used;
        size_t left = length - used;
        size_t end = find(line, self->scanned, left, delimiter.iov_base, size);
        self->scanned = 0;
        /* A line without its end is too long only when there is no room left
         * for the end: a "\r" may be all that has come of a delimiter. Where
         * the next one begins nobody knows then: so the default is to leave. */
        if (end > maximum && (end < left || left >= maximum + size)) {
            if (class->line_length_exceeded)
                class->line_length_exceeded(self, line, left);
            else
                transport_lose_connection(self->base.transport);
            return length;
        }
        if (end == left) {
            /* Or each byte of a long line would cost a look at all of it. */
            self->scanned = left < size ? 0 : (unsigned)(left - size + 1);
            break;
        }
        class->line_received(self, line, end);
        used += end + size;
    }
    return used;
}

/* Nobody knows how long a line will be, so *lacks stays what it is. Bytes that
 * raw_data_received gives back are not used up: they are offered again, as
 * lines by then. So the mode may flip at every byte of a segment, and neither
 * the stack nor the number of copies grows with it. */
static size_t line_receiver_take(struct protocol *protocol, const char *data,
                                 size_t length, size_t *lacks)
{
    struct line_receiver *self = (struct line_receiver *)protocol;
    size_t used = 0;

    (void)lacks;
    if (self->raw && !stopped(self)) {
        self->raw_used = (unsigned)length;
        if (class_of(self)->raw_data_received)
            class_of(self)->raw_data_received(self, data, length);
        used = self->raw_used;
        self->raw_used = 0;
    }
    return used > 0 ? used : take_lines(self, data, length);
}

/* Made for each call: kept, it would cost each connection three pointers. */
static struct input_owner owner_of(struct line_receiver *self)
{
    return (struct input_owner){ &self->base, &self->input,
                                 line_receiver_take };
}

void line_receiver_data_received(struct protocol *protocol, const char *data,
                                 size_t length)
{
    input_queue_receive(owner_of((struct line_receiver *)protocol), data,
                        length);
}

/* A line whose end has not come is none, and goes with the rest. */
void line_receiver_connection_lost(struct protocol *protocol,
                                   struct failure reason)
{
    struct line_receiver *self = (struct line_receiver *)protocol;

    (void)reason;
    (void)class_of(self); /* it may be the first time that we are called */
    input_queue_close(&self->input);
}

/* One write: with two, a segment could be cut between a line and its end. */
void line_receiver_send_line(struct line_receiver *self, const char *line,
                             size_t length)
{
    const struct iovec pieces[] = { { (void *)line, length },
                                    delimiter_of(self) };

    transport_write_sequence(self->base.transport, pieces, 2);
}

/* take_lines looks at it before each line, so it counts from the next byte. */
void line_receiver_set_raw_mode(struct line_receiver *self)
{
    self->raw = true;
}

/* The rest is not copied: it is the end of the bytes that raw_data_received is
 * looking at, and line_receiver_take says that so many were not used. */
void line_receiver_set_line_mode(struct line_receiver *self, size_t rest)
{
    assert(rest <= self->raw_used &&
           "the rest is the end of what raw_data_received was given");
    self->raw = false;
    self->raw_used -= (unsigned)rest;
    self->scanned = 0;
}

/* The transport reads on while little waits: see input_queue_pause. */
void line_receiver_pause(struct line_receiver *self)
{
    input_queue_pause(owner_of(self));
}

/* The lines that wait are delivered before this returns, unless we are called
 * from one: then when that has returned. */
void line_receiver_resume(struct line_receiver *self)
{
    input_queue_resume(owner_of(self));
}
