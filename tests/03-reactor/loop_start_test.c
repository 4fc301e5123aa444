/* SPDX-License-Identifier: MIT
 *
 * How a loop starts, and who may run it. How it ends is in loop_end_test.c.
 */
#include <errno.h>

#include "probe.h"
#include "unit.h"

struct life {
    struct reactor *reactor;
    struct trigger triggers[6];
    struct delayed_call call, other;
    struct probe probe;
};

static void open_life(struct life *life, const char *poller)
{
    *life = (struct life){ .reactor = loop_new(poller) };
    probe_open(&life->probe, life->reactor, 'p');
    probe_add_reader(&life->probe);
}

static void close_life(struct life *life)
{
    reactor_free(life->reactor);
    probe_check_lost(&life->probe, REASON_LOST);
}

static void at_start(struct life *life, int number, enum trigger_phase phase,
                     void (*function)(void *), void *argument)
{
    CHECK(reactor_add_trigger(life->reactor, phase, REACTOR_STARTUP,
                              &life->triggers[number], function,
                              argument) == 0);
}

static void note_running(void *argument)
{
    struct life *life = argument;

    unit_note(reactor_running(life->reactor) ? "1" : "0");
}

static void startup_triggers(const char *poller)
{
    struct life life;

    open_life(&life, poller);
    probe_poke(&life.probe);
    life.probe.notes = true;
    at_start(&life, 0, TRIGGER_AFTER, note_running, &life);
    at_start(&life, 1, TRIGGER_DURING, note_running, &life);
    at_start(&life, 2, TRIGGER_DURING, unit_note, "d");
    at_start(&life, 3, TRIGGER_BEFORE, note_running, &life);
    at_start(&life, 4, TRIGGER_BEFORE, unit_note, "b");
    at_start(&life, 5, TRIGGER_AFTER, unit_note, "a");
    note_running(&life);
    CHECK(reactor_remove_trigger(life.reactor, &life.triggers[5]) == 0);
    CHECK(unit_waits() == 0);
    loop_turns(life.reactor, 1);
    CHECK(unit_noted("00b1d1rp"));
    note_running(&life);
    loop_turns(life.reactor, 1); /* each of them runs once */
    CHECK(unit_noted("0"));
    life.probe.notes = false;
    close_life(&life);
}

static void bad_triggers(const char *poller)
{
    struct life life;
    struct trigger *trigger = life.triggers;
    const int no_phases[] = { -1, TRIGGER_AFTER + 1, 1000 };

    open_life(&life, poller);
    for (size_t i = 0; i < sizeof(no_phases) / sizeof(*no_phases); i++) {
        errno = 0;
        CHECK(reactor_add_trigger(
                  life.reactor, (enum trigger_phase)no_phases[i],
                  REACTOR_STARTUP, trigger, unit_note, "x") == -1);
        CHECK(errno == EINVAL);
    }
    CHECK(reactor_remove_trigger(life.reactor, trigger) == -1);
    CHECK(errno == ENOENT);
    at_start(&life, 0, TRIGGER_BEFORE, unit_note, "x");
    CHECK(reactor_add_trigger(life.reactor, TRIGGER_AFTER, REACTOR_SHUTDOWN,
                              trigger, unit_note, "y") == -1);
    CHECK(errno == EALREADY);
    CHECK(reactor_remove_trigger(life.reactor, trigger) == 0);
    errno = 0;
    CHECK(reactor_remove_trigger(life.reactor, trigger) == -1);
    CHECK(errno == ENOENT);
    at_start(&life, 0, TRIGGER_DURING, unit_note, "z");
    loop_turns(life.reactor, 1);
    CHECK(unit_noted("z"));
    errno = 0;
    CHECK(reactor_remove_trigger(life.reactor, trigger) == -1);
    CHECK(errno == ENOENT);
    close_life(&life);
}

/* A trigger may take away another of its phase, and add one. */
static void change_triggers(void *argument)
{
    struct life *life = argument;

    unit_note("1");
    CHECK(reactor_remove_trigger(life->reactor, &life->triggers[1]) == 0);
    at_start(life, 3, TRIGGER_BEFORE, unit_note, "4");
    at_start(life, 0, TRIGGER_DURING, unit_note, "5");
}

static void triggers_change_each_other(const char *poller)
{
    struct life life;

    open_life(&life, poller);
    at_start(&life, 0, TRIGGER_BEFORE, change_triggers, &life);
    at_start(&life, 1, TRIGGER_BEFORE, unit_note, "2");
    at_start(&life, 2, TRIGGER_BEFORE, unit_note, "3");
    loop_turns(life.reactor, 1);
    CHECK(unit_noted("1345"));
    close_life(&life);
}

static void call_inside(void *argument)
{
    struct life *life = argument;

    unit_note("(");
    CHECK(reactor_call_when_running(life->reactor, &life->triggers[0],
                                    unit_note, "x") == 0);
    unit_note(")");
}

static void call_when_running(const char *poller)
{
    struct life life;

    open_life(&life, poller);
    for (int i = 0; i < 3; i++)
        CHECK(reactor_call_when_running(life.reactor, &life.triggers[i],
                                        unit_note,
                                        i == 0   ? "1"
                                        : i == 1 ? "2"
                                                 : "3") == 0);
    CHECK(unit_noted(""));
    CHECK(reactor_call_later(life.reactor, &life.call, 0, call_inside, &life) ==
          0);
    loop_turns(life.reactor, 1);
    CHECK(unit_noted("123(x)"));
    close_life(&life);
}

/* --- who may run it --- */

static void run_inside(void *argument)
{
    struct life *life = argument;

    unit_note("i");
    errno = 0;
    CHECK(reactor_run(life->reactor) == -1 && errno == EALREADY);
    CHECK(reactor_running(life->reactor));
}

static void run_too_early(void *argument)
{
    errno = 0;
    CHECK(reactor_run(argument) == -1 && errno == EALREADY);
    errno = 0;
    CHECK(reactor_stop(argument) == -1 && errno == EINVAL);
}

static int run_in_read(struct probe *self)
{
    errno = 0;
    CHECK(reactor_run(self->reactor) == -1 && errno == EALREADY);
    return probe_receive(self);
}

static void run_once(const char *poller)
{
    struct life life;

    open_life(&life, poller);
    errno = 0;
    CHECK(reactor_stop(life.reactor) == -1 && errno == EINVAL);
    errno = 0;
    CHECK(reactor_crash(life.reactor) == -1 && errno == EINVAL);
    at_start(&life, 0, TRIGGER_BEFORE, run_too_early, life.reactor);
    at_start(&life, 1, TRIGGER_AFTER, run_inside, &life);
    CHECK(reactor_call_later(life.reactor, &life.call, 0, run_inside, &life) ==
          0);
    CHECK(reactor_call_later(life.reactor, &life.other, 0.2, loop_stop,
                             life.reactor) == 0);
    life.probe.on_read = run_in_read;
    probe_poke(&life.probe);
    CHECK(reactor_run(life.reactor) == 0);
    CHECK(unit_noted("ii"));
    CHECK(life.probe.reads == 1); /* the outer loop went on */
    errno = 0;
    CHECK(reactor_run(life.reactor) == -1 && errno == ECANCELED);
    errno = 0;
    CHECK(reactor_stop(life.reactor) == -1 && errno == EINVAL);
    CHECK(!reactor_running(life.reactor));
    close_life(&life);
}

static void stopped_at_start(const char *poller)
{
    struct life life;

    open_life(&life, poller);
    at_start(&life, 0, TRIGGER_DURING, loop_stop, life.reactor);
    at_start(&life, 1, TRIGGER_AFTER, note_running, &life);
    CHECK(reactor_run(life.reactor) == 0);
    CHECK(unit_noted("1"));
    CHECK(life.probe.losses == 1);
    close_life(&life);
}

static const struct unit_case cases[] = {
    { "startup_triggers", startup_triggers },
    { "bad_triggers", bad_triggers },
    { "triggers_change_each_other", triggers_change_each_other },
    { "call_when_running", call_when_running },
    { "run_once", run_once },
    { "stopped_at_start", stopped_at_start },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
