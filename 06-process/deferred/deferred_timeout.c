/* SPDX-License-Identifier: MIT */
#include "deferred/deferred_timeout.h"

#include <stdlib.h>

const struct failure_type DeferredTimeout = { "TimeoutError", "Timed out",
                                              false };

struct timeout {
    struct delayed_call call;
    struct deferred *deferred;
};

static void time_out(void *argument)
{
    struct timeout *timeout = argument;

    deferred_cancel(timeout->deferred);
}

/* The chain has got here, in time or not. */
static struct result in_time(struct result result, void *argument)
{
    struct timeout *timeout = argument;
    bool too_late = timeout->call.state == CALL_CALLED;

    delayed_call_cancel(&timeout->call);
    free(timeout);
    if (too_late && result.kind == RESULT_FAILURE &&
        failure_check(result.failure, &CancelledError))
        return result_error(&DeferredTimeout, 0);
    return result;
}

int deferred_add_timeout(struct deferred *self, struct clock clock,
                         double seconds)
{
    struct timeout *timeout = calloc(1, sizeof(*timeout));

    if (!timeout)
        return -1;
    timeout->deferred = self;
    if (clock_call_later(clock, &timeout->call, seconds, time_out, timeout) <
        0) {
        free(timeout);
        return -1;
    }
    if (deferred_add_both(self, in_time, timeout) < 0) {
        delayed_call_cancel(&timeout->call);
        free(timeout);
        return -1;
    }
    return 0;
}

struct later {
    struct delayed_call call;
    struct deferred *deferred;
    struct result (*function)(void *argument);
    void *argument;
};

static struct result call_it(struct result result, void *argument)
{
    struct later later = *(struct later *)argument;

    (void)result;
    free(argument);
    return later.function(later.argument);
}

static void now(void *argument)
{
    deferred_callback(((struct later *)argument)->deferred, NULL);
}

static void never(struct deferred *deferred, void *argument)
{
    struct later *later = argument;

    (void)deferred;
    delayed_call_cancel(&later->call);
    free(later);
}

struct deferred *deferred_later(struct clock clock, double seconds,
                                struct result (*function)(void *argument),
                                void *argument)
{
    struct later *later = calloc(1, sizeof(*later));

    if (!later)
        return NULL;
    *later = (struct later){ .function = function, .argument = argument };
    if (clock_call_later(clock, &later->call, seconds, now, later) < 0) {
        free(later);
        return NULL;
    }
    later->deferred = deferred_new(never, later);
    if (!later->deferred) {
        delayed_call_cancel(&later->call);
        free(later);
        return NULL;
    }
    deferred_add_callback(later->deferred, call_it, later);
    return later->deferred;
}
