/* SPDX-License-Identifier: MIT
 *
 * poller.h - one interface over select, poll and epoll.
 *
 * A poller knows numbers and events, not what they are for. It is level
 * triggered: what was not dealt with is reported again. What is not wanted is
 * not watched, so a peer that hangs up on a paused descriptor costs nothing.
 */
#ifndef POLLER_H
#define POLLER_H

#include <stddef.h>

enum {
    POLLER_READ = 1,  /* wanted, or ready: also at a hang-up or an error */
    POLLER_WRITE = 2, /* likewise */
    POLLER_BAD = 4    /* only reported: the number is no open descriptor */
};

struct poller_event {
    int fd;
    unsigned events; /* those that are ready, of those that are wanted */
};

struct poller {
    const struct poller_class *class;
};

struct poller_class {
    const char *name; /* "select" */

    /* The struct begins with a struct poller. What it is allocated with, all
     * zeroes, is a poller that watches nothing. */
    size_t size;

    /* What else it needs. Returns 0, or -1 with errno when the system has not
     * got it; close is called all the same. NULL: nothing. */
    int (*open)(struct poller *self);

    /* Watches `fd` for the events `after` instead of `before`, which differ;
     * 0 is none. Returns 0, or -1 with errno: ERANGE for a number beyond
     * select's set, ENOMEM, or what epoll_ctl said. Forgetting (`after` 0)
     * never fails. */
    int (*change)(struct poller *self, int fd, unsigned before, unsigned after);

    /* Waits until something is ready, at most `milliseconds`; -1 is for
     * ever. Returns how many events there are at *ready, which stay there
     * until the next call; 0 when time ran out or a signal came; -1 with
     * errno when the call cannot work. */
    int (*wait)(struct poller *self, int milliseconds,
                const struct poller_event **ready);

    /* Gives back what it holds, but for itself. NULL: nothing. */
    void (*close)(struct poller *self);
};

extern const struct poller_class poller_select, poller_poll, poller_epoll;

#endif
