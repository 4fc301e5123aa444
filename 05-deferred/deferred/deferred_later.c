/* SPDX-License-Identifier: MIT
 *
 * deferred_later.c - a delayed call that fires a Deferred.
 */
#include "deferred/deferred_later.h"

#include <stdlib.h>

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
