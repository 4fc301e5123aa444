/* SPDX-License-Identifier: MIT
 *
 * callbacks - what a callback of a Deferred costs, beside a bare call through
 * a function pointer: nanoseconds of processor time for one.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "deferred/deferred.h"

enum {
    LONG_CHAIN = 1000, /* callbacks of one Deferred */
    TIMES = 2000000    /* of each kind */
};

static double cpu_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e9 + (double)used.tv_nsec;
}

static struct result add_one(struct result result, void *argument)
{
    (void)argument;
    return result_value((void *)((intptr_t)result.value + 1));
}

/* The compiler must not see through it. */
static deferred_function *volatile function = add_one;

static void check(intptr_t count)
{
    if (count != TIMES)
        abort();
}

static void bare(void)
{
    struct result result = result_value(NULL);

    for (int i = 0; i < TIMES; i++)
        result = function(result, NULL);
    check((intptr_t)result.value);
}

static struct result keep(struct result result, void *total)
{
    *(intptr_t *)total += (intptr_t)result.value;
    return result_value(NULL);
}

/* Makes a Deferred with so many callbacks, fires it, and lets it go. */
static void chains_of(int length)
{
    intptr_t total = 0;

    for (int i = 0; i < TIMES / length; i++) {
        struct deferred *d = deferred_new(NULL, NULL);
        if (!d)
            abort();
        for (int j = 0; j < length; j++)
            deferred_add_callback(d, function, NULL);
        deferred_callback(d, NULL);
        deferred_add_callback(d, keep, &total);
        deferred_release(d);
    }
    check(total);
}

static void long_chains(void)
{
    chains_of(LONG_CHAIN);
}

static void short_chains(void)
{
    chains_of(DEFERRED_ROOM);
}

static void measure(const char *what, void (*use)(void))
{
    double before = cpu_ns();

    use();
    printf("%s\t%.1f\n", what, (cpu_ns() - before) / TIMES);
}

int main(void)
{
    measure("a call through a pointer", bare);
    measure("callback, 1,000 in a chain", long_chains);
    measure("callback, 4 in a chain, made and freed", short_chains);
    return 0;
}
