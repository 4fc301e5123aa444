/* SPDX-License-Identifier: MIT
 *
 * A kernel that is short of memory for a moment, again and again: linked into a
 * server with ld's --wrap=select, --wrap=poll and --wrap=epoll_wait. Of ten
 * waits one fails with ENOMEM and one with EAGAIN.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

int __real_select(int end, fd_set *in, fd_set *out, fd_set *odd,
                  struct timeval *time);
int __wrap_select(int end, fd_set *in, fd_set *out, fd_set *odd,
                  struct timeval *time);
int __real_poll(struct pollfd *polled, nfds_t count, int ms);
int __wrap_poll(struct pollfd *polled, nfds_t count, int ms);
int __real_epoll_wait(int epoll, struct epoll_event *ready, int size, int ms);
int __wrap_epoll_wait(int epoll, struct epoll_event *ready, int size, int ms);

static int fails(void)
{
    static unsigned waits;
    unsigned turn = waits++ % 10;

    errno = turn == 1 ? ENOMEM : EAGAIN;
    return turn == 1 || turn == 2;
}

int __wrap_select(int end, fd_set *in, fd_set *out, fd_set *odd,
                  struct timeval *time)
{
    return fails() ? -1 : __real_select(end, in, out, odd, time);
}

int __wrap_poll(struct pollfd *polled, nfds_t count, int ms)
{
    return fails() ? -1 : __real_poll(polled, count, ms);
}

int __wrap_epoll_wait(int epoll, struct epoll_event *ready, int size, int ms)
{
    return fails() ? -1 : __real_epoll_wait(epoll, ready, size, ms);
}
