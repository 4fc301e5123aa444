/* SPDX-License-Identifier: MIT
 *
 * defer_ways - one task, written in three ways: double a number three times,
 * where somebody else does the doubling, takes a moment for it, and does not
 * like sixes: so the task that begins with 3 fails in the middle.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "deferred/deferred_later.h"
#include "program/endpoint.h"

#define MOMENT 0.05 /* seconds */

static struct reactor *reactor;
static int left; /* tasks that have not ended; the loop ends with them */

static void print(const char *way, bool failed, int number)
{
    if (failed)
        printf("%s: refused to double %d\n", way, number);
    else
        printf("%s: %d\n", way, number);
}

static void task_ended(void)
{
    if (--left == 0)
        reactor_stop(reactor);
}

/* --- the blocking way: it reads like the task, and holds everybody up --- */

static bool double_now(int *number)
{
    const struct timespec moment = { .tv_nsec = (long)(MOMENT * 1e9) };

    nanosleep(&moment, NULL);
    if (*number == 6)
        return false;
    *number *= 2;
    return true;
}

static void blocking(int number)
{
    bool failed =
        !double_now(&number) || !double_now(&number) || !double_now(&number);

    print("blocking", failed, number);
}

/* --- nested callbacks: every piece has to think of the error --- */

struct nested {
    struct delayed_call call;
    int number;
    void (*then)(struct nested *self, bool failed);
};

static void moment_is_over(void *argument)
{
    struct nested *self = argument;
    bool failed = self->number == 6;

    if (!failed)
        self->number *= 2;
    self->then(self, failed);
}

static void double_later(struct nested *self,
                         void (*then)(struct nested *self, bool failed))
{
    self->then = then;
    reactor_call_later(reactor, &self->call, MOMENT, moment_is_over, self);
}

static void thrice(struct nested *self, bool failed)
{
    print("nested", failed, self->number);
    free(self);
    task_ended();
}

static void twice(struct nested *self, bool failed)
{
    if (failed)
        thrice(self, failed);
    else
        double_later(self, thrice);
}

static void once(struct nested *self, bool failed)
{
    if (failed)
        thrice(self, failed);
    else
        double_later(self, twice);
}

static void nested(int number)
{
    struct nested *self = calloc(1, sizeof(*self));

    if (!self)
        abort();
    self->number = number;
    double_later(self, once);
}

/* --- a Deferred: the task in one place, and the error in one place --- */

static const struct failure_type Refused = { "Refused", "refused to double",
                                             false };

static struct result doubled(void *value)
{
    intptr_t number = (intptr_t)value;

    if (number == 6)
        return result_error(&Refused, 6);
    return result_value((void *)(2 * number));
}

static struct result double_it(struct result result, void *argument)
{
    (void)argument;
    return result_deferred(deferred_later(clock_of_reactor(reactor), MOMENT,
                                          doubled, result.value));
}

static struct result done(struct result result, void *argument)
{
    (void)argument;
    print("Deferred", false, (int)(intptr_t)result.value);
    task_ended();
    return result_value(NULL);
}

static struct result refused(struct result result, void *argument)
{
    (void)argument;
    print("Deferred", true, result.failure.number);
    task_ended();
    return result_value(NULL);
}

static void chain(int number)
{
    struct deferred *d = deferred_succeed((void *)(intptr_t)number);

    if (!d)
        abort();
    deferred_add_callback(d, double_it, NULL);
    deferred_add_callback(d, double_it, NULL);
    deferred_add_callback(d, double_it, NULL);
    deferred_add_callbacks(d, done, refused, NULL);
    deferred_release(d);
}

int main(int argc, char **argv)
{
    struct options options = { .about = "shows one task in three ways." };

    options_plain(&options, NULL, argc, argv);
    for (int number = 1; number <= 3; number += 2) {
        reactor = endpoint_reactor(&options);
        left = 2;
        blocking(number);
        nested(number);
        chain(number);
        if (endpoint_run(&options, reactor))
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
