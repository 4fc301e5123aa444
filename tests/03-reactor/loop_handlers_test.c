/* SPDX-License-Identifier: MIT
 *
 * Whose signal it is: what the program, its parent and an earlier loop had
 * decided about signals is respected; SIGINT and SIGTERM end a loop politely.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"
#include "unit.h"

static void on(struct reactor *reactor, int signal, void (*function)(void *),
               void *argument)
{
    CHECK(reactor_on_signal(reactor, signal, function, argument) == 0);
}

static void (*disposition(int signal))(int)
{
    struct sigaction action;

    CHECK(sigaction(signal, NULL, &action) == 0);
    return action.sa_handler;
}

static void dispose_of(int signal, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler };

    CHECK(sigaction(signal, &action, NULL) == 0);
}

static void ignore_quietly(int signal)
{
    (void)signal;
}

static void refused(const char *poller)
{
    const int bad[] = { 0, -1, 32, 1000, SIGKILL, SIGSTOP, SIGKILL };
    struct reactor *reactor = loop_new(poller);

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        errno = 0;
        CHECK(reactor_on_signal(reactor, bad[i], unit_note, "x") == -1);
        CHECK(errno == EINVAL);
    }
    on(reactor, SIGUSR1, unit_note, "1");
    errno = 0;
    CHECK(reactor_on_signal(reactor, SIGUSR1, unit_note, "2") == -1);
    CHECK(errno == EBUSY);
    raise(SIGUSR1);
    loop_turns(reactor, 1);
    CHECK(unit_noted("1"));
    reactor_free(reactor);
}

static void given_back(const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    dispose_of(SIGUSR1, ignore_quietly);
    dispose_of(SIGUSR2, SIG_IGN);
    dispose_of(SIGINT, SIG_DFL);
    on(reactor, SIGUSR1, unit_note, "1");
    on(reactor, SIGUSR2, unit_note, "2");
    CHECK(disposition(SIGTERM) == SIG_DFL); /* taken when it runs */
    loop_turns(reactor, 1);
    CHECK(disposition(SIGTERM) != SIG_DFL && disposition(SIGINT) != SIG_DFL);
    reactor_free(reactor);
    CHECK(disposition(SIGUSR1) == ignore_quietly);
    CHECK(disposition(SIGUSR2) == SIG_IGN);
    CHECK(disposition(SIGTERM) == SIG_DFL && disposition(SIGINT) == SIG_DFL);
    dispose_of(SIGUSR1, SIG_DFL);
    /* And the next loop can have them. */
    reactor = loop_new(poller);
    on(reactor, SIGUSR1, unit_note, "n");
    raise(SIGUSR1);
    loop_turns(reactor, 1);
    CHECK(unit_noted("n"));
    reactor_free(reactor);
}

static void raise_sigint(void *argument)
{
    (void)argument;
    raise(SIGINT);
}

/* Runs a loop that gets a SIGINT and is stopped a moment later if that did
 * not stop it. Returns what stopped it. */
static int interrupt(struct reactor *reactor)
{
    struct delayed_call call = { 0 }, end = { 0 };

    CHECK(reactor_stop_signal(reactor) == 0);
    CHECK(reactor_call_later(reactor, &call, 0, raise_sigint, NULL) == 0);
    CHECK(reactor_call_later(reactor, &end, 0.02, loop_stop, reactor) == 0);
    CHECK(reactor_run(reactor) == 0);
    int signal = reactor_stop_signal(reactor);
    reactor_free(reactor);
    return signal;
}

static void interrupted(const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    dispose_of(SIGINT, SIG_DFL);
    CHECK(interrupt(reactor) == SIGINT);
    dispose_of(SIGINT, SIG_IGN); /* as a shell does for its background jobs */
    CHECK(interrupt(loop_new(poller)) == 0);
    CHECK(disposition(SIGINT) == SIG_IGN);
    dispose_of(SIGINT, ignore_quietly);
    CHECK(interrupt(loop_new(poller)) == 0);
    CHECK(disposition(SIGINT) == ignore_quietly);
    dispose_of(SIGINT, SIG_DFL);
    reactor = loop_new(poller);
    on(reactor, SIGINT, unit_note, "own");
    CHECK(interrupt(reactor) == 0);
    CHECK(unit_noted("own"));
}

static void terminate(void *argument)
{
    unit_note(argument);
    raise(SIGTERM);
}

/* A shutdown that takes its time: a SIGTERM comes meanwhile, and then the
 * release. Each is asked for when the one before is through: on a busy machine
 * two times that are asked for at once can have come at once. */
struct slow_end {
    struct reactor *reactor;
    struct trigger trigger;
    struct delayed_call first, second, last;
};

static void release(void *argument)
{
    struct slow_end *end = argument;

    unit_note("e");
    reactor_release_shutdown(end->reactor);
}

static void terminate_meanwhile(void *argument)
{
    struct slow_end *end = argument;

    terminate("2");
    CHECK(reactor_call_later(end->reactor, &end->last, 0.01, release, end) ==
          0);
}

static void hold(void *argument)
{
    struct slow_end *end = argument;

    unit_note("h");
    reactor_hold_shutdown(end->reactor);
    CHECK(reactor_call_later(end->reactor, &end->second, 0.01,
                             terminate_meanwhile, end) == 0);
}

/* The second one changes nothing: the shutdown still takes its time. */
static void terminated_twice(const char *poller)
{
    struct slow_end end = { .reactor = loop_new(poller) };

    CHECK(reactor_add_trigger(end.reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN,
                              &end.trigger, hold, &end) == 0);
    CHECK(reactor_call_later(end.reactor, &end.first, 0, terminate, "1") == 0);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("1h2e"));
    CHECK(reactor_stop_signal(end.reactor) == SIGTERM);
    reactor_free(end.reactor);
}

/* Nor does one that comes when somebody else has stopped the loop. */
static void terminated_too_late(const char *poller)
{
    struct slow_end end = { .reactor = loop_new(poller) };

    CHECK(reactor_add_trigger(end.reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN,
                              &end.trigger, hold, &end) == 0);
    CHECK(reactor_call_later(end.reactor, &end.first, 0, loop_stop,
                             end.reactor) == 0);
    CHECK(reactor_run(end.reactor) == 0);
    CHECK(unit_noted("h2e"));
    CHECK(reactor_stop_signal(end.reactor) == 0);
    reactor_free(end.reactor);
}

static void write_to_nobody(void *argument)
{
    struct probe *probe = argument;

    probe_hang_up(probe);
    errno = 0;
    CHECK(write(probe->fd, "x", 1) == -1 && errno == EPIPE);
}

static void no_sigpipe(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct delayed_call call = { 0 };
    struct probe probe;

    probe_open(&probe, reactor, 'p');
    CHECK(reactor_call_later(reactor, &call, 0, write_to_nobody, &probe) == 0);
    loop_turns(reactor, 1);
    probe_lose(&probe, EPIPE);
    reactor_free(reactor);
    probe_check_lost(&probe, EPIPE);
}

static const struct unit_case cases[] = {
    { "refused", refused },
    { "given_back", given_back },
    { "interrupted", interrupted },
    { "terminated_twice", terminated_twice },
    { "terminated_too_late", terminated_too_late },
    { "no_sigpipe", no_sigpipe },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
