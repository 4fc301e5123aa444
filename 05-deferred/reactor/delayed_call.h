/* SPDX-License-Identifier: MIT
 *
 * delayed_call.h - functions to be called at a time to come, in a heap.
 *
 * The caller owns each struct delayed_call, as a member of whatever needs the
 * timeout: nothing is allocated for a call but its place in the heap, and
 * cancelling cannot dangle. It must live until it has run or was cancelled.
 * Calls with the same deadline run in the order given. Times here are
 * nanoseconds of the monotonic clock.
 */
#ifndef DELAYED_CALL_H
#define DELAYED_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delayed_calls;

/* All zeroes is a call that was never scheduled. */
struct delayed_call {
    void (*function)(void *argument);
    void *argument;
    struct delayed_calls *calls; /* the heap that it was scheduled in */
    int64_t time;                /* when it is due */
    uint64_t order;              /* breaks ties: the smaller was first */
    size_t place;                /* where it is in the heap */
    enum { CALL_IDLE, CALL_PENDING, CALL_CALLED, CALL_CANCELLED } state;
};

struct delayed_calls {
    struct delayed_call **heap; /* the parent of i is (i - 1) / 2 */
    size_t count, capacity;
    uint64_t order; /* how many were ever scheduled or moved */
    int64_t now;    /* when they were last run; none is due earlier */
};

/* Twisted's DelayedCall: cancel, reset to `seconds` from now, delay by
 * `seconds` more (a negative number: sooner), and whether it is still to run.
 * The first three return 0, or -1 with errno: EALREADY once the call has run
 * or is running, ECANCELED once it was cancelled, EINVAL if it was never
 * scheduled or `seconds` is no duration. */
int delayed_call_cancel(struct delayed_call *call);
int delayed_call_reset(struct delayed_call *call, double seconds);
int delayed_call_delay(struct delayed_call *call, double seconds);
bool delayed_call_active(const struct delayed_call *call);

/* Twisted's text for those errors: "Tried to cancel an already-called
 * event.", whichever of the three was tried. */
const char *delayed_call_error(int error);

/* Now, on the clock that no administrator can set. */
int64_t delayed_calls_now(void);

/* Schedules `call`, which must not be pending, in `seconds` (at least 0).
 * Returns 0, or -1 with errno: EINVAL, EALREADY if it is pending, ENOMEM. */
int delayed_calls_add(struct delayed_calls *calls, struct delayed_call *call,
                      double seconds, void (*function)(void *), void *argument);

/* Runs the calls that are due now, in order. One that is scheduled or reset
 * meanwhile waits for the next time, even if it is due at once. */
void delayed_calls_run(struct delayed_calls *calls);

/* Milliseconds until the earliest is due, rounded up, at most INT_MAX: 0 if it
 * is due, -1 if there is none. */
int delayed_calls_wait(const struct delayed_calls *calls);

/* Frees the heap. What is still pending never runs, and says so: cancelled. */
void delayed_calls_clear(struct delayed_calls *calls);

#endif
