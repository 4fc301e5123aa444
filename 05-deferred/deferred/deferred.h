/* SPDX-License-Identifier: MIT
 *
 * deferred.h - a result that is not there yet, as a value: Twisted's Deferred.
 *
 * Its maker fires it once, with a value or a failure. Its receiver adds
 * callbacks, and releases it when it adds nothing more. It is freed when the
 * maker has fired it and the receiver has released it; a failure that is still
 * there then is logged.
 *
 * Who cannot use it after all: a receiver adds an errback that returns a value,
 * cancels it and releases it; a maker that has shown it to nobody yet fires it
 * with NULL and releases it.
 */
#ifndef DEFERRED_H
#define DEFERRED_H

#include "deferred/result.h"

/* How many callbacks can wait in a Deferred before more of them need memory.
 */
enum { DEFERRED_ROOM = 4 };

/* A callback or an errback. */
typedef struct result deferred_function(struct result result, void *argument);

/* For the maker. deferred_cancel calls canceller(self, argument), which ends
 * the work, and promises that nobody fires the Deferred later; it may fire it
 * itself. With no canceller (NULL) the work goes on, and its result comes to
 * nothing. Returns NULL with ENOMEM. */
struct deferred *deferred_new(void (*canceller)(struct deferred *self,
                                                void *argument),
                              void *argument);

/* Twisted's succeed and fail: already fired. NULL with ENOMEM. */
struct deferred *deferred_succeed(void *value);
struct deferred *deferred_fail(struct failure failure);

/* Twisted's maybeDeferred: calls function(argument) and returns its Deferred,
 * or one that has fired with what it returned. NULL with ENOMEM. */
struct deferred *deferred_maybe(struct result (*function)(void *argument),
                                void *argument);

/* Fires it, and so runs the callbacks that are there before it returns.
 * Returns 0, or -1 with errno; then the value is still the maker's:
 * ECANCELED, once, if it was cancelled meanwhile; EALREADY if it was fired
 * before; EINVAL for a result that is a Deferred. */
int deferred_fire(struct deferred *self, struct result result);
int deferred_callback(struct deferred *self, void *value);
int deferred_errback(struct deferred *self, struct failure failure);

/* For the receiver. When the chain gets to this pair, one of the two is called
 * (at once, if the result is there), and what it returns goes on to the next
 * pair: to its errback if it is a failure, else to its callback. NULL passes
 * the result on. The first DEFERRED_ROOM that wait are never refused. Return
 * 0, or -1 with ENOMEM. */
int deferred_add_callbacks(struct deferred *self, deferred_function *callback,
                           deferred_function *errback, void *argument);
int deferred_add_callback(struct deferred *self, deferred_function *callback,
                          void *argument);
int deferred_add_errback(struct deferred *self, deferred_function *errback,
                         void *argument);
int deferred_add_both(struct deferred *self, deferred_function *function,
                      void *argument);

/* Ends what has not fired, with CancelledError unless the canceller fires
 * something else. What has fired and waits for another Deferred cancels that
 * one. Otherwise does nothing. */
void deferred_cancel(struct deferred *self);

/* Stops the chain; it goes on after as many unpauses as pauses. */
void deferred_pause(struct deferred *self);
void deferred_unpause(struct deferred *self);

/* The receiver adds nothing more and does not touch it again. A callback of its
 * own chain may do this; the rest of the chain runs as ever. NULL does nothing.
 */
void deferred_release(struct deferred *self);

/* Deferreds that somebody waits for who may leave before they have fired: a
 * client's, say. It lives in the struct of who waits; all zeroes is empty. */
struct deferred_group {
    struct deferred *first;
};

/* Releases it, and remembers it until it is freed; one that has fired may be
 * freed now. Needs no memory. */
void deferred_group_add(struct deferred_group *self, struct deferred *deferred);

/* Cancels those that are left, whose errbacks run now, and forgets them. Call
 * it before the group, or what their callbacks are given, is freed. */
void deferred_group_cancel(struct deferred_group *self);

#endif
