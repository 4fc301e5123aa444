/* SPDX-License-Identifier: MIT
 *
 * buffer.h - the bytes that have come from a socket and have not yet gone out
 * to one, at most BUFFER_MAX of them.
 *
 * Who owns a connection that does not block has one for what the peer is owed.
 * It is a ring without a pointer in it: zero the two counters and it is ready.
 */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>
#include <sys/types.h>

enum { BUFFER_MAX = 64 * 1024 }; /* bytes; a power of two */

struct buffer {
    size_t in;  /* bytes received since it was last empty */
    size_t out; /* bytes sent of these; so in - out are waiting */
    char data[BUFFER_MAX];
};

/* How many bytes are waiting, and for how many there is room. */
size_t buffer_length(const struct buffer *buffer);
size_t buffer_room(const struct buffer *buffer);

/* One recv into the buffer, which must have room, and one send out of it,
 * while bytes are waiting. Each moves as much as the kernel gives or takes,
 * and often less than there is. Both return what the call has returned: the
 * bytes moved, 0 from recv at the end of the stream, -1 with errno; EAGAIN
 * means not now. */
ssize_t buffer_receive(struct buffer *buffer, int fd);
ssize_t buffer_send(struct buffer *buffer, int fd);

#endif
