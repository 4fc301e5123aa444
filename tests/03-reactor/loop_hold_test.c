/* SPDX-License-Identifier: MIT
 *
 * Shutdown triggers that need time: as many releases as holds, and the loop
 * lives on until the last. More about the end is in loop_end_test.c.
 */
#include <errno.h>
#include <string.h>

#include "probe.h"
#include "unit.h"

struct end {
    struct reactor *reactor;
    struct trigger triggers[8];
    struct delayed_call first, second, third;
    struct probe a, b;
};

static void open_end(struct end *end, const char *poller)
{
    *end = (struct end){ .reactor = loop_new(poller) };
    probe_open(&end->a, end->reactor, 'a');
    probe_open(&end->b, end->reactor, 'b');
    end->a.notes = true;
    probe_add_reader(&end->a);
    probe_add_reader(&end->b);
}

static void close_end(struct end *end)
{
    end->a.notes = false;
    reactor_free(end->reactor);
    probe_check_lost(&end->a, REASON_LOST);
    probe_check_lost(&end->b, REASON_LOST);
}

static void at_end(struct end *end, int number, enum trigger_phase phase,
                   void (*function)(void *), void *argument)
{
    CHECK(reactor_add_trigger(end->reactor, phase, REACTOR_SHUTDOWN,
                              &end->triggers[number], function, argument) == 0);
}

static void later(struct end *end, struct delayed_call *call, double seconds,
                  void (*function)(void *), void *argument)
{
    CHECK(reactor_call_later(end->reactor, call, seconds, function, argument) ==
          0);
}

/* --- stop --- */

static void stop_and_go_on(void *argument)
{
    struct end *end = argument;

    loop_stop(end->reactor);
    errno = 0;
    CHECK(reactor_stop(end->reactor) == -1 && errno == EINVAL);
    CHECK(reactor_running(end->reactor));
    unit_note("s");
}

static void hold(void *argument)
{
    struct end *end = argument;

    unit_note("h");
    reactor_hold_shutdown(end->reactor);
    errno = 0;
    CHECK(reactor_stop(end->reactor) == -1 && errno == EINVAL);
}

static void release(void *argument)
{
    struct end *end = argument;

    unit_note("e");
    CHECK(end->a.losses == 0 && end->b.losses == 0);
    CHECK(reactor_running(end->reactor));
    reactor_release_shutdown(end->reactor);
}

/* What is to come after the holds is asked for after them: on a busy machine
 * two times that are asked for at once can have come at once. */
static void release_soon(void *argument)
{
    struct end *end = argument;

    later(end, &end->second, 0.01, release, end);
    later(end, &end->third, 0.02, release, end);
}

/* As many releases as holds, whoever makes them. */
static void several_holds(const char *poller)
{
    struct end end;

    open_end(&end, poller);
    at_end(&end, 0, TRIGGER_BEFORE, hold, &end);
    at_end(&end, 1, TRIGGER_BEFORE, hold, &end);
    at_end(&end, 2, TRIGGER_BEFORE, unit_note, "b");
    at_end(&end, 3, TRIGGER_BEFORE, release_soon, &end);
    later(&end, &end.first, 0, stop_and_go_on, &end);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("shhbeela"));
    close_end(&end);
}

static void release_in_a_while(void *argument)
{
    struct end *end = argument;

    later(end, &end->second, 0.03, release, end);
}

/* Who waits for a release sleeps. */
static void held_loop_sleeps(const char *poller)
{
    struct end end;
    int waits = unit_waits();

    open_end(&end, poller);
    at_end(&end, 0, TRIGGER_BEFORE, hold, &end);
    at_end(&end, 1, TRIGGER_BEFORE, release_in_a_while, &end);
    later(&end, &end.first, 0, stop_and_go_on, &end);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("shela"));
    CHECK(unit_waits() - waits <= 4);
    close_end(&end);
}

/* A hold that is released before the hooks are through holds nothing. */
static void hold_in_vain(const char *poller)
{
    struct end end;

    open_end(&end, poller);
    at_end(&end, 0, TRIGGER_BEFORE, hold, &end);
    at_end(&end, 1, TRIGGER_BEFORE, release, &end);
    later(&end, &end.first, 0, stop_and_go_on, &end);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("shela"));
    close_end(&end);
}

/* One release too many is a mistake, but not one that hangs. */
static void released_twice(void *argument)
{
    release(argument);
    release(argument);
}

static void release_twice_soon(void *argument)
{
    struct end *end = argument;

    later(end, &end->second, 0.01, released_twice, end);
    later(end, &end->third, 5, loop_crash, end->reactor);
}

static void one_release_too_many(const char *poller)
{
    struct end end;

    open_end(&end, poller);
    at_end(&end, 0, TRIGGER_BEFORE, hold, &end);
    at_end(&end, 1, TRIGGER_BEFORE, release_twice_soon, &end);
    later(&end, &end.first, 0, stop_and_go_on, &end);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("sheela"));
    close_end(&end);
}

static const struct unit_case cases[] = {
    { "several_holds", several_holds },
    { "held_loop_sleeps", held_loop_sleeps },
    { "hold_in_vain", hold_in_vain },
    { "one_release_too_many", one_release_too_many },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
