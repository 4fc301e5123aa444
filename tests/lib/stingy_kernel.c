/* SPDX-License-Identifier: MIT
 *
 * A kernel that is always nearly full: linked into a server with ld's
 * --wrap=send and --wrap=recv. Every other call would block; a send that does
 * not takes two bytes, or half of a large piece. Only a greeting passes whole
 * (the first five bytes of a connection always do).
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { GREETING = 5, LARGE = 1000 }; /* bytes */

ssize_t __real_send(int fd, const void *data, size_t length, int flags);
ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t length, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);

static unsigned sends, receives;

ssize_t __wrap_send(int fd, const void *data, size_t length, int flags)
{
    if (length == GREETING)
        return __real_send(fd, data, length, flags);
    if (sends++ % 2 == 0) {
        errno = EAGAIN;
        return -1;
    }
    if (length > LARGE)
        length /= 2;
    else if (length > 2)
        length = 2;
    return __real_send(fd, data, length, flags);
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
    if (receives++ % 2 == 0) {
        errno = EAGAIN;
        return -1;
    }
    return __real_recv(fd, data, size, flags);
}
