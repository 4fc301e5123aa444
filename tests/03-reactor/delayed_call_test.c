/* SPDX-License-Identifier: MIT
 *
 * Delayed calls without a loop: equals, errors, and the edges of time and of
 * memory. The heap as such is in delayed_heap_test.c.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "reactor/delayed_call.h"
#include "unit.h"

static const int64_t tick = 1953125; /* nanoseconds */

static void equals_in_order(const char *poller)
{
    enum { EQUALS = 100 };
    struct delayed_calls calls = { 0 };
    struct delayed_call equals[EQUALS] = { 0 };
    char words[EQUALS][2], expected[EQUALS + 1] = "";

    (void)poller;
    unit_stop_clock(tick);
    for (int i = 0; i < EQUALS; i++) {
        words[i][0] = (char)('!' + i % 90);
        words[i][1] = '\0';
        strcat(expected, words[i]);
        CHECK(delayed_calls_add(&calls, &equals[i], 1, unit_note, words[i]) ==
              0);
    }
    delayed_calls_run(&calls);
    CHECK(unit_noted(""));
    unit_stop_clock(tick + 1000000000 - 1);
    delayed_calls_run(&calls);
    CHECK(unit_noted("")); /* not a nanosecond early */
    unit_stop_clock(tick + 1000000000);
    delayed_calls_run(&calls);
    CHECK(unit_noted(expected));
    delayed_calls_clear(&calls);
}

/* A part of a nanosecond is a whole one, and not none; a part of a millisecond
 * is a whole one for the wait. */
static void rounded_up(const char *poller)
{
    struct delayed_calls calls = { 0 };
    struct delayed_call call = { 0 };

    (void)poller;
    unit_stop_clock(tick);
    CHECK(delayed_calls_add(&calls, &call, 1e-10, unit_note, "x") == 0);
    CHECK(call.time == tick + 1 && delayed_calls_wait(&calls) == 1);
    CHECK(delayed_call_reset(&call, 1.0000000001) == 0);
    CHECK(call.time == tick + 1000000001);
    CHECK(delayed_calls_wait(&calls) == 1001);
    unit_stop_clock(tick + 1);
    CHECK(delayed_calls_wait(&calls) == 1000);
    unit_stop_clock(tick + 1000000002);
    CHECK(delayed_calls_wait(&calls) == 0);
    delayed_calls_clear(&calls);
}

/* cancel, reset and delay of `call` fail with `error`, and say so. */
static void check_refused(struct delayed_call *call, int error,
                          const char *text)
{
    CHECK(!delayed_call_active(call));
    errno = 0;
    CHECK(delayed_call_cancel(call) == -1 && errno == error);
    errno = 0;
    CHECK(delayed_call_reset(call, 1) == -1 && errno == error);
    errno = 0;
    CHECK(delayed_call_delay(call, 1) == -1 && errno == error);
    CHECK(!strcmp(delayed_call_error(error), text));
}

/* What a running call learns about itself. */
static void look_at_self(void *argument)
{
    unit_note("x");
    check_refused(argument, EALREADY,
                  "Tried to cancel an already-called event.");
}

static void errors(const char *poller)
{
    struct delayed_calls calls = { 0 };
    struct delayed_call call = { 0 };

    (void)poller;
    check_refused(&call, EINVAL,
                  "Tried to cancel an event that was never scheduled.");
    CHECK(delayed_calls_add(&calls, &call, 0, look_at_self, &call) == 0);
    CHECK(delayed_call_active(&call));
    CHECK(delayed_calls_add(&calls, &call, 0, look_at_self, &call) == -1);
    CHECK(errno == EALREADY);
    delayed_calls_run(&calls);
    CHECK(unit_noted("x"));
    look_at_self(&call); /* and afterwards */
    CHECK(unit_noted("x"));
    CHECK(delayed_calls_add(&calls, &call, 0, unit_note, "y") == 0);
    CHECK(delayed_call_cancel(&call) == 0);
    check_refused(&call, ECANCELED,
                  "Tried to cancel an already-cancelled event.");
    delayed_calls_run(&calls);
    CHECK(unit_noted(""));
    CHECK(delayed_calls_wait(&calls) == -1);
    CHECK(delayed_calls_add(&calls, &call, 0, unit_note, "z") == 0);
    delayed_calls_clear(&calls); /* what was pending was cancelled */
    check_refused(&call, ECANCELED,
                  "Tried to cancel an already-cancelled event.");
}

static void no_durations(const char *poller)
{
    struct delayed_calls calls = { 0 };
    struct delayed_call call = { 0 };
    const double bad[] = { -1, -1e-9, -INFINITY, NAN };

    (void)poller;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        errno = 0;
        CHECK(delayed_calls_add(&calls, &call, bad[i], unit_note, "x") == -1);
        CHECK(errno == EINVAL && !delayed_call_active(&call));
    }
    CHECK(delayed_calls_wait(&calls) == -1);
    CHECK(delayed_calls_add(&calls, &call, 0.0, unit_note, "x") == 0);
    CHECK(delayed_call_reset(&call, NAN) == -1 && errno == EINVAL);
    CHECK(delayed_call_delay(&call, NAN) == -1 && errno == EINVAL);
    CHECK(delayed_call_active(&call)); /* and where it was */
    delayed_calls_run(&calls);
    CHECK(unit_noted("x"));
    delayed_calls_clear(&calls);
}

/* Sums of what is too far away must not come out in the past. */
static void far_away(const char *poller)
{
    struct delayed_calls calls = { 0 };
    struct delayed_call far[4] = { 0 }, near = { 0 };
    const double distances[] = { INFINITY, 1e300, 9.3e9, 2147484 };

    (void)poller;
    unit_stop_clock(tick);
    for (int i = 0; i < 4; i++) {
        CHECK(delayed_calls_add(&calls, &far[i], distances[i], unit_note,
                                "far") == 0);
        CHECK(delayed_call_delay(&far[i], 1e300) == 0);
        CHECK(delayed_call_delay(&far[i], INFINITY) == 0);
        CHECK(delayed_call_reset(&far[i], INFINITY) == 0);
        CHECK(delayed_call_delay(&far[i], 1e300) == 0);
    }
    CHECK(calls.heap[0]->time - tick > INT_MAX * INT64_C(1000000));
    CHECK(delayed_calls_wait(&calls) == INT_MAX);
    CHECK(delayed_calls_add(&calls, &near, 0.01, unit_note, "near") == 0);
    CHECK(delayed_calls_wait(&calls) == 10);
    unit_stop_clock(tick + 10000000);
    delayed_calls_run(&calls);
    CHECK(unit_noted("near"));
    CHECK(delayed_call_delay(&far[0], -1e300) == 0);
    CHECK(delayed_call_delay(&far[1], -INFINITY) == 0);
    CHECK(delayed_calls_wait(&calls) == 0);
    delayed_calls_run(&calls);
    CHECK(unit_noted("farfar"));
    delayed_calls_clear(&calls);
}

/* The heap needs room; a call that gets none is refused, the others live. */
static void no_memory(const char *poller)
{
    enum { MANY = 1000 };
    static struct delayed_call many[MANY];
    struct delayed_calls calls = { 0 };
    int refused = 0;

    (void)poller;
    for (int i = 0; i < MANY; i++) {
        unit_fail_allocation(0);
        if (delayed_calls_add(&calls, &many[i], 1, unit_note, "x") == 0)
            continue;
        CHECK(errno == ENOMEM && !delayed_call_active(&many[i]));
        refused++;
        unit_fail_allocation(-1);
        CHECK(delayed_calls_add(&calls, &many[i], 1, unit_note, "x") == 0);
    }
    unit_fail_allocation(-1);
    CHECK(refused > 1);
    for (int i = MANY - 1; i >= 0; i--) {
        CHECK(delayed_call_active(&many[i]));
        CHECK(delayed_call_cancel(&many[i]) == 0);
    }
    CHECK(delayed_calls_wait(&calls) == -1);
    delayed_calls_clear(&calls);
}

/* Cancelling does not only mark: what is cancelled takes no room. */
static void cancelled_are_gone(const char *poller)
{
    enum { TIMES = 1000000 };
    struct delayed_calls calls = { 0 };
    struct delayed_call call = { 0 }, pending = { 0 };

    (void)poller;
    CHECK(delayed_calls_add(&calls, &pending, 1000, unit_note, "x") == 0);
    for (int i = 0; i < TIMES; i++) {
        CHECK(delayed_calls_add(&calls, &call, 1, unit_note, "x") == 0);
        if (i == TIMES / 2) /* by now it has all the memory it needs */
            unit_fail_allocation(0);
        CHECK(delayed_call_cancel(&call) == 0);
    }
    CHECK(!unit_allocation_failed());
    unit_fail_allocation(-1);
    delayed_calls_clear(&calls);
}

static const struct unit_case cases[] = {
    { "equals_in_order", equals_in_order },
    { "rounded_up", rounded_up },
    { "errors", errors },
    { "no_durations", no_durations },
    { "far_away", far_away },
    { "no_memory", no_memory },
    { "cancelled_are_gone", cancelled_are_gone },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
