/* SPDX-License-Identifier: MIT
 *
 * How a loop ends: stop is a request, and the end has three phases; crash is
 * none and has none.
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

static void poke_a(void *argument)
{
    struct end *end = argument;

    probe_poke(&end->a);
}

static void note_stopped(void *argument)
{
    struct end *end = argument;

    unit_note(reactor_running(end->reactor) ? "1" : "0");
    CHECK(end->a.losses == 1 && end->b.losses == 1);
    CHECK(end->a.disposals == 1 && end->b.disposals == 1);
}

static void release_in_a_while(void *argument)
{
    struct end *end = argument;

    later(end, &end->third, 0.03, release, end);
}

/* Two calls are due together; the first stops the loop. */
static void stop_is_a_request(const char *poller)
{
    struct end end;

    open_end(&end, poller);
    later(&end, &end.first, 0, stop_and_go_on, &end);
    later(&end, &end.second, 0, unit_note, "2");
    at_end(&end, 0, TRIGGER_BEFORE, hold, &end);
    at_end(&end, 1, TRIGGER_BEFORE, release_in_a_while, &end);
    probe_poke(&end.a);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("s2hraela"));
    close_end(&end);
}

/* The phases, and what is between them; b is paused and hears it as well. */
static void three_phases(const char *poller)
{
    struct end end;

    open_end(&end, poller);
    reactor_remove_reader(end.reactor, end.b.descriptor);
    at_end(&end, 0, TRIGGER_AFTER, unit_note, "x");
    at_end(&end, 1, TRIGGER_DURING, note_stopped, &end);
    at_end(&end, 2, TRIGGER_BEFORE, unit_note, "1");
    at_end(&end, 3, TRIGGER_BEFORE, unit_note, "2");
    at_end(&end, 4, TRIGGER_AFTER, unit_note, "y");
    at_end(&end, 5, TRIGGER_BEFORE, unit_note, "never");
    at_end(&end, 6, TRIGGER_DURING, unit_note, "d");
    CHECK(reactor_remove_trigger(end.reactor, &end.triggers[5]) == 0);
    later(&end, &end.first, 0, stop_and_go_on, &end);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("s12la0dxy"));
    CHECK(end.b.losses == 1 && end.b.reason == REASON_LOST);
    close_end(&end);
}

/* friend is the other of two that are ready; the call comes after them. */
static int stop_in_read(struct probe *self)
{
    static struct delayed_call call;

    if (self->friend->reads == 0) {
        loop_stop(self->reactor);
        CHECK(reactor_call_later(self->reactor, &call, 0, unit_note, "c") == 0);
    }
    return probe_receive(self);
}

static void stop_from_a_descriptor(const char *poller)
{
    struct end end;

    open_end(&end, poller);
    end.a.friend = &end.b;
    end.b.friend = &end.a;
    end.a.on_read = end.b.on_read = stop_in_read;
    probe_poke(&end.a);
    probe_poke(&end.b);
    at_end(&end, 0, TRIGGER_BEFORE, unit_note, "h");
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(end.a.reads == 1 && end.b.reads == 1);
    CHECK(unit_noted("rachla"));
    close_end(&end);
}

static void stop_in_loss(struct probe *self)
{
    errno = 0;
    CHECK(reactor_stop(self->reactor) == -1 && errno == EINVAL);
    CHECK(!reactor_running(self->reactor));
    probe_open(self->friend, self->reactor, 'n');
    probe_add_reader(self->friend);
}

/* Whoever is told of the end cannot stop it, nor go on without it: what it
 * opens is lost when the loop is freed. */
static void late_comer(const char *poller)
{
    struct end end;
    struct probe late;

    open_end(&end, poller);
    end.b.on_lost = stop_in_loss;
    end.b.friend = &late;
    later(&end, &end.first, 0, loop_stop, end.reactor);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("la"));
    close_end(&end);
    probe_check_lost(&late, REASON_LOST);
}

/* --- crash --- */

static int crash_in_read(struct probe *self)
{
    loop_crash(self->reactor);
    return probe_receive(self);
}

static void crash_is_no_end(const char *poller)
{
    struct end end;

    open_end(&end, poller);
    at_end(&end, 0, TRIGGER_BEFORE, unit_note, "h");
    later(&end, &end.first, 0, loop_crash, end.reactor);
    later(&end, &end.second, 0, unit_note, "2");
    probe_poke(&end.a);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("2")); /* the rest of its batch, and no turn more */
    CHECK(!reactor_running(end.reactor));
    CHECK(reactor_stop(end.reactor) == -1);

    end.a.on_read = crash_in_read;
    later(&end, &end.first, 0.1, unit_note, "1");
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("ra"));
    CHECK(end.a.losses == 0 && end.b.losses == 0);

    end.a.on_read = NULL; /* pending calls are still pending */
    later(&end, &end.second, 0.15, poke_a, &end);
    later(&end, &end.third, 0.7, loop_stop, end.reactor);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("1rahla"));
    close_end(&end);
}

static const struct unit_case cases[] = {
    { "stop_is_a_request", stop_is_a_request },
    { "three_phases", three_phases },
    { "stop_from_a_descriptor", stop_from_a_descriptor },
    { "late_comer", late_comer },
    { "crash_is_no_end", crash_is_no_end },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
