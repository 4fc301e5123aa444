/* SPDX-License-Identifier: MIT
 *
 * deferred_timeout.h - Deferreds and the clock: Twisted's addTimeout and
 * deferLater.
 */
#ifndef DEFERRED_TIMEOUT_H
#define DEFERRED_TIMEOUT_H

#include "deferred/clock.h"
#include "deferred/deferred.h"

/* It was cancelled because it took too long. */
extern const struct failure_type DeferredTimeout;

/* Cancels it after so many seconds, unless its chain has got this far before;
 * then the CancelledError becomes DeferredTimeout. It covers the callbacks
 * that were added before and none that are added after. Returns 0, or -1 with
 * ENOMEM or EINVAL. */
int deferred_add_timeout(struct deferred *self, struct clock clock,
                         double seconds);

/* A Deferred that fires in so many seconds with what function(argument)
 * returns then. To cancel it is not to call. NULL with errno. */
struct deferred *deferred_later(struct clock clock, double seconds,
                                struct result (*function)(void *argument),
                                void *argument);

#endif
