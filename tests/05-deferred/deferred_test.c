/* SPDX-License-Identifier: MIT
 *
 * Deferreds: rows D1 to D12, D22 and D23, traps 24 and the stack. Each case
 * bears the name of its row. No loop, so the poller does not matter.
 */
#include "deferred/deferred.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static const struct failure_type Trouble = { "Trouble", "In trouble", false };
static const struct failure trouble = { &Trouble, 0, NULL };

static struct result note(struct result result, void *word)
{
    unit_note(word);
    return result;
}

/* Notes the value, a text, and goes on with the argument. */
static struct result say(struct result result, void *next)
{
    unit_note(result.kind == RESULT_FAILURE ? "failure"
              : result.value                ? result.value
                                            : "nothing");
    return result_value(next);
}

/* The same, and goes on with it. */
static struct result hear(struct result result, void *argument)
{
    (void)argument;
    say(result, NULL);
    return result;
}

static struct result get_into_trouble(struct result result, void *word)
{
    (void)result;
    unit_note(word);
    return result_failure(trouble);
}

static struct result give(struct result result, void *deferred)
{
    (void)result;
    return result_deferred(deferred);
}

static struct deferred *fresh(void)
{
    struct deferred *deferred = deferred_new(NULL, NULL);

    CHECK(deferred);
    return deferred;
}

static struct result consume(struct result result, void *argument)
{
    (void)result, (void)argument;
    return result_value(NULL);
}

/* Ends its life, whatever its result is. */
static void bury(struct deferred *deferred)
{
    deferred_add_both(deferred, consume, NULL);
    deferred_release(deferred);
}

static void D1_in_order_and_at_once(const char *poller)
{
    struct deferred *d = fresh();

    (void)poller;
    deferred_add_callback(d, say, "b");
    deferred_add_callback(d, say, "c");
    CHECK(unit_noted(""));
    CHECK(deferred_callback(d, "a") == 0);
    CHECK(unit_noted("ab"));
    deferred_add_callback(d, say, "d");
    CHECK(unit_noted("c"));
    bury(d);
}

static void D2_two_tracks(const char *poller)
{
    struct deferred *d = fresh();

    (void)poller;
    deferred_add_callback(d, get_into_trouble, "1");
    deferred_add_callback(d, note, "never");
    deferred_add_errback(d, say, "back");
    CHECK(deferred_callback(d, "a") == 0);
    CHECK(unit_noted("1failure"));
    deferred_add_callback(d, say, NULL);
    CHECK(unit_noted("back"));
    bury(d);
}

static void D3_one_of_a_pair(const char *poller)
{
    struct deferred *d = fresh();

    (void)poller;
    deferred_add_callbacks(d, get_into_trouble, note, "1");
    deferred_add_callbacks(d, note, say, "2");
    deferred_callback(d, NULL);
    CHECK(unit_noted("1failure"));
    bury(d);
}

static void D4_passed_through(const char *poller)
{
    struct deferred *good = fresh(), *bad = fresh();

    (void)poller;
    deferred_add_errback(good, note, "never");
    deferred_add_both(good, hear, NULL);
    deferred_callback(good, "value");
    deferred_add_callback(bad, note, "never");
    deferred_add_both(bad, hear, NULL);
    deferred_errback(bad, trouble);
    CHECK(unit_noted("valuefailure"));
    bury(good);
    bury(bad);
}

static void D5_fired_once(const char *poller)
{
    (void)poller;
    for (int how = 0; how < 4; how++) {
        struct deferred *d = fresh();
        CHECK((how & 1 ? deferred_errback(d, trouble)
                       : deferred_callback(d, "first")) == 0);
        errno = 0;
        CHECK((how & 2 ? deferred_errback(d, trouble)
                       : deferred_callback(d, "second")) < 0);
        CHECK(errno == EALREADY);
        deferred_add_both(d, hear, NULL);
        CHECK(unit_noted(how & 1 ? "failure" : "first"));
        bury(d);
    }
    struct deferred *d = fresh();
    deferred_add_errback(d, say, NULL);
    CHECK(deferred_fire(d, result_failure(trouble)) == 0);
    CHECK(unit_noted("failure"));
    bury(d);
}

static void D6_waits_for_an_inner_one(const char *poller)
{
    struct deferred *outer = fresh(), *inner = fresh();

    (void)poller;
    deferred_add_callback(outer, give, inner);
    deferred_add_callback(outer, say, NULL);
    deferred_add_callback(inner, say, "final");
    deferred_callback(outer, "start");
    CHECK(unit_noted(""));
    deferred_callback(inner, "inner");
    CHECK(unit_noted("innerfinal"));
    bury(outer);
}

static void D6_waits_for_a_failure(const char *poller)
{
    struct deferred *outer = fresh(), *inner = fresh();

    (void)poller;
    deferred_add_callback(outer, give, inner);
    deferred_add_errback(outer, say, NULL);
    deferred_callback(outer, NULL);
    deferred_errback(inner, trouble);
    CHECK(unit_noted("failure"));
    bury(outer);
}

static void D7_a_fired_inner_one(const char *poller)
{
    struct deferred *outer = fresh();

    (void)poller;
    deferred_add_callback(outer, give, deferred_succeed("there"));
    deferred_add_callback(outer, say, NULL);
    deferred_callback(outer, NULL);
    CHECK(unit_noted("there"));
    deferred_add_callback(outer, give, deferred_fail(trouble));
    deferred_add_errback(outer, say, NULL);
    CHECK(unit_noted("failure"));
    bury(outer);
}

/* Fired, but not at its end yet: paused, in the middle of its chain, or
 * waiting itself. */
static void D7_not_at_its_end(const char *poller)
{
    struct deferred *outer = fresh(), *inner = fresh(), *deep = fresh();

    (void)poller;
    deferred_pause(inner);
    deferred_callback(inner, "paused");
    deferred_add_callback(outer, give, inner);
    deferred_add_callback(outer, say, NULL);
    deferred_callback(outer, NULL);
    CHECK(unit_noted(""));
    deferred_unpause(inner);
    CHECK(unit_noted("paused"));
    inner = fresh();
    deferred_add_callback(inner, give, deep);
    deferred_callback(inner, NULL);
    deferred_add_callback(outer, give, inner);
    deferred_add_callback(outer, say, NULL);
    CHECK(unit_noted(""));
    deferred_callback(deep, "deep");
    CHECK(unit_noted("deep"));
    bury(outer);
}

static struct result fire_it(struct result result, void *deferred)
{
    deferred_callback(deferred, NULL);
    return result;
}

static void D7_in_the_middle_of_its_chain(const char *poller)
{
    struct deferred *outer = fresh(), *inner = fresh();

    (void)poller;
    deferred_add_callback(outer, give, inner);
    deferred_add_callback(outer, say, NULL);
    deferred_add_callback(inner, fire_it, outer);
    deferred_add_callback(inner, say, "end");
    deferred_callback(inner, "middle ");
    CHECK(unit_noted("middle end"));
    bury(outer);
}

/* More callbacks are added while somebody waits: his place stays the same. */
static void D8_the_place_stays(const char *poller)
{
    struct deferred *outer = fresh(), *inner = fresh(), *deep = fresh();

    (void)poller;
    deferred_add_callback(inner, give, deep);
    deferred_add_callback(inner, note, "1 ");
    deferred_callback(inner, NULL);
    deferred_add_callback(outer, give, inner);
    deferred_add_callback(outer, say, NULL);
    deferred_callback(outer, NULL);
    for (int i = 0; i < DEFERRED_ROOM; i++)
        deferred_add_callback(inner, note, i ? " more" : " 2");
    deferred_callback(deep, "value");
    CHECK(unit_noted("1 value 2 more more more"));
    bury(outer);
}

/* At its end is who waits for another, or is paused, only when that is over. */
static void D9_nothing_is_handed_over_too_early(const char *poller)
{
    struct deferred *outer = fresh(), *middle = fresh(), *inner = fresh();

    (void)poller;
    deferred_add_callback(outer, give, middle);
    deferred_add_callback(outer, say, NULL);
    deferred_add_callback(middle, give, inner);
    deferred_callback(outer, NULL);
    deferred_callback(middle, NULL);
    CHECK(unit_noted(""));
    deferred_callback(inner, "inner");
    CHECK(unit_noted("inner"));
    middle = fresh();
    deferred_add_callback(outer, give, middle);
    deferred_add_callback(outer, say, NULL);
    deferred_pause(middle);
    deferred_callback(middle, "middle");
    CHECK(unit_noted(""));
    deferred_unpause(middle);
    CHECK(unit_noted("middle"));
    bury(outer);
}

static void D8_trap24_the_result_moves(const char *poller)
{
    struct deferred *outer = fresh(), *inner = fresh();

    (void)poller;
    deferred_add_callback(inner, say, "second");
    deferred_add_callback(outer, give, inner);
    deferred_add_callback(outer, note, " outer ");
    deferred_add_callback(outer, say, NULL);
    deferred_callback(outer, NULL);
    deferred_add_callback(inner, say, NULL); /* too late for the result */
    deferred_callback(inner, "first");
    CHECK(unit_noted("first outer secondnothing"));
    bury(outer);
}

/* --- the stack: 100,000 nested, 1,000,000 callbacks in 256 KiB --- */

enum { NESTED = 100 * 1000, CALLBACKS = 1000 * 1000, STACK = 256 * 1024 };

static struct result count(struct result result, void *counter)
{
    ++*(int *)counter;
    return result;
}

static void *nest(void *argument)
{
    struct deferred **all = calloc(NESTED, sizeof(*all));
    int counted = 0;

    CHECK(all);
    /* The inner ones fire last if `argument` says so. */
    for (int i = 0; i < NESTED; i++) {
        all[i] = fresh();
        if (i > 0)
            deferred_add_callback(all[i], give, all[i - 1]);
        deferred_add_both(all[i], count, &counted);
    }
    if (argument)
        deferred_callback(all[0], NULL);
    for (int i = 1; i < NESTED; i++)
        deferred_callback(all[i], NULL);
    if (!argument)
        deferred_callback(all[0], NULL);
    CHECK(counted == NESTED);
    bury(all[NESTED - 1]);
    free(all);

    struct deferred *d = fresh();
    counted = 0;
    for (int i = 0; i < CALLBACKS; i++)
        CHECK(deferred_add_callback(d, count, &counted) == 0);
    deferred_callback(d, NULL);
    CHECK(counted == CALLBACKS);
    bury(d);
    return NULL;
}

static void D9_trap24_constant_stack(const char *poller)
{
    pthread_attr_t attributes;
    pthread_t thread;

    (void)poller;
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, STACK) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&thread, &attributes, nest, i ? "" : NULL) == 0);
        pthread_join(thread, NULL);
    }
    pthread_attr_destroy(&attributes);
}

static struct result add_more(struct result result, void *deferred)
{
    deferred_add_callback(deferred, note, "3");
    deferred_add_callback(deferred, note, "4");
    unit_note("1");
    return result;
}

static void D10_added_from_inside(const char *poller)
{
    struct deferred *d = fresh();

    (void)poller;
    deferred_add_callback(d, add_more, d);
    deferred_add_callback(d, note, "2");
    deferred_callback(d, NULL);
    CHECK(unit_noted("1234"));
    bury(d);
}

static void D11_pauses_count(const char *poller)
{
    struct deferred *d = fresh();

    (void)poller;
    deferred_pause(d);
    deferred_pause(d);
    deferred_add_callback(d, say, NULL);
    deferred_callback(d, "a");
    deferred_unpause(d);
    CHECK(unit_noted(""));
    deferred_unpause(d);
    CHECK(unit_noted("a"));
    deferred_unpause(d); /* one too many does no harm */
    deferred_add_callback(d, say, NULL);
    CHECK(unit_noted("nothing"));
    bury(d);
}

static struct result is_chain_error(struct result result, void *argument)
{
    (void)argument;
    CHECK(result.kind == RESULT_FAILURE);
    CHECK(failure_check(result.failure, &ChainError));
    unit_note("wrong");
    return result_value(NULL);
}

static void D12_misuse_is_an_error(const char *poller)
{
    struct deferred *d = fresh(), *inner = fresh(), *second = fresh();

    (void)poller;
    errno = 0;
    CHECK(deferred_fire(d, result_deferred(inner)) < 0 && errno == EINVAL);
    deferred_add_callback(d, give, d);
    deferred_add_errback(d, is_chain_error, NULL);
    deferred_callback(d, NULL);
    CHECK(unit_noted("wrong"));
    /* One Deferred for two that wait. */
    deferred_add_callback(d, give, inner);
    deferred_add_callback(second, give, inner);
    deferred_add_errback(second, is_chain_error, NULL);
    deferred_callback(second, NULL);
    CHECK(unit_noted("wrong"));
    deferred_callback(inner, NULL);
    bury(d);
    bury(second);
}

/* Each waits for the next, and the last is given the first. It goes on with a
 * failure, and so do those that wait for it. */
static void D12_a_ring_is_refused(const char *poller)
{
    enum { MOST = 3 };

    (void)poller;
    for (int count = 2; count <= MOST; count++) {
        struct deferred *d[MOST];
        for (int i = 0; i < count; i++)
            d[i] = fresh();
        for (int i = 0; i < count; i++)
            deferred_add_callback(d[i], give, d[(i + 1) % count]);
        for (int i = 0; i < count; i++)
            deferred_callback(d[i], NULL);
        deferred_add_errback(d[0], is_chain_error, NULL);
        CHECK(unit_noted("wrong"));
        deferred_cancel(d[0]); /* and this returns */
        bury(d[0]);            /* who was refused it does not own it */
    }
}

static struct result returns_a_value(void *argument)
{
    return result_value(argument);
}

static struct result returns_a_failure(void *argument)
{
    (void)argument;
    return result_failure(trouble);
}

static struct result returns_a_deferred(void *argument)
{
    return result_deferred(argument);
}

static void D22_maybe(const char *poller)
{
    struct deferred *d = deferred_maybe(returns_a_value, "value");

    (void)poller;
    deferred_add_callback(d, say, NULL);
    bury(d);
    d = deferred_maybe(returns_a_failure, NULL);
    deferred_add_errback(d, say, NULL);
    bury(d);
    struct deferred *inner = fresh();
    d = deferred_maybe(returns_a_deferred, inner);
    CHECK(d == inner);
    deferred_callback(inner, NULL);
    bury(d);
    CHECK(unit_noted("valuefailure"));
}

static void one_that_is_released_before_it_fires(const char *poller)
{
    struct deferred *d = fresh();

    (void)poller;
    deferred_add_callback(d, say, NULL);
    deferred_release(d);
    CHECK(deferred_callback(d, "late") == 0);
    CHECK(unit_noted("late"));
}

static struct result release(struct result result, void *deferred)
{
    deferred_release(deferred);
    return result;
}

static void one_that_is_released_in_its_callback(const char *poller)
{
    struct deferred *d = fresh();

    (void)poller;
    deferred_add_callback(d, release, d);
    deferred_add_callback(d, note, "still there");
    deferred_callback(d, NULL);
    CHECK(unit_noted("still there"));
}

static void no_memory(const char *poller)
{
    (void)poller;
    unit_fail_allocation(0);
    CHECK(!deferred_new(NULL, NULL) && errno == ENOMEM);
    unit_fail_allocation(-1);
    struct deferred *d = fresh();
    unit_fail_allocation(0);
    for (int i = 0; i < DEFERRED_ROOM; i++)
        CHECK(deferred_add_callback(d, note, "1") == 0);
    CHECK(deferred_add_callback(d, note, "2") < 0 && errno == ENOMEM);
    CHECK(deferred_add_callback(d, note, "3") == 0);
    unit_fail_allocation(-1);
    deferred_callback(d, NULL);
    CHECK(unit_noted("11113"));
    /* One that could not be made, given to a chain. */
    deferred_add_callback(d, give, NULL);
    deferred_add_errback(d, say, NULL);
    CHECK(unit_noted("failure"));
    bury(d);
}

static struct result stop_here(struct result result, void *deferred)
{
    deferred_pause(deferred);
    return result;
}

/* What has run before takes nothing from the room for those that wait. */
static void room_for_those_that_wait(const char *poller)
{
    (void)poller;
    for (int ran = 1; ran <= DEFERRED_ROOM; ran++) {
        struct deferred *d = fresh();
        unit_fail_allocation(0);
        for (int i = 1; i <= DEFERRED_ROOM; i++)
            CHECK((i == ran ? deferred_add_callback(d, stop_here, d)
                            : deferred_add_callback(d, note, "1")) == 0);
        deferred_callback(d, NULL);
        for (int i = 0; i < ran; i++)
            CHECK(deferred_add_callback(d, note, "2") == 0);
        CHECK(deferred_add_callback(d, note, "3") < 0 && errno == ENOMEM);
        CHECK(deferred_add_callback(d, note, "4") == 0); /* it fails once */
        unit_fail_allocation(-1);
        deferred_unpause(d);
        CHECK(unit_noted(ran == 1   ? "11124"
                         : ran == 2 ? "111224"
                         : ran == 3 ? "1112224"
                                    : "11122224"));
        bury(d);
    }
}

/* Many come and go, few wait: the block does not grow. */
static void places_are_used_again(const char *poller)
{
    struct deferred *d = fresh();
    int counted = 0;

    (void)poller;
    deferred_callback(d, NULL);
    unit_fail_allocation(0);
    for (int i = 0; i < 1000; i++)
        CHECK(deferred_add_callback(d, count, &counted) == 0);
    CHECK(counted == 1000 && !unit_allocation_failed());
    unit_fail_allocation(-1);
    bury(d);
}

static const struct unit_case cases[] = {
    { "D1_in_order_and_at_once", D1_in_order_and_at_once },
    { "D2_two_tracks", D2_two_tracks },
    { "D3_one_of_a_pair", D3_one_of_a_pair },
    { "D4_passed_through", D4_passed_through },
    { "D5_fired_once", D5_fired_once },
    { "D6_waits_for_an_inner_one", D6_waits_for_an_inner_one },
    { "D6_waits_for_a_failure", D6_waits_for_a_failure },
    { "D7_a_fired_inner_one", D7_a_fired_inner_one },
    { "D7_not_at_its_end", D7_not_at_its_end },
    { "D7_in_the_middle_of_its_chain", D7_in_the_middle_of_its_chain },
    { "D8_the_place_stays", D8_the_place_stays },
    { "D9_nothing_is_handed_over_too_early",
      D9_nothing_is_handed_over_too_early },
    { "D8_trap24_the_result_moves", D8_trap24_the_result_moves },
    { "D9_trap24_constant_stack", D9_trap24_constant_stack },
    { "D10_added_from_inside", D10_added_from_inside },
    { "D11_pauses_count", D11_pauses_count },
    { "D12_misuse_is_an_error", D12_misuse_is_an_error },
    { "D12_a_ring_is_refused", D12_a_ring_is_refused },
    { "D22_maybe", D22_maybe },
    { "released_before_it_fires", one_that_is_released_before_it_fires },
    { "released_in_its_callback", one_that_is_released_in_its_callback },
    { "no_memory", no_memory },
    { "room_for_those_that_wait", room_for_those_that_wait },
    { "places_are_used_again", places_are_used_again },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
