/* SPDX-License-Identifier: MIT
 *
 * deferred_list.h - many results as one: Twisted's DeferredList and
 * gatherResults.
 *
 * The members stay their receiver's, who releases them as ever. The list adds
 * a callback to each; what it was given it passes on, so callbacks that are
 * added to a member later see the same result.
 */
#ifndef DEFERRED_LIST_H
#define DEFERRED_LIST_H

#include <stddef.h>

#include "deferred/deferred.h"

enum {
    LIST_FIRE_ON_ONE_CALLBACK = 1, /* at the first success */
    LIST_FIRE_ON_ONE_ERRBACK = 2,  /* at the first failure, with FirstError */
    LIST_CONSUME_ERRORS = 4        /* a failed member goes on with NULL */
};

/* The first failure: its number is the member's index, its detail the name of
 * the member's failure. */
extern const struct failure_type FirstError;

/* The value of a list; the receiver frees it with free(). */
struct deferred_results {
    size_t index; /* of the first success, if that is what was asked for */
    size_t count;
    struct result results[]; /* in the members' order, however they came */
};

/* Fires when all members have, or as `flags` say; without members at once. To
 * cancel it cancels the members. NULL with ENOMEM. */
struct deferred *deferred_list(struct deferred *const *members, size_t count,
                               int flags);

/* All successes, or FirstError at the first failure. */
struct deferred *deferred_gather(struct deferred *const *members, size_t count);

#endif
