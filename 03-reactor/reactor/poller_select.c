/* SPDX-License-Identifier: MIT
 *
 * poller_select.c - the oldest of the three: two bit sets, copied to the
 * kernel and scanned from end to end in every turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/select.h>

#include "reactor/poller.h"

struct select_poller {
    struct poller base;
    fd_set reading, writing; /* all zeroes is an empty set */
    int top; /* one more than the highest number in either set */
    struct poller_event ready[FD_SETSIZE];
};

static int select_poller_change(struct poller *poller, int fd, unsigned before,
                                unsigned after)
{
    struct select_poller *self = (struct select_poller *)poller;

    (void)before;
    /* FD_SET beyond the set would write past its end. Such a number is never
     * in the set, so to forget it is no error. */
    if (fd >= FD_SETSIZE) {
        errno = ERANGE;
        return after ? -1 : 0;
    }
    FD_CLR(fd, &self->reading);
    FD_CLR(fd, &self->writing);
    if (after & POLLER_READ)
        FD_SET(fd, &self->reading);
    if (after & POLLER_WRITE)
        FD_SET(fd, &self->writing);
    if (after && fd >= self->top)
        self->top = fd + 1;
    /* The kernel looks at each bit below `top`: a large number that has gone
     * must not be paid for in every turn. */
    while (self->top > 0 && !FD_ISSET(self->top - 1, &self->reading) &&
           !FD_ISSET(self->top - 1, &self->writing))
        self->top--;
    return 0;
}

/* One closed number makes the whole call fail, and the kernel does not say
 * which: ask about each. */
static int find_bad(struct select_poller *self)
{
    int count = 0;

    for (int fd = 0; fd < self->top; fd++) {
        if (!FD_ISSET(fd, &self->reading) && !FD_ISSET(fd, &self->writing))
            continue;
        if (fcntl(fd, F_GETFD) < 0)
            self->ready[count++] = (struct poller_event){ fd, POLLER_BAD };
    }
    return count;
}

static int collect(struct select_poller *self, const fd_set *readable,
                   const fd_set *writable, int left)
{
    int count = 0;

    for (int fd = 0; fd < self->top && left > 0; fd++) {
        unsigned events = 0;

        if (FD_ISSET(fd, readable))
            events |= POLLER_READ;
        if (FD_ISSET(fd, writable))
            events |= POLLER_WRITE;
        if (!events)
            continue;
        /* select counts bits: a number that is in both sets is two. */
        left -= events == (POLLER_READ | POLLER_WRITE) ? 2 : 1;
        self->ready[count++] = (struct poller_event){ fd, events };
    }
    return count;
}

/* The kernel overwrites the sets with its answer, and Linux the timeout with
 * what is left of it: all three are made anew for each wait. */
static int select_poller_wait(struct poller *poller, int milliseconds,
                              const struct poller_event **ready)
{
    struct select_poller *self = (struct select_poller *)poller;
    fd_set readable = self->reading, writable = self->writing;
    struct timeval timeout = { milliseconds / 1000,
                               milliseconds % 1000 * 1000 };

    *ready = self->ready;
    int bits = select(self->top, &readable, &writable, NULL,
                      milliseconds < 0 ? NULL : &timeout);
    if (bits >= 0)
        return collect(self, &readable, &writable, bits);
    if (errno == EINTR)
        return 0;
    return errno == EBADF ? find_bad(self) : -1;
}

const struct poller_class poller_select = {
    .name = "select",
    .size = sizeof(struct select_poller),
    .change = select_poller_change,
    .wait = select_poller_wait,
};
