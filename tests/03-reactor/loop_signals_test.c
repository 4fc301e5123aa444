/* SPDX-License-Identifier: MIT
 *
 * Signals as events: they end the wait, disturb nothing, and are never lost.
 * Whose signal it is, is in loop_handlers_test.c.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"
#include "unit.h"

/* Seconds until the scheduler of a busy machine surely has had us run. */
static const double patience = 2;

static void on(struct reactor *reactor, int signal, void (*function)(void *),
               void *argument)
{
    CHECK(reactor_on_signal(reactor, signal, function, argument) == 0);
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

/* --- delivery --- */

static void raise_twice(void *argument)
{
    (void)argument;
    unit_note("(");
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR2);
    unit_note(")");
}

/* Called by the loop, and not in the middle of something else. */
static void called_by_the_loop(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct delayed_call call = { 0 };

    on(reactor, SIGUSR1, unit_note, "1");
    on(reactor, SIGUSR2, unit_note, "2");
    CHECK(reactor_call_later(reactor, &call, 0, raise_twice, NULL) == 0);
    loop_turns(reactor, 1);
    CHECK(unit_noted("()12"));
    loop_turns(reactor, 1);
    CHECK(unit_noted(""));
    raise(SIGUSR1); /* also while nobody runs it */
    CHECK(unit_noted(""));
    loop_turns(reactor, 1);
    CHECK(unit_noted("1"));
    reactor_free(reactor);
}

static void raise_again(void *argument)
{
    int *left = argument;

    unit_note("r");
    if (--*left > 0)
        raise(SIGUSR1);
}

/* One that comes while its function runs is a new one. */
static void raised_by_its_function(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    int left = 3;

    on(reactor, SIGUSR1, raise_again, &left);
    raise(SIGUSR1);
    loop_turns(reactor, 4);
    CHECK(unit_noted("rrr"));
    reactor_free(reactor);
}

enum { STORM = 70000 }; /* the pipe has room for 65536 */

static void raise_storm(void *argument)
{
    int *error = argument;

    errno = ERANGE;
    for (int i = 0; i < STORM; i++)
        raise(SIGUSR1);
    *error = errno;
}

/* More signals than the pipe has room for: no wait, no error, no trace. */
static void full_pipe(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct delayed_call call = { 0 };
    struct thread_call thread_call;
    int error = 0;

    on(reactor, SIGUSR1, unit_note, "1");
    CHECK(reactor_call_later(reactor, &call, 0, raise_storm, &error) == 0);
    loop_turns(reactor, 2);
    CHECK(unit_noted("1"));
    CHECK(error == ERANGE);
    loop_turns(reactor, 2);
    loop_check_quiet(reactor);
    raise(SIGUSR1);
    reactor_call_from_thread(reactor, &thread_call, unit_note, "t");
    loop_turns(reactor, 1);
    CHECK(unit_noted("t1"));
    reactor_free(reactor);
}

/* --- the wait --- */

struct gun {
    pthread_t thread;
    int signal;
    atomic_int rounds; /* shots that are left */
    long pause_us;     /* before each */
};

static void *shoot(void *argument)
{
    struct gun *gun = argument;
    const struct timespec pause = { .tv_nsec = gun->pause_us * 1000 };

    while (atomic_fetch_sub(&gun->rounds, 1) > 0) {
        nanosleep(&pause, NULL);
        kill(getpid(), gun->signal);
    }
    return NULL;
}

/* Its thread takes no signal, so that the loop gets them all. */
static void start_gun(struct gun *gun)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    CHECK(pthread_create(&gun->thread, NULL, shoot, gun) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void ends_the_wait(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct gun gun = { .signal = SIGUSR1, .rounds = 1, .pause_us = 20000 };
    double start = reactor_seconds();

    on(reactor, SIGUSR1, loop_crash, reactor);
    start_gun(&gun);
    CHECK(reactor_run(reactor) == 0);
    CHECK(reactor_seconds() - start < patience);
    pthread_join(gun.thread, NULL);
    reactor_free(reactor);
}

/* A handler of the program's own wakes nobody: the call fails with EINTR,
 * again and again, which must move no deadline. */
static void storm(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct gun own = { .signal = SIGUSR1, .rounds = 1000000, .pause_us = 300 };
    struct gun ours = { .signal = SIGUSR2, .rounds = 1000000, .pause_us = 900 };
    int waits = unit_waits();

    dispose_of(SIGUSR1, ignore_quietly);
    on(reactor, SIGUSR2, unit_note, "");
    start_gun(&own);
    start_gun(&ours);
    for (int i = 0; i < 5; i++) {
        double start = reactor_seconds();
        loop_run_for(reactor, 0.02);
        CHECK(reactor_seconds() - start >= 0.02);
        CHECK(reactor_seconds() - start < patience);
    }
    atomic_store(&own.rounds, 0);
    atomic_store(&ours.rounds, 0);
    pthread_join(own.thread, NULL);
    pthread_join(ours.thread, NULL);
    CHECK(unit_waits() - waits > 10); /* so there was a storm */
    dispose_of(SIGUSR1, SIG_DFL);
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "called_by_the_loop", called_by_the_loop },
    { "raised_by_its_function", raised_by_its_function },
    { "full_pipe", full_pipe },
    { "ends_the_wait", ends_the_wait },
    { "storm", storm },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
