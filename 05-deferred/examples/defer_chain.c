/* SPDX-License-Identifier: MIT
 *
 * defer_chain - one Deferred and the two tracks of its chain: what a callback
 * returns is what the next one gets, a failure goes to the errbacks, and a
 * Deferred is waited for. Nothing here waits for anything real.
 */
#include <stdio.h>
#include <stdlib.h>

#include "deferred/deferred.h"
#include "program/options.h"

static const struct failure_type BadNews = { "BadNews", "No flour today",
                                             false };

static struct result show(struct result result, void *step)
{
    char text[FAILURE_TEXT_MAX];

    if (result.kind == RESULT_FAILURE)
        printf("%s got a failure: %s\n", (const char *)step,
               failure_message(result.failure, text));
    else
        printf("%s got '%s'\n", (const char *)step, (const char *)result.value);
    return result;
}

static struct result bake(struct result result, void *argument)
{
    (void)argument;
    printf("bake makes bread of '%s'\n", (const char *)result.value);
    return result_value("bread");
}

static struct result run_out(struct result result, void *argument)
{
    (void)result, (void)argument;
    puts("run_out returns a failure");
    return result_failure((struct failure){ &BadNews, 0, NULL });
}

static struct result buy(struct result result, void *argument)
{
    (void)argument;
    if (!failure_check(result.failure, &BadNews))
        return result; /* not our kind of trouble: Twisted's trap */
    puts("buy takes the failure, and returns a value");
    return result_value("bread from the shop");
}

static struct result ask_the_mill(struct result result, void *mill)
{
    (void)result;
    puts("ask_the_mill returns a Deferred that has not fired");
    return result_deferred(mill);
}

static struct deferred *must(struct deferred *deferred)
{
    if (!deferred)
        abort();
    return deferred;
}

int main(int argc, char **argv)
{
    struct options options = { .about = "shows the chain of a Deferred." };

    options_plain(&options, NULL, argc, argv);
    struct deferred *d = must(deferred_new(NULL, NULL));
    struct deferred *mill = must(deferred_new(NULL, NULL));

    puts("-- a value goes down the callbacks");
    deferred_add_callback(d, bake, NULL);
    deferred_add_errback(d, show, "an errback, never,");
    deferred_add_callback(d, show, "the next");
    deferred_callback(d, "flour");

    puts("-- it has fired: what is added now runs now");
    deferred_add_callback(d, run_out, NULL);
    deferred_add_callback(d, show, "a callback, never,");
    deferred_add_errback(d, show, "an errback");
    deferred_add_errback(d, buy, NULL);
    deferred_add_both(d, show, "either way the next");

    puts("-- a Deferred in the chain is waited for");
    deferred_add_callback(d, ask_the_mill, mill);
    deferred_add_callback(d, show, "the one behind it");
    puts("(here the program does something else)");
    deferred_callback(mill, "fresh flour");

    puts("-- firing again is an error");
    if (deferred_callback(d, "more") < 0)
        puts("refused: it was fired before");
    deferred_release(d);
}
