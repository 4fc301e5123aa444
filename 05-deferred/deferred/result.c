/* SPDX-License-Identifier: MIT
 *
 * result.c - results are values: to make one allocates nothing, and cannot
 * fail.
 */
#include "deferred/result.h"

const struct failure_type CancelledError = { "CancelledError", "Cancelled",
                                             false };
const struct failure_type MemoryError = { "MemoryError", "Out of memory",
                                          false };
const struct failure_type ChainError = {
    "ChainError", "A callback has returned a Deferred that it must not return",
    false
};

struct result result_value(void *value)
{
    return (struct result){ .kind = RESULT_VALUE, .value = value };
}

struct result result_failure(struct failure failure)
{
    return (struct result){ .kind = RESULT_FAILURE, .failure = failure };
}

struct result result_error(const struct failure_type *type, int number)
{
    return result_failure((struct failure){ type, number, NULL });
}

/* Makers return NULL when there is no memory for a Deferred. A callback passes
 * that on without a look, and an errback of its chain hears of it. */
struct result result_deferred(struct deferred *deferred)
{
    if (!deferred)
        return result_error(&MemoryError, 0);
    return (struct result){ .kind = RESULT_DEFERRED, .deferred = deferred };
}
