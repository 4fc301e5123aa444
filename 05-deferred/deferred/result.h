/* SPDX-License-Identifier: MIT
 *
 * result.h - what a callback of a Deferred is given, and what it returns: a
 * value, a failure, or another Deferred.
 *
 * A value is a pointer; what it points to, and who frees that, is agreed upon
 * between those who make it and the callbacks.
 */
#ifndef RESULT_H
#define RESULT_H

#include "protocol/failure.h"

struct deferred;

struct result {
    enum { RESULT_VALUE, RESULT_FAILURE, RESULT_DEFERRED } kind;
    union {
        void *value;
        struct failure failure;
        struct deferred *deferred; /* is only returned, never given */
    };
};

/* It was cancelled; there was no memory; a callback has returned a Deferred
 * that it must not: its own, one that another waits for already, or one that
 * waits for this chain. */
extern const struct failure_type CancelledError, MemoryError, ChainError;

struct result result_value(void *value);
struct result result_failure(struct failure failure);

/* The same with a number, an errno as a rule. */
struct result result_error(const struct failure_type *type, int number);

/* Gives the Deferred away, which releases it: what follows in the chain waits
 * for its result. One that is refused, by a ChainError, is not released. NULL
 * stands for one that could not be made: MemoryError. */
struct result result_deferred(struct deferred *deferred);

#endif
