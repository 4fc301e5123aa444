/* SPDX-License-Identifier: MIT
 *
 * defer_list - several Deferreds as one: all results in the order asked for,
 * the first failure, the first success; and what becomes of all when one is
 * cancelled or takes too long. The time is a clock's that stands still until
 * it is moved, so the story is told at once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "deferred/deferred_later.h"
#include "deferred/deferred_list.h"
#include "deferred/deferred_timeout.h"
#include "program/options.h"

enum { SHOPS = 3 };

static const struct failure_type Closed = { "Closed", "The shop is closed",
                                            false };
static struct fake_clock fake;

static struct result answer(void *text)
{
    printf("%3.1f s: an answer: %s\n", clock_seconds(clock_of_fake(&fake)),
           (const char *)text);
    return result_value(text);
}

static struct result closed(void *text)
{
    (void)text;
    printf("%3.1f s: closed\n", clock_seconds(clock_of_fake(&fake)));
    return result_failure((struct failure){ &Closed, 0, NULL });
}

/* Three shops are asked; the second is quick, and closed if `bad`. */
static void ask(struct deferred **shops, bool bad)
{
    struct clock clock = clock_of_fake(&fake);

    fake = (struct fake_clock){ 0 };
    shops[0] = deferred_later(clock, 3, answer, "apples");
    shops[1] = deferred_later(clock, 1, bad ? closed : answer, "pears");
    shops[2] = deferred_later(clock, 2, answer, "plums");
    if (!shops[0] || !shops[1] || !shops[2])
        abort();
}

static void print_one(struct result result)
{
    char text[FAILURE_TEXT_MAX];

    if (result.kind == RESULT_FAILURE)
        printf(" [%s]", failure_message(result.failure, text));
    else
        printf(" %s", (const char *)result.value);
}

static struct result print(struct result result, void *flags)
{
    printf("     => ");
    if (result.kind == RESULT_FAILURE) {
        print_one(result);
    } else {
        struct deferred_results *results = result.value;
        if (flags) /* the first success only */
            print_one(results->results[results->index]);
        for (size_t i = 0; !flags && i < results->count; i++)
            print_one(results->results[i]);
        free(results);
    }
    puts("");
    return result_value(NULL);
}

static void tell(const char *title, bool bad, int flags, double timeout)
{
    struct deferred *shops[SHOPS];

    printf("-- %s\n", title);
    ask(shops, bad);
    struct deferred *all =
        deferred_list(shops, SHOPS, flags | LIST_CONSUME_ERRORS);
    if (!all || (timeout > 0 &&
                 deferred_add_timeout(all, clock_of_fake(&fake), timeout) < 0))
        abort();
    deferred_add_both(all, print,
                      flags & LIST_FIRE_ON_ONE_CALLBACK ? "first" : NULL);
    deferred_release(all);
    for (int i = 0; i < SHOPS; i++)
        deferred_release(shops[i]);
    fake_clock_advance(&fake, 10);
    delayed_calls_clear(&fake.calls);
}

int main(int argc, char **argv)
{
    struct options options = { .about = "shows several Deferreds as one." };

    options_plain(&options, NULL, argc, argv);
    tell("all of them, in the order asked", false, 0, 0);
    tell("all of them, a failure among them", true, 0, 0);
    tell("gather: the first failure is enough", true, LIST_FIRE_ON_ONE_ERRBACK,
         0);
    tell("the first success is enough", true, LIST_FIRE_ON_ONE_CALLBACK, 0);
    tell("no more than 2.5 s: the rest is cancelled", false, 0, 2.5);
}
