/* SPDX-License-Identifier: MIT
 *
 * deferred_timeout.c - a delayed call that cancels a Deferred. It is memory of
 * its own, which is freed when the chain gets to our pair in it.
 */
#include "deferred/deferred_timeout.h"

#include <stdlib.h>

const struct failure_type DeferredTimeout = { "TimeoutError", "Timed out",
                                              false };

/* The Deferred is there: it is not freed before on_result has run, which stops
 * this timer. on_result may run in here, and free the call. */
static void on_timeout(void *deferred)
{
    deferred_cancel(deferred);
}

/* The chain has got here: no more timeout. */
static struct result on_result(struct result result, void *argument)
{
    struct delayed_call *call = argument;
    bool too_late = call->state == CALL_CALLED;

    delayed_call_cancel(call);
    free(call);
    /* A CancelledError that is not ours, from whoever gave up, stays one; and
     * so does any other outcome, though it comes late. */
    if (too_late && result.kind == RESULT_FAILURE &&
        failure_check(result.failure, &CancelledError))
        return result_error(&DeferredTimeout, 0);
    return result;
}

/* -1 with ENOMEM or EINVAL: then it has no timeout. The timer comes first: on a
 * Deferred that has fired the pair runs at once, and frees it. */
int deferred_add_timeout(struct deferred *self, struct clock clock,
                         double seconds)
{
    struct delayed_call *call = calloc(1, sizeof(*call));

    if (call && clock_call_later(clock, call, seconds, on_timeout, self) == 0) {
        if (deferred_add_both(self, on_result, call) == 0)
            return 0;
        delayed_call_cancel(call);
    }
    free(call);
    return -1;
}
