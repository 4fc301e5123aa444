/* SPDX-License-Identifier: MIT */
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

    while (fake->calls.count > 0 && fake->calls.heap[0]->time <= end) {
        struct delayed_call *first = fake->calls.heap[0];
        if (first->time > fake->now)
            fake->now = first->time;
        delayed_call_cancel(first); /* takes it out of the heap */
        first->state = CALL_CALLED;
        first->function(first->argument);
    }
    fake->now = end;
}

void fake_clock_clear(struct fake_clock *fake)
{
    delayed_calls_clear(&fake->calls);
}
