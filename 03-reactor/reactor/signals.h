/* SPDX-License-Identifier: MIT
 *
 * signals.h - signals as events: the handler only notes which one came and
 * wakes the loop, and the function that was asked for runs in the next turn,
 * where everything is allowed.
 *
 * A process has one set of signal handlers, so one loop at a time has them.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include "reactor/waker.h"

/* The largest signal number that can be watched, and one more. */
enum { SIGNALS_END = 32 };

/* Calls `function` in the loop for `signal` from now on. The waker must live
 * until signals_restore. Returns 0, or -1 with errno: EINVAL for a number
 * that cannot be caught, EBUSY when it is watched already. */
int signals_watch(int signal, const struct waker *waker,
                  void (*function)(void *), void *argument);

/* Runs the functions of the signals that came since the last time. Several of
 * one kind may count as one. */
void signals_deliver(const struct waker *waker);

/* Gives back every handler that was taken with this waker. */
void signals_restore(const struct waker *waker);

#endif
