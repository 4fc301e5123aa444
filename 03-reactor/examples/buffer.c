/* SPDX-License-Identifier: MIT */
#include "examples/buffer.h"

#include <errno.h>
#include <sys/socket.h>

#include "net/net.h"

/* The counters grow until the buffer is empty, and wrap around together after
 * 2^64 bytes: the place of byte number n is n % BUFFER_MAX, which is why that
 * is a power of two. One call moves what lies in one piece, up to the end of
 * the array. */
static size_t place(size_t counter)
{
    return counter % BUFFER_MAX;
}

static size_t in_one_piece(size_t counter, size_t length)
{
    size_t to_end = BUFFER_MAX - place(counter);

    return length < to_end ? length : to_end;
}

/* Unsigned, so the difference is right even when `in` has wrapped around. */
size_t buffer_length(const struct buffer *buffer)
{
    return buffer->in - buffer->out;
}

size_t buffer_room(const struct buffer *buffer)
{
    return BUFFER_MAX - buffer_length(buffer);
}

/* Up to the end of the array; what has no room there comes with the next one.
 */
ssize_t buffer_receive(struct buffer *buffer, int fd)
{
    size_t length = in_one_piece(buffer->in, buffer_room(buffer));
    ssize_t n = net_receive(fd, buffer->data + place(buffer->in), length);

    if (n > 0)
        buffer->in += (size_t)n;
    return n;
}

ssize_t buffer_send(struct buffer *buffer, int fd)
{
    size_t length = in_one_piece(buffer->out, buffer_length(buffer));
    ssize_t n;

    do {
        n = send(fd, buffer->data + place(buffer->out), length, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n > 0)
        buffer->out += (size_t)n;
    if (buffer->in == buffer->out) /* a quiet client uses one page of it */
        buffer->in = buffer->out = 0;
    return n;
}
