/* SPDX-License-Identifier: MIT
 *
 * What a new loop needs, and what it says when it does not get it: a poller
 * of that name, descriptors, memory, and a pipe that can wake it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"
#include "unit.h"

static void no_such_poller(const char *poller)
{
    const char *const names[] = { "x", "", "Select", "selectx", "epol" };

    for (size_t i = 1; i < sizeof(names) / sizeof(*names); i++) {
        errno = 0;
        CHECK(!reactor_new(names[0]) && errno == EINVAL);
        CHECK(setenv("REACTOR", names[i], 1) == 0);
        struct reactor *reactor = reactor_new(NULL);
        CHECK(!reactor == (*names[i] != '\0')); /* empty: nothing was said */
        if (reactor)
            reactor_free(reactor);
    }
    /* A name goes before the environment. */
    reactor_free(loop_new(poller));
    CHECK(unsetenv("REACTOR") == 0);
    reactor_free(loop_new(NULL));
}

static void no_descriptors(const char *poller)
{
    struct rlimit limit, before;

    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit = before;
    for (limit.rlim_cur = 3; limit.rlim_cur < 100; limit.rlim_cur++) {
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        errno = 0;
        struct reactor *reactor = reactor_new(poller);
        CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
        if (reactor) {
            reactor_free(reactor);
            break;
        }
        CHECK(errno == EMFILE);
    }
    CHECK(limit.rlim_cur > 4 && limit.rlim_cur < 100);
}

static int crash_in_read(struct probe *self)
{
    loop_crash(self->reactor);
    return probe_receive(self);
}

static void crash_in_loss(struct probe *self)
{
    loop_crash(self->reactor);
}

/* Every allocation on the way fails once: that operation fails, and no more. */
static void no_memory(const char *poller)
{
    struct probe probe;
    int refused = 0, after = 0;
    bool failed;

    do {
        probe_open(&probe, NULL, 'p');
        probe.on_read = crash_in_read;
        probe_poke(&probe);
        unit_fail_allocation(after++);
        probe.reactor = reactor_new(poller);
        failed = unit_allocation_failed();
        if (!probe.reactor) {
            CHECK(errno == ENOMEM && failed);
            refused++;
            probe.reactor = loop_new(poller);
        }
        if (reactor_add_reader(probe.reactor, probe.descriptor) < 0) {
            CHECK(errno == ENOMEM);
            probe_lose(&probe, errno);
        }
        probe.on_lost = crash_in_loss;
        CHECK(reactor_run(probe.reactor) == 0);
        probe.on_lost = NULL;
        failed = failed || unit_allocation_failed();
        unit_fail_allocation(-1);
        loop_turns(probe.reactor, 1);
        int reason = probe.losses ? ENOMEM : REASON_LOST;
        CHECK(failed || probe.reads == 1);
        reactor_free(probe.reactor);
        probe_check_lost(&probe, reason);
    } while (failed);
    CHECK(refused >= 2 && after > refused);
    CHECK(probe.reason == REASON_LOST); /* the last had all it wanted */
}

/* --- what wakes it --- */

/* Seconds until the scheduler of a busy machine surely has had us run. */
static const double patience = 2;

struct sleeper {
    struct reactor *reactor;
    pthread_t thread;
    struct thread_call call;
};

static void *wake_soon(void *argument)
{
    const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
    struct sleeper *sleeper = argument;

    nanosleep(&pause, NULL);
    reactor_call_from_thread(sleeper->reactor, &sleeper->call, loop_crash,
                             sleeper->reactor);
    return NULL;
}

/* A loop that cannot be woken must not be made: where the numbers that select
 * can watch are taken, and where the poller gets no memory. */
static void check_wakes(struct reactor *reactor, int error)
{
    struct sleeper sleeper = { .reactor = reactor };
    struct delayed_call give_up = { 0 };

    if (!reactor) {
        CHECK(errno == error);
        return;
    }
    CHECK(reactor_call_later(reactor, &give_up, patience, unit_note, "deaf") ==
          0);
    CHECK(pthread_create(&sleeper.thread, NULL, wake_soon, &sleeper) == 0);
    CHECK(reactor_run(reactor) == 0);
    pthread_join(sleeper.thread, NULL);
    CHECK(unit_noted(""));
    reactor_free(reactor);
}

static void numbers_taken(const char *poller)
{
    int taken[FD_SETSIZE], count = 0;

    unit_needs_descriptors(FD_SETSIZE + 100);
    do {
        taken[count] = dup(STDERR_FILENO);
        CHECK(taken[count] >= 0);
    } while (taken[count++] < FD_SETSIZE - 1);
    check_wakes(reactor_new(poller), ERANGE);
    while (count > 0)
        close(taken[--count]);
}

struct turn {
    struct reactor *reactor;
    struct thread_call first, second;
};

static void call_second(void *argument)
{
    struct turn *turn = argument;

    reactor_call_from_thread(turn->reactor, &turn->second, loop_crash,
                             turn->reactor);
}

/* The first turn, which needs no memory but the poller's, gets none. */
static void memory_taken(const char *poller)
{
    struct turn turn = { .reactor = loop_new(poller) };

    unit_fail_allocation(0);
    reactor_call_from_thread(turn.reactor, &turn.first, call_second, &turn);
    CHECK(reactor_run(turn.reactor) == 0);
    unit_fail_allocation(-1);
    check_wakes(turn.reactor, 0);
}

static const struct unit_case cases[] = {
    { "no_such_poller", no_such_poller }, { "no_descriptors", no_descriptors },
    { "no_memory", no_memory },           { "numbers_taken", numbers_taken },
    { "memory_taken", memory_taken },     { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
