/* SPDX-License-Identifier: MIT */
#include "framing/line_receiver.h"

#include <string.h>

static const struct line_receiver_class *class_of(struct line_receiver *self)
{
    return (const struct line_receiver_class *)self->base.class;
}

static struct iovec delimiter_of(struct line_receiver *self)
{
    const char *delimiter = class_of(self)->delimiter;

    if (!delimiter)
        return (struct iovec){ (void *)"\r\n", 2 };
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
        size_t same = 1; /* inline: delimiters are short */
        while (same < size && first[same] == delimiter[same])
            same++;
        if (same == size)
            return scanned;
        scanned++;
    }
    return length;
}

static void too_long(struct line_receiver *self, const char *data,
                     size_t length)
{
    if (class_of(self)->line_length_exceeded)
        class_of(self)->line_length_exceeded(self, data, length);
    else
        transport_lose_connection(self->base.transport);
}

/* Whether nothing more may be delivered. */
static bool stopped(const struct line_receiver *self)
{
    return self->paused || transport_disconnecting(self->base.transport);
}

/* Delivers the lines at `data`, as many as are wanted. Returns how many bytes
 * are dealt with; what is left has no whole line, or was not wanted. */
static size_t deliver_lines(struct line_receiver *self, const char *data,
                            size_t length)
{
    const struct iovec delimiter = delimiter_of(self);
    const size_t size = delimiter.iov_len;
    size_t most = class_of(self)->max_length, used = 0;

    if (most == 0)
        most = LINE_MAX_LENGTH;
    while (!self->raw && !stopped(self) && used < length) {
        const char *line = data + used;
        size_t left = length - used;
        size_t end = find(line, self->scanned, left, delimiter.iov_base, size);
        self->scanned = 0;
        if (end > most && (end < left || left >= most + size)) {
            too_long(self, line, left);
            return length;
        }
        if (end == left) {
            self->scanned = left < size ? 0 : (unsigned)(left - size + 1);
            break;
        }
        class_of(self)->line_received(self, line, end);
        used += end + size;
    }
    return used;
}

/* Delivers what can be delivered now. Returns how many bytes are dealt with. */
static size_t deliver_some(struct line_receiver *self, const char *data,
                           size_t length)
{
    if (!self->raw)
        return deliver_lines(self, data, length);
    if (class_of(self)->raw_data_received)
        class_of(self)->raw_data_received(self, data, length);
    return length;
}

/* What was not wanted yet, in `rest` and then at `data`, is the input again; it
 * came before what a callback has added meanwhile. */
static void put_back(struct line_receiver *self, struct buffer rest,
                     const char *data, size_t length)
{
    if (buffer_append(&rest, data, length) < 0 ||
        buffer_append(&rest, buffer_data(&self->input),
                      buffer_length(&self->input)) < 0)
        transport_abort_connection(self->base.transport);
    buffer_clear(&self->input);
    self->input = rest;
}

/* Delivers what is in `input`. The bytes are taken out of it for that time, so
 * that a callback may add to it. */
static void deliver(struct line_receiver *self)
{
    size_t used = 1;

    if (self->busy) /* somebody is at it already, and goes on */
        return;
    self->busy = true;
    while (used > 0 && self->input.block && !stopped(self)) {
        struct buffer work = self->input;
        self->input = (struct buffer){ 0 };
        used = deliver_some(self, buffer_data(&work), buffer_length(&work));
        buffer_consume(&work, used);
        put_back(self, work, NULL, 0);
    }
    self->busy = false;
}

/* If nothing waits, what comes is delivered from where it is: most segments
 * hold whole lines, and nothing of them is ever copied. */
void line_receiver_data_received(struct protocol *protocol, const char *data,
                                 size_t length)
{
    struct line_receiver *self = (struct line_receiver *)protocol;
    size_t used = 0;

    if (length > 0 && !self->busy && !self->input.block && !stopped(self)) {
        self->busy = true;
        used = deliver_some(self, data, length);
        self->busy = false;
        if (used < length)
            put_back(self, (struct buffer){ 0 }, data + used, length - used);
    } else if (buffer_append(&self->input, data, length) < 0) {
        transport_abort_connection(protocol->transport);
    }
    deliver(self);
}

void line_receiver_connection_lost(struct protocol *protocol,
                                   struct failure reason)
{
    (void)reason;
    buffer_clear(&((struct line_receiver *)protocol)->input);
}

void line_receiver_send_line(struct line_receiver *self, const char *line,
                             size_t length)
{
    const struct iovec pieces[] = { { (void *)line, length },
                                    delimiter_of(self) };

    transport_write_sequence(self->base.transport, pieces, 2);
}

void line_receiver_set_raw_mode(struct line_receiver *self)
{
    self->raw = true;
}

void line_receiver_set_line_mode(struct line_receiver *self, const char *rest,
                                 size_t length)
{
    self->raw = false;
    self->scanned = 0;
    put_back(self, (struct buffer){ 0 }, rest, length);
    deliver(self);
}

void line_receiver_pause(struct line_receiver *self)
{
    self->paused = true;
    transport_pause_producing(self->base.transport);
}

void line_receiver_resume(struct line_receiver *self)
{
    self->paused = false;
    transport_resume_producing(self->base.transport);
    deliver(self);
}
