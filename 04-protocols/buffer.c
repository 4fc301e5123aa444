/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Two counters carry the design: bytes are added at `end` and taken from
 * `start`, and the block dies when they meet. */
struct buffer_block {
    size_t start, end;
    size_t size; /* bytes that data has room for */
    char data[];
};

/* Bytes of the first block: small enough for malloc's fast path. */
enum { FIRST_SIZE = 512 };

size_t buffer_length(const struct buffer *buffer)
{
    return buffer->block ? buffer->block->end - buffer->block->start : 0;
}

const char *buffer_data(const struct buffer *buffer)
{
    return buffer->block ? buffer->block->data + buffer->block->start : NULL;
}

/* Makes room for `length` bytes at the end: by moving what waits to the front
 * if at least half of the block is free, which is cheap because it is rare,
 * or else by a block of twice the size. */
static struct buffer_block *make_room(struct buffer_block *block, size_t length)
{
    size_t waiting = block ? block->end - block->start : 0;
    size_t size = block ? block->size : FIRST_SIZE;

    if (length > SIZE_MAX / 4 - waiting) {
        errno = ENOMEM;
        return NULL;
    }
    if (block && waiting <= size / 2 && length <= size - waiting) {
        memmove(block->data, block->data + block->start, waiting);
        block->start = 0;
        block->end = waiting;
        return block;
    }
    while (size < waiting + length || (block && size == block->size))
        size *= 2;
    struct buffer_block *grown = malloc(sizeof(*grown) + size);
    if (!grown)
        return NULL;
    *grown = (struct buffer_block){ .end = waiting, .size = size };
    if (block)
        memcpy(grown->data, block->data + block->start, waiting);
    free(block);
    return grown;
}

int buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    struct buffer_block *block = buffer->block;

    if (length == 0)
        return 0;
    if (!block || length > block->size - block->end) {
        block = make_room(block, length);
        if (!block)
            return -1;
        buffer->block = block;
    }
    memcpy(block->data + block->end, data, length);
    block->end += length;
    return 0;
}

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
