/* SPDX-License-Identifier: MIT
 *
 * clock.c - the reactor's time, or a test's. The test's clock is the reactor's
 * heap of delayed calls, with times that count from 0 and go on only in
 * fake_clock_advance.
 */
#include "deferred/clock.h"

struct clock clock_of_reactor(struct reactor *reactor)
{
    return (struct clock){ .reactor = reactor };
}

struct clock clock_of_fake(struct fake_clock *fake)
{
    return (struct clock){ .fake = fake };
}

int clock_call_later(struct clock clock, struct delayed_call *call,
                     double seconds, void (*function)(void *), void *argument)
{
    struct fake_clock *fake = clock.fake;

    if (!fake)
        return reactor_call_later(clock.reactor, call, seconds, function,
                                  argument);
    if (delayed_calls_add(&fake->calls, call, seconds, function, argument) < 0)
        return -1;
    /* The heap has put it where it belongs by the real time, which goes on
     * while the test's stands still: it gets the test's, and is moved. */
    call->time = fake->now + (int64_t)(seconds * 1e9);
    return delayed_call_delay(call, 0);
}

double clock_seconds(struct clock clock)
{
    return clock.fake ? (double)clock.fake->now / 1e9 : reactor_seconds();
}

void fake_clock_advance(struct fake_clock *fake, double seconds)
{
    int64_t end = fake->now + (int64_t)(seconds * 1e9);

    /* What a function schedules meanwhile may be due before `end`, too: so look
     * at the heap again each time. */
    while (fake->calls.count > 0 && fake->calls.heap[0]->time <= end) {
        struct delayed_call *first = fake->calls.heap[0];
        /* The clock shows its time, not `end`, while it runs: what it schedules
         * counts from there. One that is overdue does not turn it back. */
        if (first->time > fake->now)
            fake->now = first->time;
        delayed_call_cancel(first); /* takes it out of the heap */
        first->state = CALL_CALLED; /* as in the loop: too late to cancel */
        first->function(first->argument); /* may free the struct it is in */
    }
    fake->now = end;
}
