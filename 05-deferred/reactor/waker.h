/* SPDX-License-Identifier: MIT
 *
 * waker.h - the self-pipe: how a signal handler or another thread ends the
 * loop's wait. The loop watches one end; a byte in the other makes it ready.
 */
#ifndef WAKER_H
#define WAKER_H

#include "reactor/descriptor.h"

struct waker {
    struct descriptor reader; /* the end that the loop watches */
    int writer;
};

/* Makes the pipe. Returns 0, or -1 with errno. */
int waker_open(struct waker *waker);

/* Closes the writing end. The loop has closed the other, as it does with all
 * that it watched. */
void waker_close(struct waker *waker);

/* Makes the next wait, or the present one, end at once. For signal handlers
 * and for any thread; errno stays as it was. */
void waker_wake(const struct waker *waker);

#endif
