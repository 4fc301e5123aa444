/* SPDX-License-Identifier: MIT
 *
 * timers - what a delayed call costs while PENDING others are in the heap:
 * nanoseconds of processor time, one line for each kind of use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "reactor/delayed_call.h"

enum {
    PENDING = 10000, /* due in a minute to an hour */
    BURST = 100,     /* calls that are due at the same time */
    TIMES = 200000   /* of each kind */
};

struct bench {
    struct delayed_calls calls;
    struct delayed_call pending[PENDING];
    unsigned random;
    unsigned long fired;
};

static double cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

static unsigned below(struct bench *bench, unsigned limit)
{
    bench->random = bench->random * 1664525 + 1013904223;
    return (unsigned)((unsigned long long)bench->random * limit >> 32);
}

static void fire(void *argument)
{
    struct bench *bench = argument;

    bench->fired++;
}

static void start(struct bench *bench, struct delayed_call *call)
{
    double seconds = 60 + below(bench, 3540 * 1000) / 1e3;

    if (delayed_calls_add(&bench->calls, call, seconds, fire, bench) < 0)
        abort();
}

/* A time-out for an answer that comes. */
static void start_and_cancel(struct bench *bench)
{
    struct delayed_call call = { 0 };

    for (int i = 0; i < TIMES; i++) {
        start(bench, &call);
        delayed_call_cancel(&call);
    }
}

/* The same for thousands of answers, in the order in which they come. */
static void cancel_and_start_any(struct bench *bench)
{
    for (int i = 0; i < TIMES; i++) {
        struct delayed_call *call = &bench->pending[below(bench, PENDING)];
        delayed_call_cancel(call);
        start(bench, call);
    }
}

static void reset_any(struct bench *bench)
{
    for (int i = 0; i < TIMES; i++)
        delayed_call_reset(&bench->pending[below(bench, PENDING)], 3600);
}

/* Work put off until the next turn. */
static void start_and_run(struct bench *bench)
{
    struct delayed_call burst[BURST] = { { 0 } };

    for (int i = 0; i < TIMES / BURST; i++) {
        for (int j = 0; j < BURST; j++)
            delayed_calls_add(&bench->calls, &burst[j], 0, fire, bench);
        delayed_calls_run(&bench->calls);
    }
    if (bench->fired != TIMES)
        abort();
}

static void measure(struct bench *bench, const char *what,
                    void (*use)(struct bench *))
{
    double before = cpu_ns();

    use(bench);
    printf("%s\t%.1f\n", what, (cpu_ns() - before) / TIMES);
}

int main(void)
{
    static struct bench bench;

    for (int i = 0; i < PENDING; i++)
        start(&bench, &bench.pending[i]);
    measure(&bench, "start, cancel it", start_and_cancel);
    measure(&bench, "cancel any, start it again", cancel_and_start_any);
    measure(&bench, "start, run", start_and_run);
    measure(&bench, "reset any", reset_any);
    delayed_calls_clear(&bench.calls);
    return 0;
}
