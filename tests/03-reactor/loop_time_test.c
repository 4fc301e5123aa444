/* SPDX-License-Identifier: MIT
 *
 * Delayed calls in the loop: what runs before what in a turn, and what a call
 * may do to others. How long the loop waits is in loop_wait_test.c.
 */
#include <errno.h>
#include <signal.h>

#include "probe.h"
#include "unit.h"

struct script {
    struct reactor *reactor;
    struct delayed_call a, b, c, d;
    struct probe probe;
    double time; /* something happened */
    int count;
};

static void later(struct script *script, struct delayed_call *call,
                  double seconds, void (*function)(void *))
{
    CHECK(reactor_call_later(script->reactor, call, seconds, function,
                             script) == 0);
}

static void later_note(struct script *script, struct delayed_call *call,
                       double seconds, char *word)
{
    CHECK(reactor_call_later(script->reactor, call, seconds, unit_note, word) ==
          0);
}

static void open_script(struct script *script, const char *poller)
{
    *script = (struct script){ .reactor = loop_new(poller) };
    probe_open(&script->probe, script->reactor, 'p');
    script->probe.notes = true;
    probe_add_reader(&script->probe);
}

static void close_script(struct script *script)
{
    script->probe.notes = false;
    reactor_free(script->reactor);
    probe_check_lost(&script->probe, REASON_LOST);
}

static void stop(void *argument)
{
    struct script *script = argument;

    unit_note("s");
    loop_stop(script->reactor);
}

static void order_of_a_turn(const char *poller)
{
    struct script script;
    struct thread_call call;
    struct trigger trigger = { 0 };

    open_script(&script, poller);
    probe_poke(&script.probe);
    later_note(&script, &script.a, 0, "d");
    CHECK(reactor_on_signal(script.reactor, SIGUSR1, unit_note, "g") == 0);
    raise(SIGUSR1);
    reactor_call_from_thread(script.reactor, &call, unit_note, "t");
    loop_turns(script.reactor, 1);
    CHECK(unit_noted("tgdrp"));

    /* Stopped by a call: the hooks come at once, no poll in between. */
    CHECK(reactor_add_trigger(script.reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN,
                              &trigger, unit_note, "h") == 0);
    probe_poke(&script.probe);
    later(&script, &script.a, 0, stop);
    later_note(&script, &script.b, 0, "d");
    reactor_call_from_thread(script.reactor, &call, unit_note, "t");
    CHECK(reactor_run(script.reactor) == 0);
    CHECK(unit_noted("tsdhlp"));
    close_script(&script);
}

static void add_call(void *argument)
{
    struct script *script = argument;

    unit_note("x");
    later_note(script, &script->b, 0, "y");
}

static void calls_wait_for_a_turn(const char *poller)
{
    struct script script;

    open_script(&script, poller);
    probe_poke(&script.probe);
    later(&script, &script.a, 0, add_call);
    loop_turns(script.reactor, 2);
    CHECK(unit_noted("xrpy"));
    close_script(&script);
}

/* friend stands for the other of two that are ready together. */
static int call_after_read(struct probe *self)
{
    static struct delayed_call call; /* of whoever comes first */

    if (!delayed_call_active(&call))
        CHECK(reactor_call_later(self->reactor, &call, 0, unit_note, "c") == 0);
    return REASON_NONE; /* so it stays ready */
}

static void calls_come_after_dispatch(const char *poller)
{
    struct script script;
    struct probe other;

    open_script(&script, poller);
    probe_open(&other, script.reactor, 'p');
    other.notes = true;
    probe_add_reader(&other);
    other.on_read = script.probe.on_read = call_after_read;
    probe_poke(&script.probe);
    probe_poke(&other);
    loop_turns(script.reactor, 1);
    CHECK(unit_noted("rprpc"));
    other.notes = false;
    close_script(&script);
    probe_check_lost(&other, REASON_LOST);
}

/* --- calls that change each other --- */

static void call_a(void *argument)
{
    struct script *script = argument;

    unit_note("a");
    CHECK(delayed_call_cancel(&script->b) == 0);
    CHECK(!delayed_call_active(&script->a));
    errno = 0;
    CHECK(delayed_call_cancel(&script->a) == -1 && errno == EALREADY);
}

static void call_c(void *argument)
{
    struct script *script = argument;

    unit_note("c");
    script->time = reactor_seconds();
    CHECK(delayed_call_reset(&script->d, 0.2) == 0);
}

static void call_d(void *argument)
{
    struct script *script = argument;

    unit_note("d");
    CHECK(reactor_seconds() - script->time >= 0.2);
}

static void calls_change_each_other(const char *poller)
{
    struct script script;

    open_script(&script, poller);
    later(&script, &script.d, 0.1, call_d);
    later(&script, &script.a, 0, call_a);
    later_note(&script, &script.b, 0, "b");
    later(&script, &script.c, 0, call_c);
    loop_turns(script.reactor, 1);
    CHECK(unit_noted("ac"));
    loop_run_for(script.reactor, 0.25);
    CHECK(unit_noted("d"));
    later(&script, &script.d, 9999, call_d);
    CHECK(delayed_call_delay(&script.d, -9998.98) == 0);
    loop_run_for(script.reactor, 0.03);
    CHECK(unit_noted("d"));
    close_script(&script);
}

/* Pulled into the past from within, it must not step before the others. */
static void call_pulls(void *argument)
{
    struct script *script = argument;

    unit_note("a");
    CHECK(delayed_call_delay(&script->d, -9999) == 0);
    loop_stop(script->reactor);
}

static void pulled_into_the_past(const char *poller)
{
    struct script script;

    open_script(&script, poller);
    script.probe.notes = false;
    later_note(&script, &script.d, 5, "d");
    later(&script, &script.a, 0, call_pulls);
    later_note(&script, &script.b, 0, "b");
    CHECK(reactor_run(script.reactor) == 0);
    CHECK(unit_noted("ab"));
    close_script(&script);
}

static const struct unit_case cases[] = {
    { "order_of_a_turn", order_of_a_turn },
    { "calls_wait_for_a_turn", calls_wait_for_a_turn },
    { "calls_come_after_dispatch", calls_come_after_dispatch },
    { "calls_change_each_other", calls_change_each_other },
    { "pulled_into_the_past", pulled_into_the_past },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
