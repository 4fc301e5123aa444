/* SPDX-License-Identifier: MIT */
#include "protocol/buffer.h"

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

enum {
    SHORT_PIECE = 4,  /* bytes of one that memcpy is not called for */
    FIRST_SIZE = 512, /* bytes of a buffer's first block */
    SPARES_MAX = 64   /* blocks of that size that are kept for later */
};

/* Every turn of a busy loop fills and empties many buffers. So the first blocks
 * of those that are emptied wait here for those that will be filled. */
static struct buffer_block *spare[SPARES_MAX];
static int spares;
static bool keep_spares;

static struct buffer_block *take_block(size_t size)
{
    struct buffer_block *block = size == FIRST_SIZE && spares > 0
                                     ? spare[--spares]
                                     : malloc(sizeof(*block) + size);

    if (block)
        *block = (struct buffer_block){ .size = size };
    return block;
}

static void give_back(struct buffer_block *block)
{
    if (block && block->size == FIRST_SIZE && keep_spares &&
        spares < SPARES_MAX)
        spare[spares++] = block;
    else
        free(block);
}

void buffer_keep_spares(bool keep)
{
    keep_spares = keep;
    while (!keep && spares > 0)
        free(spare[--spares]);
}

size_t buffer_length(const struct buffer *buffer)
{
    return buffer->block ? buffer->block->end - buffer->block->start : 0;
}

const char *buffer_data(const struct buffer *buffer)
{
    return buffer->block ? buffer->block->data + buffer->block->start : NULL;
}

static bool has_room(const struct buffer_block *block, size_t length)
{
    return block && length <= block->size - block->end;
}

/* Makes room for `length` bytes at the end: by moving what waits to the front
 * if at least half of the block is free, which is cheap because it is rare,
 * or else by a block of twice the size. */
static int make_room(struct buffer *buffer, size_t length)
{
    struct buffer_block *block = buffer->block;
    size_t waiting = block ? block->end - block->start : 0;
    size_t size = block ? block->size : FIRST_SIZE;

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
    struct buffer_block *grown = take_block(size);
    if (!grown)
        return -1;
    if (block) {
        memcpy(grown->data, block->data + block->start, waiting);
        grown->end = waiting;
        give_back(block);
    }
    buffer->block = grown;
    return 0;
}

/* Copies a piece to `end`; returns the new end. A delimiter or a length is
 * copied sooner than memcpy is called, and an empty piece may be NULL, which
 * memcpy must not be given. */
static char *put(char *end, const char *piece, size_t length)
{
    if (length > SHORT_PIECE) {
        memcpy(end, piece, length);
        return end + length;
    }
    while (length-- > 0)
        *end++ = *piece++;
    return end;
}

ssize_t buffer_append_pieces(struct buffer *buffer, const struct iovec *pieces,
                             size_t count)
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += pieces[i].iov_len;
    if (length == 0)
        return (ssize_t)buffer_length(buffer);
    if (!has_room(buffer->block, length) && make_room(buffer, length) < 0)
        return -1;
    struct buffer_block *block = buffer->block;
    char *end = block->data + block->end;
    block->end += length;
    for (size_t i = 0; i < count; i++)
        end = put(end, pieces[i].iov_base, pieces[i].iov_len);
    return (ssize_t)(block->end - block->start);
}

int buffer_append(struct buffer *buffer, const void *data, size_t length)
{
    const struct iovec piece = { (void *)data, length }; /* it is only read */

    return buffer_append_pieces(buffer, &piece, 1) < 0 ? -1 : 0;
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
    give_back(buffer->block);
    buffer->block = NULL;
}
