/* SPDX-License-Identifier: MIT
 *
 * The one door for other threads: nothing is lost, nothing overtakes, and a
 * loop that sleeps wakes. CHECK is for the loop's thread alone.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "probe.h"
#include "unit.h"

/* Seconds until the scheduler of a busy machine surely has had us run. */
static const double patience = 2;

static void sleep_ms(long ms)
{
    const struct timespec pause = { .tv_nsec = ms * 1000 * 1000 };

    nanosleep(&pause, NULL);
}

static void start_thread(pthread_t *thread, void *(*function)(void *),
                         void *argument)
{
    CHECK(pthread_create(thread, NULL, function, argument) == 0);
}

/* --- many calls --- */

enum { THREADS = 4, CALLS = 25000 };

struct caller {
    struct reactor *reactor;
    pthread_t thread;
    int called;    /* how many of them, by the loop */
    int *finished; /* callers whose calls were all made; shared */
    struct numbered {
        struct thread_call call;
        struct caller *caller;
        int number;
    } calls[CALLS];
};

static void count(void *argument)
{
    struct numbered *numbered = argument;
    struct caller *caller = numbered->caller;

    CHECK(numbered->number == caller->called);
    if (++caller->called == CALLS && ++*caller->finished == THREADS)
        loop_stop(caller->reactor);
}

static void *call_all(void *argument)
{
    struct caller *caller = argument;

    for (int i = 0; i < CALLS; i++) {
        struct numbered *numbered = &caller->calls[i];
        numbered->caller = caller;
        numbered->number = i;
        reactor_call_from_thread(caller->reactor, &numbered->call, count,
                                 numbered);
    }
    return NULL;
}

static void counted(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct caller *callers = calloc(THREADS, sizeof(*callers));
    int finished = 0;

    CHECK(callers != NULL);
    for (int i = 0; i < THREADS; i++) {
        callers[i].reactor = reactor;
        callers[i].finished = &finished;
        start_thread(&callers[i].thread, call_all, &callers[i]);
    }
    CHECK(reactor_run(reactor) == 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        CHECK(callers[i].called == CALLS);
    }
    reactor_free(reactor);
    free(callers);
}

/* While the loop is busy, nobody empties its pipe. */
struct busy {
    struct reactor *reactor;
    struct caller *caller;
};

static void call_all_here(void *argument)
{
    struct busy *busy = argument;

    call_all(busy->caller);
    CHECK(busy->caller->called == 0); /* later, not now */
}

static void called_while_busy(const char *poller)
{
    int finished = THREADS - 1;
    struct busy busy = { .reactor = loop_new(poller),
                         .caller = calloc(1, sizeof(*busy.caller)) };
    struct thread_call first;

    CHECK(busy.caller != NULL);
    busy.caller->reactor = busy.reactor;
    busy.caller->finished = &finished;
    reactor_call_from_thread(busy.reactor, &first, call_all_here, &busy);
    CHECK(reactor_run(busy.reactor) == 0);
    CHECK(busy.caller->called == CALLS);
    reactor_free(busy.reactor);
    free(busy.caller);
}

static void free_self(void *argument)
{
    free(argument);
    unit_note("f");
}

struct again {
    struct reactor *reactor;
    struct thread_call call;
};

static void call_again(void *argument)
{
    struct again *again = argument;

    unit_note("a");
    reactor_call_from_thread(again->reactor, &again->call, unit_note, "A");
}

/* A call is its owner's again as soon as its function runs: to be freed, or
 * to be queued, and not in front of the others. */
static void call_is_its_owners(const char *poller)
{
    struct again again = { .reactor = loop_new(poller) };

    reactor_call_from_thread(again.reactor, &again.call, call_again, &again);
    for (int i = 0; i < 3; i++) {
        struct thread_call *call = malloc(sizeof(*call));
        CHECK(call != NULL);
        reactor_call_from_thread(again.reactor, call, free_self, call);
    }
    loop_turns(again.reactor, 1);
    CHECK(unit_noted("afffA"));
    reactor_free(again.reactor);
}

/* --- a loop that sleeps --- */

struct sleeper {
    struct reactor *reactor;
    pthread_t thread;
    struct thread_call call;
    struct delayed_call far;
};

static void *wake_soon(void *argument)
{
    struct sleeper *sleeper = argument;

    sleep_ms(10);
    reactor_call_from_thread(sleeper->reactor, &sleeper->call, loop_crash,
                             sleeper->reactor);
    return NULL;
}

/* Nothing but the thread can end it before its time. Returns its waits. */
static int sleep_and_wake(struct sleeper *sleeper)
{
    int waits = unit_waits();
    double start = reactor_seconds();

    start_thread(&sleeper->thread, wake_soon, sleeper);
    CHECK(reactor_run(sleeper->reactor) == 0);
    CHECK(reactor_seconds() - start < patience);
    pthread_join(sleeper->thread, NULL);
    return unit_waits() - waits;
}

static void asleep(const char *poller)
{
    /* Without a deadline; then with some that a cast makes 0 or -1 of. */
    const double far[] = { 3600,        2147483.648, 4294967.296, 4294967.295,
                           4294967.297, 9.3e9,       1e300,       INFINITY };
    struct sleeper sleeper = { .reactor = loop_new(poller) };

    CHECK(sleep_and_wake(&sleeper) <= 3);
    for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
        CHECK(reactor_call_later(sleeper.reactor, &sleeper.far, far[i],
                                 unit_note, "far") == 0);
        CHECK(sleep_and_wake(&sleeper) <= 3);
        CHECK(delayed_call_cancel(&sleeper.far) == 0);
    }
    CHECK(unit_noted(""));
    reactor_free(sleeper.reactor);
}

static const struct unit_case cases[] = {
    { "counted", counted },
    { "called_while_busy", called_while_busy },
    { "call_is_its_owners", call_is_its_owners },
    { "asleep", asleep },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
