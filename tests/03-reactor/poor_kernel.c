/* SPDX-License-Identifier: MIT
 *
 * A moment without memory: linked into a server with ld's --wrap=accept4 and
 * --wrap=realloc. The first accept fails, and so does every realloc until the
 * next one.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

int __real_accept4(int fd, struct sockaddr *peer, socklen_t *size, int flags);
int __wrap_accept4(int fd, struct sockaddr *peer, socklen_t *size, int flags);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static unsigned accepts;

int __wrap_accept4(int fd, struct sockaddr *peer, socklen_t *size, int flags)
{
    if (accepts++ > 0)
        return __real_accept4(fd, peer, size, flags);
    errno = ENOMEM;
    return -1;
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (accepts != 1)
        return __real_realloc(memory, size);
    errno = ENOMEM;
    return NULL;
}
