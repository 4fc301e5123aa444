/* SPDX-License-Identifier: MIT
 *
 * deferred_later.h - a function that is called later, and its result as a
 * Deferred: Twisted's deferLater.
 */
#ifndef DEFERRED_LATER_H
#define DEFERRED_LATER_H

#include "deferred/clock.h"
#include "deferred/deferred.h"

/* A Deferred that fires in so many seconds with what function(argument)
 * returns then. To cancel it is not to call. NULL with errno. */
struct deferred *deferred_later(struct clock clock, double seconds,
                                struct result (*function)(void *argument),
                                void *argument);

#endif
