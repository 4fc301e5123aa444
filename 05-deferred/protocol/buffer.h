/* SPDX-License-Identifier: MIT
 *
 * buffer.h - bytes that wait, in the order in which they came: those that a
 * transport has to send, or those that a protocol cannot use yet.
 *
 * All zeroes is an empty buffer, and an empty buffer owns nothing: an idle
 * connection pays eight bytes for it.
 */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct buffer {
    struct buffer_block *block; /* NULL while there is nothing in it */
};

/* How many bytes wait, and where the first of them is; all of them lie in one
 * piece, until the next append or consume. */
size_t buffer_length(const struct buffer *buffer);
const char *buffer_data(const struct buffer *buffer);

/* Copies `length` bytes to the end. Returns 0, or -1 with ENOMEM: then nothing
 * has changed. */
int buffer_append(struct buffer *buffer, const void *data, size_t length);

/* The same for `count` pieces, in order, but returns how many bytes wait now.
 * There must be less than SSIZE_MAX of them, as for writev. */
ssize_t buffer_append_pieces(struct buffer *buffer, const struct iovec *pieces,
                             size_t count);

/* Drops the first `length` bytes, which must be there. */
void buffer_consume(struct buffer *buffer, size_t length);

/* Drops all of them. */
void buffer_clear(struct buffer *buffer);

#endif
