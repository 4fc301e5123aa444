/* SPDX-License-Identifier: MIT
 *
 * Deferreds that are cancelled, take too long, or fail unheard: rows D13 to
 * D17 and D23, K3, trap 24. No loop, so the poller does not matter.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deferred/deferred_later.h"
#include "deferred/deferred_timeout.h"
#include "protocol/log.h"
#include "unit.h"

static const struct failure_type Trouble = { "Trouble", "In trouble", false };
static const struct failure trouble = { &Trouble, 0, NULL };

static struct result say(struct result result, void *next)
{
    unit_note(result.kind == RESULT_FAILURE ? (void *)result.failure.type->name
              : result.value                ? result.value
                                            : "nothing");
    return result_value(next);
}

static struct result hear(struct result result, void *argument)
{
    (void)argument;
    say(result, NULL);
    return result;
}

static struct result give(struct result result, void *deferred)
{
    (void)result;
    return result_deferred(deferred);
}

static struct deferred *fresh(void (*canceller)(struct deferred *, void *))
{
    struct deferred *deferred = deferred_new(canceller, "canceller ");

    CHECK(deferred);
    return deferred;
}

static void D13_trap24_one_firing_is_swallowed(const char *poller)
{
    (void)poller;
    for (int how = 0; how < 2; how++) {
        struct deferred *d = fresh(NULL);
        deferred_add_both(d, say, NULL);
        deferred_cancel(d);
        CHECK(unit_noted("CancelledError"));
        deferred_cancel(d);
        errno = 0;
        CHECK((how ? deferred_errback(d, trouble)
                   : deferred_callback(d, "late")) < 0 &&
              errno == ECANCELED);
        CHECK(deferred_callback(d, "later") < 0 && errno == EALREADY);
        CHECK(unit_noted(""));
        deferred_release(d);
    }
}

/* The maker still holds it, so it must live. */
static void D13_cancelled_and_released(const char *poller)
{
    struct deferred *d = fresh(NULL);

    (void)poller;
    deferred_add_both(d, say, NULL);
    deferred_cancel(d);
    deferred_release(d);
    CHECK(deferred_callback(d, "late") < 0 && errno == ECANCELED);
    CHECK(unit_noted("CancelledError"));
}

static void just_note(struct deferred *self, void *word)
{
    (void)self;
    unit_note(word);
}

static void fire_value(struct deferred *self, void *word)
{
    unit_note(word);
    CHECK(deferred_callback(self, "value") == 0);
}

static void fire_failure(struct deferred *self, void *word)
{
    unit_note(word);
    CHECK(deferred_errback(self, trouble) == 0);
}

static void cancel_again(struct deferred *self, void *word)
{
    unit_note(word);
    deferred_cancel(self);
}

static void D14_cancellers(const char *poller)
{
    const struct {
        void (*canceller)(struct deferred *self, void *argument);
        const char *heard;
    } rows[] = { { just_note, "canceller CancelledError" },
                 { fire_value, "canceller value" },
                 { fire_failure, "canceller Trouble" },
                 { cancel_again, "canceller CancelledError" } };

    (void)poller;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct deferred *d = fresh(rows[i].canceller);
        deferred_add_both(d, say, NULL);
        deferred_cancel(d);
        CHECK(unit_noted(rows[i].heard));
        deferred_add_both(d, say, NULL); /* the first result stands */
        CHECK(unit_noted("nothing"));
        deferred_cancel(d);
        /* Nothing more is swallowed. */
        CHECK(deferred_callback(d, "late") < 0 && errno == EALREADY);
        CHECK(unit_noted(""));
        deferred_release(d);
    }
}

static void D15_cancel_what_has_fired(const char *poller)
{
    struct deferred *d = fresh(just_note), *inner = fresh(just_note);

    (void)poller;
    deferred_callback(d, "value");
    deferred_cancel(d);
    CHECK(unit_noted(""));
    /* It waits: the inner one is cancelled, not this one. */
    deferred_add_callback(d, give, inner);
    deferred_add_both(d, say, NULL);
    deferred_cancel(d);
    CHECK(unit_noted("canceller CancelledError"));
    deferred_release(d);
    /* Three that wait for each other: the last is cancelled. */
    struct deferred *middle = fresh(just_note);
    d = fresh(just_note);
    inner = fresh(just_note);
    deferred_callback(d, NULL);
    deferred_callback(middle, NULL);
    deferred_add_callback(middle, give, inner);
    deferred_add_callback(d, give, middle);
    deferred_add_both(d, say, NULL);
    deferred_cancel(d);
    CHECK(unit_noted("canceller CancelledError"));
    deferred_release(d);
}

/* The canceller fires the inner one, which nobody else holds any more. */
static void D15_the_inner_one_fires_in_its_canceller(const char *poller)
{
    struct deferred *d = fresh(NULL), *inner = fresh(fire_value);

    (void)poller;
    deferred_callback(d, NULL);
    deferred_add_callback(d, give, inner);
    deferred_add_both(d, say, NULL);
    deferred_cancel(d);
    CHECK(unit_noted("canceller value"));
    deferred_release(d);
}

static struct result fail_if_called(void *argument)
{
    (void)argument;
    unit_failed("not called", __FILE__, __LINE__);
}

static void D16_timeouts(const char *poller)
{
    struct fake_clock fake = { 0 };
    struct clock clock = clock_of_fake(&fake);
    struct deferred *late = fresh(just_note), *soon = fresh(just_note);
    struct deferred *user = fresh(just_note);

    (void)poller;
    CHECK(deferred_add_timeout(late, clock, 5) == 0);
    CHECK(deferred_add_timeout(soon, clock, 5) == 0);
    CHECK(deferred_add_timeout(user, clock, 5) == 0);
    deferred_add_both(late, say, NULL);
    deferred_add_both(soon, say, NULL);
    deferred_add_both(user, say, NULL);
    fake_clock_advance(&fake, 4.9);
    CHECK(unit_noted(""));
    deferred_callback(soon, "value");
    deferred_cancel(user);
    CHECK(unit_noted("valuecanceller CancelledError"));
    fake_clock_advance(&fake, 0.1);
    CHECK(unit_noted("canceller TimeoutError"));
    CHECK(fake.calls.count == 0);
    deferred_release(late);
    deferred_release(soon);
    deferred_release(user);
    delayed_calls_clear(&fake.calls);
}

static void D17_what_a_timeout_covers(const char *poller)
{
    struct fake_clock fake = { 0 };
    struct clock clock = clock_of_fake(&fake);
    struct deferred *hidden = fresh(NULL), *value = fresh(fire_value);
    struct deferred *after = fresh(NULL);

    (void)poller;
    deferred_add_errback(hidden, say, "mended"); /* before: it is covered */
    deferred_add_timeout(hidden, clock, 1);
    deferred_add_both(hidden, say, NULL);
    deferred_add_timeout(value, clock, 1);
    deferred_add_both(value, say, NULL);
    fake_clock_advance(&fake, 1);
    CHECK(unit_noted("CancelledErrormendedcanceller value"));
    CHECK(deferred_callback(hidden, NULL) < 0 && errno == ECANCELED);
    /* What comes after it is not covered: it has no time limit. */
    struct deferred *inner = fresh(NULL);
    deferred_add_timeout(after, clock, 1);
    deferred_add_callback(after, give, inner);
    deferred_add_both(after, say, NULL);
    deferred_callback(after, NULL);
    fake_clock_advance(&fake, 100);
    CHECK(unit_noted("") && fake.calls.count == 0);
    deferred_callback(inner, "at last");
    CHECK(unit_noted("at last"));
    deferred_release(hidden);
    deferred_release(value);
    deferred_release(after);
    delayed_calls_clear(&fake.calls);
}

/* Only what the cancelling has brought is the timeout's. */
static void D17_another_failure_stays(const char *poller)
{
    struct fake_clock fake = { 0 };
    struct deferred *d = fresh(fire_failure);

    (void)poller;
    deferred_add_timeout(d, clock_of_fake(&fake), 1);
    deferred_add_both(d, say, NULL);
    fake_clock_advance(&fake, 1);
    CHECK(unit_noted("canceller Trouble"));
    deferred_release(d);
    delayed_calls_clear(&fake.calls);
}

static void D16_without_memory(const char *poller)
{
    struct fake_clock fake = { 0 };
    struct deferred *d = fresh(NULL);
    int failures = 0;

    (void)poller;
    for (int i = 0; i < DEFERRED_ROOM; i++)
        deferred_add_both(d, hear, NULL);
    for (;; failures++) {
        unit_fail_allocation(failures);
        int result = deferred_add_timeout(d, clock_of_fake(&fake), 1);
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        if (!failed)
            break;
        CHECK(result < 0 && errno == ENOMEM && fake.calls.count == 0);
    }
    CHECK(failures == 3 && fake.calls.count == 1);
    deferred_callback(d, "value");
    CHECK(unit_noted("valuevaluevaluevalue") && fake.calls.count == 0);
    deferred_release(d);
    delayed_calls_clear(&fake.calls);
}

static struct result answer(void *argument)
{
    unit_note("called ");
    return result_value(argument);
}

static void K3_later(const char *poller)
{
    struct fake_clock fake = { 0 };
    struct clock clock = clock_of_fake(&fake);
    struct deferred *d = deferred_later(clock, 3, answer, "answer");

    (void)poller;
    deferred_add_both(d, say, NULL);
    deferred_release(d);
    fake_clock_advance(&fake, 2.9);
    CHECK(unit_noted(""));
    fake_clock_advance(&fake, 0.2);
    CHECK(unit_noted("called answer"));
    d = deferred_later(clock, 3, fail_if_called, NULL);
    deferred_add_both(d, say, NULL);
    deferred_cancel(d);
    CHECK(unit_noted("CancelledError"));
    deferred_release(d);
    fake_clock_advance(&fake, 10);
    CHECK(!deferred_later(clock, -1, answer, NULL) && errno == EINVAL);
    for (int i = 0; i < 3; i++) {
        unit_fail_allocation(i);
        d = deferred_later(clock, 1, answer, "x");
        unit_fail_allocation(-1);
        deferred_release(d);
        fake_clock_advance(&fake, 2);
    }
    CHECK(fake.calls.count == 0);
    delayed_calls_clear(&fake.calls);
    CHECK(unit_noted("called "));
}

/* --- what nobody has handled is in the log --- */

/* The log, in a file of its own; the text after the date. */
static FILE *log_file;

static int logged(const char *text)
{
    char line[LOG_TEXT_MAX];
    int found = 0;

    rewind(log_file);
    while (fgets(line, sizeof(line), log_file))
        found += strstr(line, text) != NULL;
    return found;
}

static void D23_unhandled_failures_are_logged(const char *poller)
{
    struct reactor *reactor = reactor_new(poller);
    struct deferred *d, *outer;

    log_file = tmpfile();
    CHECK(reactor && log_file);
    log_start(log_file, reactor);
    d = fresh(NULL);
    deferred_errback(d, trouble);
    CHECK(logged("Unhandled") == 0);
    deferred_release(d);
    CHECK(logged("[-] Unhandled error in Deferred:") == 1);
    CHECK(logged("In trouble.") == 1);
    d = fresh(NULL); /* released before it fires */
    deferred_release(d);
    deferred_errback(d, trouble);
    CHECK(logged("Unhandled") == 2);
    d = deferred_fail(trouble); /* handled */
    deferred_add_errback(d, hear, NULL);
    deferred_add_errback(d, say, NULL);
    deferred_release(d);
    d = fresh(NULL); /* chained away */
    outer = deferred_succeed(NULL);
    deferred_add_callback(outer, give, d);
    deferred_errback(d, trouble);
    deferred_add_errback(outer, say, NULL);
    deferred_release(outer);
    outer = deferred_succeed(NULL); /* chained away, and fired before */
    deferred_add_callback(outer, give, deferred_fail(trouble));
    deferred_add_errback(outer, say, NULL);
    deferred_release(outer);
    CHECK(logged("Unhandled") == 2);
    CHECK(unit_noted("TroubleTroubleTroubleTrouble"));
    d = fresh(NULL); /* not before it goes on */
    deferred_pause(d);
    deferred_errback(d, trouble);
    deferred_release(d);
    CHECK(logged("Unhandled") == 2);
    deferred_unpause(d);
    CHECK(logged("Unhandled") == 3);
    d = fresh(NULL); /* nor before its maker has fired it, in vain */
    deferred_cancel(d);
    deferred_release(d);
    CHECK(logged("Unhandled") == 3);
    CHECK(deferred_callback(d, NULL) < 0 && errno == ECANCELED);
    CHECK(logged("Unhandled") == 4);
    reactor_free(reactor);
    fclose(log_file);
}

/* --- groups: what a client waits for --- */

static struct deferred_group group;

static struct deferred *grouped(void)
{
    struct deferred *d = fresh(NULL);

    deferred_add_both(d, say, NULL);
    deferred_group_add(&group, d);
    return d;
}

static void cancelled_together(const char *poller)
{
    struct deferred *d[3];

    (void)poller;
    deferred_group_cancel(&group); /* nothing is in it */
    for (int i = 0; i < 3; i++)
        d[i] = grouped();
    CHECK(deferred_callback(d[1], "done ") == 0); /* has left, and is freed */
    CHECK(unit_noted("done "));
    deferred_group_cancel(&group);
    CHECK(!group.first);
    CHECK(unit_noted("CancelledErrorCancelledError"));
    deferred_group_cancel(&group);
    CHECK(unit_noted(""));
    CHECK(deferred_callback(d[0], "late") < 0 && errno == ECANCELED);
    CHECK(deferred_callback(d[2], "late") < 0 && errno == ECANCELED);
    /* One that has fired is freed at once. */
    struct deferred *fired = deferred_succeed("x");
    deferred_group_add(&group, fired);
    CHECK(!group.first);
}

/* The last one that is cancelled was not there when it began. */
static struct result add_another(struct result result, void *left)
{
    struct deferred **next = left;

    say(result, NULL);
    if (*next)
        deferred_group_add(&group, *next);
    *next = NULL;
    deferred_group_cancel(&group); /* and somebody is at it already */
    return result_value(NULL);
}

static void cancelled_while_they_change(const char *poller)
{
    struct deferred *d = fresh(NULL), *other = grouped(), *more = fresh(NULL),
                    *next = more;

    (void)poller;
    deferred_add_both(more, say, NULL);
    deferred_add_both(d, add_another, &next);
    deferred_group_add(&group, d);
    deferred_group_cancel(&group);
    CHECK(!group.first && !next);
    CHECK(unit_noted("CancelledErrorCancelledErrorCancelledError"));
    CHECK(deferred_callback(d, "late") < 0 && errno == ECANCELED);
    CHECK(deferred_callback(other, "late") < 0 && errno == ECANCELED);
    CHECK(deferred_callback(more, "late") < 0 && errno == ECANCELED);
}

/* One that goes on waiting is no longer the group's: its owner may go. */
static void cancelled_and_still_waiting(const char *poller)
{
    struct deferred *d = grouped(), *inner = fresh(NULL);

    (void)poller;
    deferred_pause(d);
    deferred_callback(d, "waits ");
    deferred_group_cancel(&group);
    CHECK(!group.first && unit_noted(""));
    deferred_unpause(d); /* frees it */
    CHECK(unit_noted("waits "));
    /* A callback of its own may release it. */
    d = fresh(NULL);
    deferred_add_both(d, give, inner);
    deferred_add_both(d, say, NULL);
    deferred_group_add(&group, d);
    deferred_callback(d, "x");
    deferred_group_cancel(&group); /* the inner one, for which it waits */
    CHECK(!group.first && unit_noted("CancelledError"));
    CHECK(deferred_callback(inner, "late") < 0 && errno == ECANCELED);
}

static const struct unit_case cases[] = {
    { "cancelled_together", cancelled_together },
    { "cancelled_while_they_change", cancelled_while_they_change },
    { "cancelled_and_still_waiting", cancelled_and_still_waiting },
    { "D13_trap24_one_firing_is_swallowed",
      D13_trap24_one_firing_is_swallowed },
    { "D13_cancelled_and_released", D13_cancelled_and_released },
    { "D14_cancellers", D14_cancellers },
    { "D15_cancel_what_has_fired", D15_cancel_what_has_fired },
    { "D15_the_inner_one_fires_in_its_canceller",
      D15_the_inner_one_fires_in_its_canceller },
    { "D16_timeouts", D16_timeouts },
    { "D17_what_a_timeout_covers", D17_what_a_timeout_covers },
    { "D17_another_failure_stays", D17_another_failure_stays },
    { "D16_without_memory", D16_without_memory },
    { "K3_later", K3_later },
    { "D23_unhandled_failures_are_logged", D23_unhandled_failures_are_logged },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
