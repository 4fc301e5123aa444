/* SPDX-License-Identifier: MIT
 *
 * deferred_timeout.h - a Deferred that may take so long and no longer:
 * Twisted's addTimeout.
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

#endif
