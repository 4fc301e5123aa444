/* SPDX-License-Identifier: MIT
 *
 * looping_call.h - a function that is called again and again: Twisted's
 * LoopingCall.
 *
 * It lives inside a struct of yours, which must be there until it has stopped.
 */
#ifndef LOOPING_CALL_H
#define LOOPING_CALL_H

#include "deferred/clock.h"
#include "deferred/deferred.h"

struct looping_call {
    struct clock clock;
    struct result (*function)(void *argument);
    void *argument;
    double interval, begin;    /* seconds */
    struct delayed_call call;  /* the next one */
    struct deferred *deferred; /* for who has started it; NULL: not started */
    bool running;
    bool waiting; /* for the function, and the Deferred that it returns */
};

/* All zeroes is one that can be started. Calls function(argument) every
 * `interval` seconds, the first time now, or after one interval. The times are
 * those of the start and full intervals; what is missed is left out. What it
 * returns may be a Deferred, which is waited for, or a failure, which is the
 * end of it.
 *
 * Returns a Deferred: a value, NULL, when it was stopped, or the failure. To
 * cancel it is to stop. NULL with EALREADY or ENOMEM. */
struct deferred *looping_call_start(struct looping_call *self,
                                    struct clock clock, double interval,
                                    bool now,
                                    struct result (*function)(void *argument),
                                    void *argument);

/* No further call. If a Deferred is waited for, it has not stopped until that
 * has fired. Twice is once. */
void looping_call_stop(struct looping_call *self);

#endif
