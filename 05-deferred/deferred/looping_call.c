/* SPDX-License-Identifier: MIT
 *
 * looping_call.c - one call after the other: the next is scheduled when the
 * last has ended, never before, so a slow one is not called while it runs. Its
 * function may stop it; who hears that it has stopped may start it again.
 */
#include "deferred/looping_call.h"

#include <errno.h>
#include <stdint.h>

static void run_once(void *argument);

/* The last word to who has started it. He may start it again in there, so this
 * is the last thing that is done with it. */
static void finish(struct looping_call *self, struct result result)
{
    struct deferred *deferred = self->deferred;

    self->running = false;
    self->deferred = NULL;
    if (deferred) /* or it was cancelled */
        deferred_fire(deferred, result);
}

/* Seconds from now to the next full interval since the beginning. Counted from
 * the beginning and not from the last call: small delays do not add up, and
 * what was missed is left out and does not come in a bunch. */
static double until_next(const struct looping_call *self)
{
    double gone = clock_seconds(self->clock) - self->begin;
    double interval = self->interval;

    if (interval <= 0) /* as often as the loop turns; others run in between */
        return 0;
    double left = ((double)(int64_t)(gone / interval) + 1) * interval - gone;
    /* What is left of an interval that ends now, but for rounding: to wait for
     * that would be to run twice in the same one. */
    return left > interval / 1e6 ? left : interval;
}

/* Without memory for the timer it is over, and says so: to go on silently
 * without ever being called would be worse. */
static void schedule(struct looping_call *self)
{
    if (clock_call_later(self->clock, &self->call, until_next(self), run_once,
                         self) < 0)
        finish(self, result_error(&MemoryError, 0));
}

/* One call has ended, now or when its Deferred fired. */
static struct result on_ended(struct result result, void *argument)
{
    struct looping_call *self = argument;

    self->waiting = false;
    if (result.kind == RESULT_FAILURE)
        finish(self, result);
    else if (self->running)
        schedule(self);
    else /* it was stopped meanwhile */
        finish(self, result_value(NULL));
    /* A failure has gone to who has started it. Returned here as well, it would
     * be logged as unhandled. */
    return result_value(NULL);
}

static void run_once(void *argument)
{
    struct looping_call *self = argument;

    self->waiting = true; /* nobody may start it again meanwhile */
    struct result result = self->function(self->argument);
    if (result.kind != RESULT_DEFERRED) {
        on_ended(result, self);
        return;
    }
    if (deferred_add_both(result.deferred, on_ended, self) < 0)
        on_ended(result_error(&MemoryError, 0), self);
    deferred_release(result.deferred);
}

static void on_cancel(struct deferred *deferred, void *argument)
{
    struct looping_call *self = argument;

    (void)deferred;
    looping_call_stop(self);
    self->deferred = NULL; /* if it waits, nobody hears of its end */
}

struct deferred *looping_call_start(struct looping_call *self,
                                    struct clock clock, double interval,
                                    bool now,
                                    struct result (*function)(void *argument),
                                    void *argument)
{
    struct deferred *deferred;

    /* `waiting` alone: it was cancelled while its function's Deferred is out,
     * whose on_ended will come back to this struct. */
    if (self->deferred || self->waiting) {
        errno = EALREADY;
        return NULL;
    }
    deferred = deferred_new(on_cancel, self);
    if (!deferred)
        return NULL;
    *self = (struct looping_call){ .clock = clock,
                                   .function = function,
                                   .argument = argument,
                                   .interval = interval,
                                   .begin = clock_seconds(clock),
                                   .deferred = deferred,
                                   .running = true };
    if (now)
        run_once(self);
    else
        schedule(self);
    return deferred;
}

void looping_call_stop(struct looping_call *self)
{
    if (!self->running)
        return;
    self->running = false;
    /* No timer: the function is running, or is waited for; on_ended follows. */
    if (delayed_call_cancel(&self->call) == 0)
        finish(self, result_value(NULL));
}
