/* SPDX-License-Identifier: MIT
 *
 * deferred_timeout.c - a delayed call that cancels a Deferred, and one that
 * fires it. Each has a small state, which is freed once: when the chain gets to
 * our pair in it or, for deferred_later, when it is cancelled before.
 */
#include "deferred/deferred_timeout.h"

#include <stdlib.h>

const struct failure_type DeferredTimeout = { "TimeoutError", "Timed out",
                                              false };

/* Lives until the chain gets to on_result, in time or not. */
struct timeout_state {
    struct delayed_call call;
    struct deferred *deferred;
};

/* The Deferred is there: it is not freed before on_result has run, which stops
 * this timer. on_result may run in here, so the state may be gone afterwards.
 */
static void on_timeout(void *argument)
{
    struct timeout_state *timeout = argument;

    deferred_cancel(timeout->deferred);
}

/* The chain has got here: no more timeout. */
static struct result on_result(struct result result, void *argument)
{
    struct timeout_state *timeout = argument;
    bool too_late = timeout->call.state == CALL_CALLED;

    delayed_call_cancel(&timeout->call);
    free(timeout);
    /* A CancelledError that is not ours, from whoever gave up, stays one; and
     * so does any other outcome, though it comes late. */
    if (too_late && result.kind == RESULT_FAILURE &&
        failure_check(result.failure, &CancelledError))
        return result_error(&DeferredTimeout, 0);
    return result;
}

/* -1 with ENOMEM or EINVAL: then it has no timeout. */
int deferred_add_timeout(struct deferred *self, struct clock clock,
                         double seconds)
{
    struct timeout_state *timeout = calloc(1, sizeof(*timeout));

    if (!timeout)
        return -1;
    timeout->deferred = self;
    if (clock_call_later(clock, &timeout->call, seconds, on_timeout, timeout) <
        0) {
        free(timeout);
        return -1;
    }
    /* The timer first: on a Deferred that has fired the pair runs at once, and
     * frees all this. */
    if (deferred_add_both(self, on_result, timeout) < 0) {
        delayed_call_cancel(&timeout->call);
        free(timeout);
        return -1;
    }
    return 0;
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

    if (!state)
        return NULL;
    *state = (struct deferred_later_state){ .function = function,
                                            .argument = argument };
    if (clock_call_later(clock, &state->call, seconds, on_timer, state) < 0) {
        free(state);
        return NULL;
    }
    state->deferred = deferred_new(on_cancel, state);
    if (!state->deferred) {
        delayed_call_cancel(&state->call);
        free(state);
        return NULL;
    }
    /* The first pair of a new Deferred: there is room for it. */
    deferred_add_callback(state->deferred, call_function, state);
    return state->deferred;
}
