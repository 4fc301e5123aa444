/* SPDX-License-Identifier: MIT
 *
 * clock.h - who calls later: the reactor, or a clock that stands still until a
 * test moves it. What takes a clock can be tested without waiting.
 *
 * Twisted's words are IReactorTime and task.Clock.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include "reactor/reactor.h"

/* A value: copy it. What it is the clock of must live as long. */
struct clock {
    struct reactor *reactor;
    struct fake_clock *fake; /* of a test; NULL: the reactor is the clock */
};

struct clock clock_of_reactor(struct reactor *reactor);

/* What reactor_call_later and reactor_seconds do. */
int clock_call_later(struct clock clock, struct delayed_call *call,
                     double seconds, void (*function)(void *), void *argument);
double clock_seconds(struct clock clock);

/* The clock of a test. All zeroes is one that shows 0. Its calls can be
 * cancelled and delayed, but not reset; delayed_calls_clear forgets them. */
struct fake_clock {
    struct delayed_calls calls; /* their times count from 0 */
    int64_t now;                /* nanoseconds */
};

struct clock clock_of_fake(struct fake_clock *fake);

/* Lets the time go by, and runs what comes due meanwhile, at its time and in
 * order; what that schedules too. */
void fake_clock_advance(struct fake_clock *fake, double seconds);

#endif
