/* SPDX-License-Identifier: MIT */
#include "deferred/clock.h"

static int call_in_reactor(void *object, struct delayed_call *call,
                           double seconds, void (*function)(void *),
                           void *argument)
{
    return reactor_call_later(object, call, seconds, function, argument);
}

static double seconds_of_reactor(void *object)
{
    (void)object;
    return reactor_seconds();
}

static const struct clock_class ReactorClock = { call_in_reactor,
                                                 seconds_of_reactor };

struct clock clock_of_reactor(struct reactor *reactor)
{
    return (struct clock){ &ReactorClock, reactor };
}

int clock_call_later(struct clock clock, struct delayed_call *call,
                     double seconds, void (*function)(void *), void *argument)
{
    return clock.class->call_later(clock.object, call, seconds, function,
                                   argument);
}

double clock_seconds(struct clock clock)
{
    return clock.class->seconds(clock.object);
}

/* The heap has put it where it belongs by the real time; then it is told
 * another. */
static int call_in_fake(void *object, struct delayed_call *call, double seconds,
                        void (*function)(void *), void *argument)
{
    struct fake_clock *fake = object;

    if (delayed_calls_add(&fake->calls, call, seconds, function, argument) < 0)
        return -1;
    call->time = fake->now + (int64_t)(seconds * 1e9);
    return delayed_call_delay(call, 0);
}

static double seconds_of_fake(void *object)
{
    return (double)((struct fake_clock *)object)->now / 1e9;
}

static const struct clock_class FakeClock = { call_in_fake, seconds_of_fake };

struct clock clock_of_fake(struct fake_clock *fake)
{
    return (struct clock){ &FakeClock, fake };
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
