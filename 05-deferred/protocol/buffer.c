/* SPDX-License-Identifier: MIT
 *
 * buffer.c - bytes in one block of memory, which grows while they wait.
 */
#include "protocol/buffer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One piece, so that it can be sent with one call and searched with memchr.
 * Two counters carry the design: bytes are added at `end` and taken from
 * `start`, and the block dies when they meet. */
struct buffer_block {
    size_t start, end;
    size_t size; /* bytes that data has room for */
    char data[];
};

enum { FIRST_SIZE = 256 }; /* bytes of a buffer's first block */

size_t buffer_length(const struct buffer *buffer)
{
    return buffer->block ? buffer->block->end - buffer->block->start : 0;
}

const char *buffer_data(const struct buffer *buffer)
{
    return buffer->block ? buffer->block->data + buffer->block->start : NULL;
}

/* Makes room for `length` bytes at the end, if there is none: by moving what
 * waits to the front if at least half of the block is free, so that no byte is
 * moved more often than once for each byte that was taken out, or else by a
 * block of twice the size. On failure the block, and what is in it, stays as it
 * was. */
static int make_room(struct buffer *buffer, size_t length)
{
    struct buffer_block *block = buffer->block;
    size_t waiting = block ? block->end - block->start : 0;
    size_t size = block ? block->size : FIRST_SIZE;

    if (block && length <= size - block->end)
        return 0;
    if (length > SIZE_MAX / 4 - waiting) {
        errno = ENOMEM;
        return -1;
    }
    if (block && waiting <= size / 2 && length <= size - waiting) {
        memmove(block->data, block->data + block->start, waiting);
        block->start = 0;
        block->end = waiting;
        return 0;
    }
    while (size < waiting + length || (block && size == block->size))
        size *= 2;
    struct buffer_block *grown = malloc(sizeof(*grown) + size);
    if (!grown)
        return -1;
    *grown = (struct buffer_block){ .end = waiting, .size = size };
    if (block)
        memcpy(grown->data, block->data + block->start, waiting);
    free(block);
    buffer->block = grown;
    return 0;
}

/* All of the pieces or none: the room for them is made before the first byte
 * is copied. */
ssize_t buffer_append_pieces(struct buffer *buffer, const struct iovec *pieces,
                             size_t count)
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += pieces[i].iov_len;
    if (length == 0)
        return (ssize_t)buffer_length(buffer);
    if (make_room(buffer, length) < 0)
        return -1;
    struct buffer_block *block = buffer->block;
    char *end = block->data + block->end;
    block->end += length;
    for (size_t i = 0; i < count; end += pieces[i++].iov_len)
        if (pieces[i].iov_len > 0) /* memcpy must not be given a NULL */
            memcpy(end, pieces[i].iov_base, pieces[i].iov_len);
    return (ssize_t)(block->end - block->start);
}

int buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    const struct iovec piece = { (void *)data, length }; /* it is only read */

    return buffer_append_pieces(buffer, &piece, 1) < 0 ? -1 : 0;
}

/* Nothing is moved; and a buffer that is empty gives its memory back, so that
 * ten thousand idle connections own none. */
void buffer_consume(struct buffer *buffer, size_t length)
{
    if (length == 0)
        return;
    buffer->block->start += length;
    if (buffer->block->start == buffer->block->end)
        buffer_clear(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->block);
    buffer->block = NULL;
}
