/* SPDX-License-Identifier: MIT */
#include "line_receiver.h"

#include <string.h>

static const struct line_receiver_class *class_of(struct line_receiver *self)
{
    return (const struct line_receiver_class *)self->base.class;
}

static const char *delimiter_of(struct line_receiver *self)
{
    const char *delimiter = class_of(self)->delimiter;

    return delimiter ? delimiter : "\r\n";
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
        if (!memcmp(first, delimiter, size))
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

/* Whether the next line may be delivered. */
static bool wants_line(const struct line_receiver *self)
{
    return !self->raw && !self->paused &&
           !transport_disconnecting(self->base.transport);
}

/* Delivers the lines at `data`, as many as are wanted. Returns how many bytes
 * are dealt with; what is left has no whole line, or was not wanted. */
static size_t deliver_lines(struct line_receiver *self, const char *data,
                            size_t length)
{
    const char *delimiter = delimiter_of(self);
    size_t most = class_of(self)->max_length, size = strlen(delimiter);
    size_t used = 0;

    if (most == 0)
        most = LINE_MAX_LENGTH;
    while (wants_line(self) && used < length) {
        const char *line = data + used;
        size_t left = length - used;
        size_t end = find(line, self->scanned, left, delimiter, size);
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

/* Delivers what can be delivered of what has come. The bytes are taken out of
 * `input` for that time, so that a callback may add to it. */
static bool deliver_some(struct line_receiver *self)
{
    struct buffer work = self->input;
    size_t length = buffer_length(&work), used = length;

    self->input = (struct buffer){ 0 };
    if (!self->raw)
        used = deliver_lines(self, buffer_data(&work), length);
    else if (class_of(self)->raw_data_received)
        class_of(self)->raw_data_received(self, buffer_data(&work), length);
    buffer_consume(&work, used);
    if (buffer_append(&work, buffer_data(&self->input),
                      buffer_length(&self->input)) < 0)
        transport_abort_connection(self->base.transport);
    buffer_clear(&self->input);
    self->input = work;
    return used > 0;
}

static void deliver(struct line_receiver *self)
{
    if (self->busy) /* the loop below is already at it */
        return;
    self->busy = true;
    while (buffer_length(&self->input) > 0 && !self->paused &&
           !transport_disconnecting(self->base.transport) && deliver_some(self))
        ;
    self->busy = false;
}

void line_receiver_data_received(struct protocol *protocol, const char *data,
                                 size_t length)
{
    struct line_receiver *self = (struct line_receiver *)protocol;

    if (buffer_append(&self->input, data, length) < 0)
        transport_abort_connection(protocol->transport);
    else
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
    transport_write(self->base.transport, line, length);
    transport_write_text(self->base.transport, delimiter_of(self));
}

void line_receiver_set_raw_mode(struct line_receiver *self)
{
    self->raw = true;
}

void line_receiver_set_line_mode(struct line_receiver *self, const char *rest,
                                 size_t length)
{
    struct buffer input = { 0 };

    self->raw = false;
    self->scanned = 0;
    /* The rest came before what a callback has added meanwhile. */
    if (buffer_append(&input, rest, length) < 0 ||
        buffer_append(&input, buffer_data(&self->input),
                      buffer_length(&self->input)) < 0)
        transport_abort_connection(self->base.transport);
    buffer_clear(&self->input);
    self->input = input;
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
