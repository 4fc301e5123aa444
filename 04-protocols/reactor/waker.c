/* SPDX-License-Identifier: MIT
 *
 * waker.c - the self-pipe. To look at a flag before the wait is not enough: a
 * signal could come between the look and the wait, and the loop would sleep. A
 * byte in a pipe that is watched stays there until it is read.
 */
#include "reactor/waker.h"

#include <errno.h>
#include <unistd.h>

#include "net/net.h"

/* What was written is of no interest, only that it was. A read that brings less
 * than there is room for has emptied the pipe; EAGAIN: it was empty. */
static int drain(struct descriptor *self)
{
    char bytes[256];

    while (read(self->fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
        ;
    return REASON_NONE;
}

static const struct descriptor_class Waker = {
    .name = "Waker",
    .do_read = drain,
};

int waker_open(struct waker *waker)
{
    int ends[2];

    /* Neither end may block: a full pipe wakes as well as one more byte. */
    if (net_pipe(ends, NET_NONBLOCKING) < 0)
        return -1;
    waker->reader = (struct descriptor){ .class = &Waker, .fd = ends[0] };
    waker->writer = ends[1];
    return 0;
}

void waker_close(struct waker *waker)
{
    close(waker->writer);
}

/* Runs in signal handlers: write is allowed there, a lock or printf is not. If
 * the pipe is full, EAGAIN, the loop will be woken by what is in it. */
void waker_wake(const struct waker *waker)
{
    int error = errno; /* the code that we interrupted may be reading it */
    ssize_t ignored = write(waker->writer, "", 1);

    (void)ignored;
    errno = error;
}
