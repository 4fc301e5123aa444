/* SPDX-License-Identifier: MIT
 *
 * How long the loop waits for a delayed call: never too short, never in more
 * turns than one, whatever the rounding and however far the deadline.
 */
#include <errno.h>
#include <math.h>

#include "probe.h"
#include "unit.h"

/* Seconds until the scheduler of a busy machine surely has had us run. */
static const double patience = 2;

struct script {
    struct reactor *reactor;
    struct delayed_call a, b;
    double time; /* when b was scheduled */
};

static void later(struct script *script, struct delayed_call *call,
                  double seconds, void (*function)(void *), void *argument)
{
    CHECK(reactor_call_later(script->reactor, call, seconds, function,
                             argument) == 0);
}

static void no_turn_too_many(const char *poller)
{
    const double delays[] = { 0.0505, 0.0101, 0.0015, 0.0009 };
    struct script script = { .reactor = loop_new(poller) };

    for (size_t i = 0; i < sizeof(delays) / sizeof(*delays); i++) {
        int waits = unit_waits();
        double start = reactor_seconds();
        loop_run_for(script.reactor, delays[i]);
        CHECK(reactor_seconds() - start >= delays[i]);
        CHECK(unit_waits() - waits <= 2);
    }
    reactor_free(script.reactor);
}

/* A call that is due makes no turn sleep, not for a millisecond. */
static void due_is_no_time(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    double start = reactor_seconds();

    loop_turns(reactor, (int)(patience * 1000));
    CHECK(reactor_seconds() - start < patience);
    reactor_free(reactor);
}

static void far_and_near(const char *poller)
{
    /* Where milliseconds no longer fit an int, nor nanoseconds an int64_t;
     * and what a naive cast of those makes 0 or -1 of. */
    const double far[] = { 2147483.648, 4294967.296, 4294967.295,
                           9.3e9,       1e300,       INFINITY };
    struct script script = { .reactor = loop_new(poller) };

    for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
        int waits = unit_waits();
        double start = reactor_seconds();
        later(&script, &script.a, far[i], unit_note, "far");
        loop_run_for(script.reactor, 0.01);
        CHECK(reactor_seconds() - start < patience);
        CHECK(unit_waits() - waits <= 3);
        CHECK(unit_noted(""));
        CHECK(delayed_call_cancel(&script.a) == 0);
    }
    reactor_free(script.reactor);
}

static void not_too_soon(void *argument)
{
    struct script *script = argument;

    unit_note("b");
    CHECK(reactor_seconds() - script->time >= 0.05);
    loop_crash(script->reactor);
}

static void work_long(void *argument)
{
    struct script *script = argument;
    double start = reactor_seconds();

    while (reactor_seconds() - start < 0.03)
        ;
    script->time = reactor_seconds();
    later(script, &script->b, 0.05, not_too_soon, script);
}

/* Now is now, and not when the turn began. */
static void after_a_long_call(const char *poller)
{
    struct script script = { .reactor = loop_new(poller) };
    struct delayed_call late = { 0 };

    later(&script, &script.a, 0, work_long, &script);
    later(&script, &late, 0.01, unit_note, "l"); /* and run all the same */
    CHECK(reactor_run(script.reactor) == 0);
    CHECK(unit_noted("lb"));
    reactor_free(script.reactor);
}

static void no_such_time(const char *poller)
{
    const double bad[] = { NAN, -0.1, -INFINITY };
    struct script script = { .reactor = loop_new(poller) };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        errno = 0;
        CHECK(reactor_call_later(script.reactor, &script.a, bad[i], unit_note,
                                 "x") == -1);
        CHECK(errno == EINVAL && !delayed_call_active(&script.a));
    }
    later(&script, &script.a, 0.01, unit_note, "x");
    errno = 0;
    CHECK(reactor_call_later(script.reactor, &script.a, 0, unit_note, "y") ==
          -1);
    CHECK(errno == EALREADY);
    loop_run_for(script.reactor, 0.02);
    CHECK(unit_noted("x"));
    reactor_free(script.reactor);
}

/* What is pending keeps no loop alive, and never runs after it. */
static void pending_at_the_end(const char *poller)
{
    struct script script = { .reactor = loop_new(poller) };

    double start = reactor_seconds();
    later(&script, &script.a, 2 * patience, unit_note, "x");
    later(&script, &script.b, 0, loop_stop, script.reactor);
    CHECK(reactor_run(script.reactor) == 0);
    CHECK(reactor_seconds() - start < patience);
    CHECK(delayed_call_active(&script.a));
    reactor_free(script.reactor);
    CHECK(!delayed_call_active(&script.a));
    errno = 0;
    CHECK(delayed_call_cancel(&script.a) == -1 && errno == ECANCELED);
    CHECK(unit_noted(""));
}

static const struct unit_case cases[] = {
    { "no_turn_too_many", no_turn_too_many },
    { "due_is_no_time", due_is_no_time },
    { "far_and_near", far_and_near },
    { "after_a_long_call", after_a_long_call },
    { "no_such_time", no_such_time },
    { "pending_at_the_end", pending_at_the_end },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
