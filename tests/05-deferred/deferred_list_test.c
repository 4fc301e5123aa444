/* SPDX-License-Identifier: MIT
 *
 * Lists of Deferreds, looping calls, and the clock that stands still: rows D18
 * to D21, K1, K2 and K4. No loop, so the poller does not matter.
 */
#include "deferred/deferred_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deferred/looping_call.h"
#include "unit.h"

static const struct failure_type Trouble = { "Trouble", "In trouble", false };
static const struct failure trouble = { &Trouble, 0, NULL };

enum { MEMBERS = 3 };

static struct deferred *members[MEMBERS];

static void make_members(void)
{
    for (int i = 0; i < MEMBERS; i++)
        CHECK((members[i] = deferred_new(NULL, NULL)));
}

static struct result consume(struct result result, void *argument)
{
    (void)result, (void)argument;
    return result_value(NULL);
}

/* Fires those that have not been fired, and lets all of them go. */
static void bury_members(void)
{
    for (int i = 0; i < MEMBERS; i++) {
        deferred_add_errback(members[i], consume, NULL);
        deferred_callback(members[i], NULL);
        deferred_release(members[i]);
    }
}

static void note_one(struct result result)
{
    unit_note(result.kind == RESULT_FAILURE ? (void *)result.failure.type->name
              : result.value                ? result.value
                                            : "nothing");
    unit_note(" ");
}

static struct result say(struct result result, void *argument)
{
    (void)argument;
    note_one(result);
    return result_value(NULL);
}

/* Notes the whole list, and frees it. */
static struct result say_all(struct result result, void *argument)
{
    struct deferred_results *results = result.value;

    (void)argument;
    if (result.kind == RESULT_FAILURE) {
        char number[] = { (char)('0' + result.failure.number), ' ', '\0' };
        note_one(result);
        if (failure_check(result.failure, &FirstError)) {
            unit_note(number);
            unit_note((void *)result.failure.detail);
        }
        return result_value(NULL);
    }
    for (size_t i = 0; i < results->count; i++)
        note_one(results->results[i]);
    free(results);
    return result_value(NULL);
}

static struct deferred *list_of(int flags)
{
    struct deferred *list = deferred_list(members, MEMBERS, flags);

    CHECK(list);
    deferred_add_both(list, say_all, NULL);
    return list;
}

static void D18_in_the_members_order(const char *poller)
{
    (void)poller;
    make_members();
    struct deferred *list = list_of(LIST_CONSUME_ERRORS);
    deferred_callback(members[2], "c");
    deferred_errback(members[0], trouble);
    CHECK(unit_noted(""));
    deferred_callback(members[1], "b");
    CHECK(unit_noted("Trouble b c "));
    deferred_release(list);
    bury_members();
}

static void D18_none_and_all_fired_before(const char *poller)
{
    (void)poller;
    struct deferred *list = deferred_list(NULL, 0, 0);
    CHECK(deferred_callback(list, NULL) < 0 && errno == EALREADY);
    deferred_add_both(list, say_all, NULL);
    CHECK(unit_noted(""));
    deferred_release(list);
    make_members();
    for (int i = 0; i < MEMBERS; i++)
        deferred_callback(members[i], "x");
    list = list_of(0);
    CHECK(unit_noted("x x x "));
    deferred_release(list);
    bury_members();
}

static void D19_the_first_failure(const char *poller)
{
    (void)poller;
    make_members();
    struct deferred *list =
        list_of(LIST_FIRE_ON_ONE_ERRBACK | LIST_CONSUME_ERRORS);
    deferred_callback(members[0], "a");
    deferred_errback(members[1], trouble);
    CHECK(unit_noted("FirstError 1 Trouble"));
    deferred_errback(members[2], trouble); /* nobody cares any more */
    CHECK(unit_noted(""));
    deferred_release(list);
    bury_members();
}

static struct result note_index(struct result result, void *argument)
{
    struct deferred_results *results = result.value;
    char number[] = { (char)('0' + results->index), '\0' };

    (void)argument;
    note_one(results->results[results->index]);
    unit_note(number);
    free(results);
    return result_value(NULL);
}

static void D19_the_first_success(const char *poller)
{
    (void)poller;
    make_members();
    struct deferred *list = deferred_list(
        members, MEMBERS, LIST_FIRE_ON_ONE_CALLBACK | LIST_CONSUME_ERRORS);
    deferred_add_callback(list, note_index, NULL);
    deferred_errback(members[0], trouble);
    CHECK(unit_noted(""));
    deferred_callback(members[2], "c");
    CHECK(unit_noted("c 2"));
    deferred_callback(members[1], "b");
    CHECK(unit_noted(""));
    deferred_release(list);
    bury_members();
}

static void D20_failures_go_on_unless_consumed(const char *poller)
{
    (void)poller;
    for (int consumed = 0; consumed < 2; consumed++) {
        make_members();
        struct deferred *list = list_of(consumed ? LIST_CONSUME_ERRORS : 0);
        deferred_add_both(members[0], say, NULL);
        deferred_errback(members[0], trouble);
        CHECK(unit_noted(consumed ? "nothing " : "Trouble "));
        deferred_add_both(members[1], say, NULL);
        deferred_callback(members[1], "b");
        CHECK(unit_noted("b ")); /* what is no error is not consumed */
        deferred_callback(members[2], "c");
        CHECK(unit_noted("Trouble b c "));
        deferred_release(list);
        bury_members();
    }
}

static void D21_gather(const char *poller)
{
    (void)poller;
    make_members();
    struct deferred *all = deferred_gather(members, MEMBERS);
    deferred_add_both(all, say_all, NULL);
    deferred_callback(members[1], "b");
    deferred_callback(members[0], "a");
    deferred_callback(members[2], "c");
    CHECK(unit_noted("a b c "));
    deferred_release(all);
    bury_members();
}

static void D21_gather_and_the_first_failure(const char *poller)
{
    (void)poller;
    make_members();
    struct deferred *all = deferred_gather(members, MEMBERS);
    deferred_add_both(all, say_all, NULL);
    deferred_callback(members[0], "a");
    CHECK(unit_noted(""));
    deferred_errback(members[2], trouble);
    CHECK(unit_noted("FirstError 2 Trouble"));
    deferred_callback(members[1], "b");
    CHECK(unit_noted(""));
    deferred_release(all);
    bury_members();
}

/* One that has fired may be gone by then. */
static void D21_cancelled_when_one_has_fired(const char *poller)
{
    (void)poller;
    make_members();
    struct deferred *list = list_of(LIST_CONSUME_ERRORS);
    deferred_callback(members[0], "a");
    deferred_release(members[0]);
    deferred_cancel(list);
    CHECK(unit_noted("a CancelledError CancelledError "));
    deferred_release(list);
    for (int i = 1; i < MEMBERS; i++) {
        CHECK(deferred_callback(members[i], NULL) < 0 && errno == ECANCELED);
        deferred_release(members[i]);
    }
}

static void D21_cancel_cancels_the_members(const char *poller)
{
    (void)poller;
    for (int gathered = 0; gathered < 2; gathered++) {
        make_members();
        struct deferred *list =
            list_of(gathered ? LIST_FIRE_ON_ONE_ERRBACK : 0);
        for (int i = 0; i < MEMBERS; i++) {
            deferred_add_errback(members[i], consume, NULL);
            deferred_release(members[i]); /* they live until they fire */
        }
        deferred_cancel(list);
        CHECK(unit_noted(
            gathered ? "FirstError 0 CancelledError"
                     : "CancelledError CancelledError CancelledError "));
        for (int i = 0; i < MEMBERS; i++)
            CHECK(deferred_callback(members[i], NULL) < 0 &&
                  errno == ECANCELED);
        deferred_release(list);
    }
}

/* One that is paused keeps its list from firing, and cannot fire it later. */
static void D21_cancelled_with_a_paused_member(const char *poller)
{
    (void)poller;
    make_members();
    struct deferred *list = list_of(LIST_CONSUME_ERRORS);
    deferred_pause(members[1]);
    deferred_cancel(list);
    CHECK(unit_noted("CancelledError "));
    deferred_release(list);
    deferred_unpause(members[1]);
    bury_members();
}

static void lists_without_memory(const char *poller)
{
    (void)poller;
    make_members();
    for (int i = 0; i < 3; i++) {
        unit_fail_allocation(i);
        CHECK(!deferred_list(members, MEMBERS, 0) && errno == ENOMEM);
        unit_fail_allocation(-1);
    }
    bury_members();
}

/* --- looping calls --- */

static struct fake_clock fake;
static double held_up; /* seconds that the second call takes */
static struct deferred *answer;
static int calls;

static struct result tell_the_time(void *argument)
{
    char text[] = { (char)('0' + fake.now / 1000000000), ' ', '\0' };

    (void)argument;
    unit_note(text);
    calls++;
    if (answer)
        return result_deferred(answer);
    return result_value(NULL);
}

static struct result count_it(void *argument)
{
    (void)argument;
    calls++;
    return result_value(NULL);
}

static struct deferred *start_loop(struct looping_call *loop, double interval,
                                   bool now)
{
    struct deferred *done = looping_call_start(
        loop, clock_of_fake(&fake), interval, now, tell_the_time, NULL);

    CHECK(done);
    deferred_add_both(done, say, NULL);
    return done;
}

static void hold_up(void *argument)
{
    (void)argument;
    fake.now += (int64_t)(held_up * 1e9);
}

static void K1_missed_slots_are_left_out(const char *poller)
{
    struct looping_call loop = { 0 };
    struct delayed_call work = { 0 };
    struct deferred *done = start_loop(&loop, 2, true);

    (void)poller;
    /* Just before 4 somebody works until 7. */
    held_up = 3.5;
    clock_call_later(clock_of_fake(&fake), &work, 3.5, hold_up, NULL);
    fake_clock_advance(&fake, 3.5);
    CHECK(fake.now == 3500000000);
    fake.now = 7000000000;
    fake_clock_advance(&fake, 0);
    CHECK(unit_noted("0 2 7 "));
    fake_clock_advance(&fake, 1.5);
    CHECK(unit_noted("8 "));
    CHECK(!looping_call_start(&loop, clock_of_fake(&fake), 1, true,
                              tell_the_time, NULL) &&
          errno == EALREADY);
    looping_call_stop(&loop);
    looping_call_stop(&loop);
    CHECK(unit_noted("nothing "));
    fake_clock_advance(&fake, 100);
    CHECK(unit_noted("") && fake.calls.count == 0);
    deferred_release(done);
    delayed_calls_clear(&fake.calls);
}

/* However seconds are rounded, no slot has two calls. */
static void K1_each_slot_once(const char *poller)
{
    struct looping_call loop = { 0 };
    struct deferred *done;

    (void)poller;
    fake.now = 0;
    calls = 0;
    done = looping_call_start(&loop, clock_of_fake(&fake), 0.1, true, count_it,
                              NULL);
    CHECK(done);
    for (int i = 1; i <= 1000; i++) {
        fake_clock_advance(&fake, 0.1);
        CHECK(calls == i + 1 || calls == i);
    }
    fake_clock_advance(&fake, 0.05);
    CHECK(calls == 1001);
    looping_call_stop(&loop);
    deferred_release(done);
    delayed_calls_clear(&fake.calls);
}

static void K2_a_deferred_is_waited_for(const char *poller)
{
    struct looping_call loop = { 0 };
    struct deferred *done;

    (void)poller;
    CHECK((answer = deferred_new(NULL, NULL)));
    done = start_loop(&loop, 1, false);
    CHECK(unit_noted(""));
    fake_clock_advance(&fake, 1);
    CHECK(unit_noted("1 "));
    fake_clock_advance(&fake, 2.5); /* nothing: it has not fired */
    CHECK(unit_noted(""));
    struct deferred *first = answer;
    CHECK((answer = deferred_new(NULL, NULL)));
    deferred_callback(first, NULL);
    CHECK(unit_noted(""));
    fake_clock_advance(&fake, 0.5);
    CHECK(unit_noted("4 "));
    looping_call_stop(&loop); /* it has not stopped until that has fired */
    CHECK(unit_noted(""));
    deferred_callback(answer, NULL);
    CHECK(unit_noted("nothing "));
    answer = NULL;
    deferred_release(done);
    delayed_calls_clear(&fake.calls);
}

static void K2_a_failure_ends_it(const char *poller)
{
    struct looping_call loop = { 0 };
    struct deferred *done;

    (void)poller;
    CHECK((answer = deferred_fail(trouble)));
    done = start_loop(&loop, 1, true);
    answer = NULL;
    CHECK(unit_noted("0 Trouble "));
    deferred_release(done);
    done = start_loop(&loop, 1, true); /* and it may start again */
    deferred_cancel(done);
    CHECK(unit_noted("0 nothing "));
    deferred_release(done);
    CHECK(fake.calls.count == 0);
    delayed_calls_clear(&fake.calls);
}

static void K2_cancelled_while_it_waits(const char *poller)
{
    struct looping_call loop = { 0 };

    (void)poller;
    CHECK((answer = deferred_new(NULL, NULL)));
    struct deferred *done = start_loop(&loop, 1, true);
    deferred_cancel(done);
    CHECK(unit_noted("0 CancelledError "));
    deferred_release(done);
    CHECK(!looping_call_start(&loop, clock_of_fake(&fake), 1, true,
                              tell_the_time, NULL) &&
          errno == EALREADY);
    deferred_callback(answer, NULL);
    answer = NULL;
    CHECK(fake.calls.count == 0 && unit_noted(""));
    delayed_calls_clear(&fake.calls);
}

static struct looping_call *restless;

/* Its function has not returned, so it has not stopped. */
static struct result start_again(void *argument)
{
    (void)argument;
    looping_call_stop(restless);
    CHECK(!looping_call_start(restless, clock_of_fake(&fake), 1, true,
                              start_again, NULL) &&
          errno == EALREADY);
    unit_note("once ");
    return result_value(NULL);
}

static void K2_started_again_from_inside(const char *poller)
{
    struct looping_call loop = { 0 };
    struct deferred *done;

    (void)poller;
    restless = &loop;
    CHECK((done = looping_call_start(&loop, clock_of_fake(&fake), 1, true,
                                     start_again, NULL)));
    deferred_add_both(done, say, NULL);
    CHECK(unit_noted("once nothing "));
    deferred_release(done);
    fake_clock_advance(&fake, 10);
    CHECK(unit_noted("") && fake.calls.count == 0);
    delayed_calls_clear(&fake.calls);
}

/* --- the clock --- */

static struct delayed_call a, b, c;

static void note(void *word)
{
    unit_note(word);
}

static void note_and_schedule(void *word)
{
    unit_note(word);
    clock_call_later(clock_of_fake(&fake), &c, 1, note, "c");
}

static void K4_advance(const char *poller)
{
    struct clock clock = clock_of_fake(&fake);

    (void)poller;
    clock_call_later(clock, &b, 2, note, "b");
    clock_call_later(clock, &a, 0.5, note_and_schedule, "a");
    CHECK(clock_seconds(clock) == 0);
    fake_clock_advance(&fake, 3); /* c is scheduled for 1.5 meanwhile */
    CHECK(unit_noted("acb") && clock_seconds(clock) == 3);
    CHECK(!delayed_call_active(&a) && delayed_call_cancel(&a) < 0 &&
          errno == EALREADY);
    clock_call_later(clock, &a, 1, note, "a");
    clock_call_later(clock, &b, 1, note, "b");
    clock_call_later(clock, &c, 1, note, "c");
    CHECK(delayed_call_cancel(&b) == 0);
    CHECK(delayed_call_delay(&a, 1) == 0);
    fake_clock_advance(&fake, 5);
    CHECK(unit_noted("ca"));
    delayed_calls_clear(&fake.calls);
}

static const struct unit_case cases[] = {
    { "D18_in_the_members_order", D18_in_the_members_order },
    { "D18_none_and_all_fired_before", D18_none_and_all_fired_before },
    { "D19_the_first_failure", D19_the_first_failure },
    { "D19_the_first_success", D19_the_first_success },
    { "D20_failures_go_on_unless_consumed",
      D20_failures_go_on_unless_consumed },
    { "D21_gather", D21_gather },
    { "D21_gather_and_the_first_failure", D21_gather_and_the_first_failure },
    { "D21_cancelled_when_one_has_fired", D21_cancelled_when_one_has_fired },
    { "D21_cancel_cancels_the_members", D21_cancel_cancels_the_members },
    { "D21_cancelled_with_a_paused_member",
      D21_cancelled_with_a_paused_member },
    { "lists_without_memory", lists_without_memory },
    { "K1_missed_slots_are_left_out", K1_missed_slots_are_left_out },
    { "K1_each_slot_once", K1_each_slot_once },
    { "K2_a_deferred_is_waited_for", K2_a_deferred_is_waited_for },
    { "K2_a_failure_ends_it", K2_a_failure_ends_it },
    { "K2_cancelled_while_it_waits", K2_cancelled_while_it_waits },
    { "K2_started_again_from_inside", K2_started_again_from_inside },
    { "K4_advance", K4_advance },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
