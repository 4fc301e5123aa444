/* SPDX-License-Identifier: MIT
 *
 * jobs - what it costs to have something done by a thread of the pool:
 * nanoseconds of the clock for each job, one line for each kind of use. Jobs
 * a second are a thousand million divided by that.
 */
#include <stdio.h>
#include <stdlib.h>

#include "threads/threads.h"

enum {
    JOBS = 100000, /* of each kind */
    MANY = 512     /* at the same time */
};

struct bench {
    struct reactor *reactor;
    int begun, done;
};

static struct result nothing(void *argument)
{
    return result_value(argument);
}

static void begin_job(struct bench *bench);

static struct result end_job(struct result result, void *argument)
{
    struct bench *bench = argument;

    if (result.kind != RESULT_VALUE)
        abort();
    bench->done++;
    return result;
}

static struct result next_job(struct result result, void *argument)
{
    struct bench *bench = argument;

    if (bench->begun < JOBS)
        begin_job(bench);
    else if (bench->done == JOBS)
        reactor_crash(bench->reactor);
    return result;
}

static void begin_job(struct bench *bench)
{
    struct deferred *deferred =
        defer_to_thread(bench->reactor, nothing, NULL, NULL);

    if (!deferred)
        abort();
    bench->begun++;
    deferred_add_callback(deferred, end_job, bench);
    deferred_add_callback(deferred, next_job, bench);
    deferred_release(deferred);
}

static void report(const char *what, double seconds)
{
    printf("%s\t%.0f\n", what, seconds / JOBS * 1e9);
}

static void measure(const char *what, int threads, int at_a_time)
{
    struct bench bench = { .reactor = reactor_new(NULL) };
    struct thread_pool *pool =
        bench.reactor ? reactor_thread_pool(bench.reactor) : NULL;

    if (!pool || thread_pool_set_maximum(pool, threads) < 0)
        abort();
    double start = reactor_seconds();
    while (at_a_time-- > 0)
        begin_job(&bench);
    if (reactor_run(bench.reactor) < 0)
        abort();
    report(what, reactor_seconds() - start);
    reactor_free(bench.reactor);
}

/* What of it is the Deferred. */
static void measure_deferred(void)
{
    struct bench bench = { 0 };
    double start = reactor_seconds();

    for (int i = 0; i < JOBS; i++) {
        struct deferred *deferred = deferred_succeed(NULL);
        if (!deferred)
            abort();
        deferred_add_callback(deferred, end_job, &bench);
        deferred_release(deferred);
    }
    report("no thread, a Deferred alone", reactor_seconds() - start);
}

int main(void)
{
    measure_deferred();
    measure("1 thread, one job at a time", 1, 1);
    measure("1 thread, 512 at a time", 1, MANY);
    measure("10 threads, 512 at a time", THREAD_POOL_MAXIMUM, MANY);
    return 0;
}
