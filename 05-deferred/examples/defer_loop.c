/* SPDX-License-Identifier: MIT
 *
 * defer_loop - a function that is called again and again: at full intervals
 * since the start, however long a call takes; not before the Deferred of the
 * last call has fired; until it is stopped, or fails. The time is a clock's
 * that stands still until it is moved, so the story is told at once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "deferred/deferred_later.h"
#include "deferred/looping_call.h"
#include "program/options.h"

static const struct failure_type Burnt = { "Burnt", "The bread is burnt",
                                           false };
static struct fake_clock fake;
static struct looping_call loop;

static void say(const char *text)
{
    printf("%4.1f s: %s\n", clock_seconds(clock_of_fake(&fake)), text);
}

static struct result look(void *argument)
{
    (void)argument;
    say("a look into the oven");
    return result_value(NULL);
}

/* Blocks, as no function should: the clock goes on meanwhile. */
static struct result look_for_long(void *argument)
{
    say("a look, and a talk for 5 seconds");
    fake_clock_advance(&fake, 5);
    loop.function = look;
    return result_value(argument);
}

static struct result taken_out(void *argument)
{
    say("a loaf is out");
    return result_value(argument);
}

static struct result take_out(void *argument)
{
    say("a loaf is taken out, which takes 2.5 seconds");
    return result_deferred(
        deferred_later(clock_of_fake(&fake), 2.5, taken_out, argument));
}

static struct result smell(void *argument)
{
    (void)argument;
    if (clock_seconds(clock_of_fake(&fake)) < 2)
        return look(NULL);
    say("smoke");
    return result_error(&Burnt, 0);
}

static struct result print_end(struct result result, void *argument)
{
    char text[FAILURE_TEXT_MAX];

    (void)argument;
    say(result.kind == RESULT_FAILURE ? failure_message(result.failure, text)
                                      : "stopped");
    return result_value(NULL);
}

/* Lets it run for so many seconds, and stops it if it has not ended. */
static void tell(const char *title, struct result (*function)(void *argument),
                 double interval, double seconds)
{
    printf("-- %s\n", title);
    fake = (struct fake_clock){ 0 };
    struct deferred *end = looping_call_start(&loop, clock_of_fake(&fake),
                                              interval, true, function, NULL);
    if (!end)
        abort();
    deferred_add_both(end, print_end, NULL);
    deferred_release(end);
    fake_clock_advance(&fake, seconds);
    looping_call_stop(&loop);
    fake_clock_advance(&fake, seconds); /* what is waited for may end */
    delayed_calls_clear(&fake.calls);
}

int main(int argc, char **argv)
{
    struct options options = { .about = "shows a looping call." };

    options_plain(&options, NULL, argc, argv);
    tell("every 2 seconds", look, 2, 5);
    tell("what is missed is left out", look_for_long, 2, 4);
    tell("a Deferred is waited for", take_out, 1, 4);
    tell("a failure is the end", smell, 1, 9);
    return 0;
}
