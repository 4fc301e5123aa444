/* SPDX-License-Identifier: MIT
 *
 * deferred_timeout.c - a delayed call that cancels a Deferred, and one that
 * fires it. Each is memory of its own, which is freed once: when the chain gets
 * to our pair in it or, for deferred_later, when it is cancelled before.
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

/* Lives until on_timer's chain has called the function, or on_cancel. */
struct deferred_later_state {
    struct delayed_call call;
    struct deferred *deferred;
    struct result (*function)(void *argument);
    void *argument;
};

/* The first callback of the Deferred, so that whatever the function returns,
 * a Deferred as well, is the chain's affair. The state is freed here or in
 * on_cancel, never in both: one that has fired calls no canceller, and the
 * CancelledError of one that has not passes a callback by. */
static struct result call_function(struct result result, void *argument)
{
    struct deferred_later_state state =
        *(struct deferred_later_state *)argument;

    (void)result;
    free(argument);
    return state.function(state.argument);
}

static void on_timer(void *argument)
{
    struct deferred_later_state *state = argument;

    deferred_callback(state->deferred, NULL);
}

/* The timer is stopped, or it would use the state that is freed here. */
static void on_cancel(struct deferred *deferred, void *argument)
{
    struct deferred_later_state *state = argument;

    (void)deferred;
    delayed_call_cancel(&state->call);
    free(state);
}

struct deferred *deferred_later(struct clock clock, double seconds,
                                struct result (*function)(void *argument),
                                void *argument)
{
    struct deferred_later_state *state = calloc(1, sizeof(*state));

    if (state &&
        clock_call_later(clock, &state->call, seconds, on_timer, state) == 0) {
        state->function = function;
        state->argument = argument;
        state->deferred = deferred_new(on_cancel, state);
        /* The first pair of a new Deferred: there is room for it. */
        if (state->deferred) {
            deferred_add_callback(state->deferred, call_function, state);
            return state->deferred;
        }
        delayed_call_cancel(&state->call);
    }
    free(state);
    return NULL;
}
