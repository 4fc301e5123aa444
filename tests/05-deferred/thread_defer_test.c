/* SPDX-License-Identifier: MIT
 *
 * defer_to_thread and call_in_thread: rows H1 and H3, and who frees what when
 * a job is cancelled before, while and after it runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/log.h"
#include "talk.h"
#include "thread_tools.h"
#include "threads/threads.h"

static const struct failure_type SomeError = { "SomeError", "Some error",
                                               false };

/* What a job is given, on the heap, so that it is seen when it is freed twice,
 * too early or never. */
struct errand {
    struct gate *gate; /* where it waits; NULL: it does not */
    pthread_t thread;  /* that ran it */
    int times;
    bool fails;
};

static pthread_t loop_thread;
static int freed_arguments, freed_values; /* in the loop */
static struct gate gate;

static void free_argument(void *argument)
{
    CHECK(pthread_equal(pthread_self(), loop_thread));
    freed_arguments++;
    free(argument);
}

static void free_value(void *value)
{
    CHECK(pthread_equal(pthread_self(), loop_thread));
    freed_values++;
    free(value);
}

static const struct thread_options owned = { .free_argument = free_argument,
                                             .free_value = free_value };

static struct errand *errand_new(struct gate *at)
{
    struct errand *errand = calloc(1, sizeof(*errand));

    CHECK(errand != NULL);
    errand->gate = at;
    return errand;
}

/* Returns a string on the heap. */
static struct result run(void *argument)
{
    struct errand *errand = argument;
    char *value = malloc(6);

    errand->thread = pthread_self();
    errand->times++;
    if (errand->gate)
        gate_wait(errand->gate);
    if (errand->fails || !value) {
        free(value);
        return result_failure((struct failure){ &SomeError, 7, "detail" });
    }
    return result_value(strcpy(value, "value"));
}

/* --- what comes of it --- */

struct outcome {
    struct result result;
    int times;
    struct reactor *stop; /* to be crashed */
};

static struct result keep(struct result result, void *argument)
{
    struct outcome *self = argument;

    CHECK(pthread_equal(pthread_self(), loop_thread));
    self->result = result;
    self->times++;
    if (self->stop)
        loop_crash(self->stop);
    return result_value(NULL);
}

static void check_value(struct outcome *outcome)
{
    CHECK(outcome->times == 1 && outcome->result.kind == RESULT_VALUE);
    CHECK(!strcmp(outcome->result.value, "value"));
    free(outcome->result.value);
}

static void check_failure(const struct outcome *outcome,
                          const struct failure_type *type, int number)
{
    CHECK(outcome->times == 1 && outcome->result.kind == RESULT_FAILURE);
    CHECK(failure_check(outcome->result.failure, type));
    CHECK(outcome->result.failure.number == number);
}

static struct deferred *defer(struct reactor *reactor, struct errand *errand,
                              struct outcome *outcome)
{
    struct deferred *deferred = defer_to_thread(reactor, run, errand, &owned);

    CHECK(deferred != NULL);
    *outcome = (struct outcome){ .stop = NULL };
    CHECK(deferred_add_both(deferred, keep, outcome) == 0);
    return deferred;
}

static struct reactor *begin(const char *poller)
{
    loop_thread = pthread_self();
    gate_open(&gate);
    return loop_new(poller);
}

static void end(struct reactor *reactor)
{
    reactor_free(reactor);
    gate_close(&gate);
}

static void run_until_told(struct reactor *reactor, struct outcome *outcome)
{
    outcome->stop = reactor;
    CHECK(reactor_run(reactor) == 0);
}

/* --- H1 --- */

static void H1_value(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct errand errand = { 0 };
    struct outcome outcome = { 0 };
    struct deferred *deferred = defer_to_thread(reactor, run, &errand, NULL);

    CHECK(deferred && deferred_add_both(deferred, keep, &outcome) == 0);
    deferred_release(deferred);
    CHECK(outcome.times == 0);
    run_until_told(reactor, &outcome);
    check_value(&outcome);
    CHECK(errand.times == 1 && !pthread_equal(errand.thread, loop_thread));
    end(reactor);
}

static void H1_failure(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct errand *errand = errand_new(NULL);
    struct outcome outcome;

    errand->fails = true;
    deferred_release(defer(reactor, errand, &outcome));
    run_until_told(reactor, &outcome);
    check_failure(&outcome, &SomeError, 7);
    CHECK(!strcmp(outcome.result.failure.detail, "detail"));
    loop_turns(reactor, 1);
    CHECK(freed_arguments == 1 && freed_values == 0);
    end(reactor);
}

static struct result return_deferred(void *argument)
{
    return result_deferred(argument);
}

static void H1_no_deferred_from_a_thread(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct deferred *inner = deferred_new(NULL, NULL);
    struct deferred *deferred =
        defer_to_thread(reactor, return_deferred, inner, NULL);
    struct outcome outcome = { 0 };

    CHECK(deferred_add_both(deferred, keep, &outcome) == 0);
    deferred_release(deferred);
    run_until_told(reactor, &outcome);
    check_failure(&outcome, &ThreadError, EINVAL);
    deferred_callback(inner, NULL);
    deferred_release(inner);
    end(reactor);
}

/* --- H3 --- */

/* What is logged from now on; the log is the program's one, and a case has its
 * own program. */
static char *logged;

static FILE *keep_log(struct reactor *reactor)
{
    static size_t size;
    FILE *stream = open_memstream(&logged, &size);

    CHECK(stream != NULL);
    log_start(stream, reactor);
    return stream;
}

static void H3_logged_and_the_pool_goes_on(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct errand *errand = errand_new(NULL);
    struct outcome outcome;
    FILE *stream = keep_log(reactor);

    CHECK(thread_pool_set_maximum(reactor_thread_pool(reactor), 1) == 0);
    errand->fails = true;
    deferred_release(defer_to_thread(reactor, run, errand, &owned));
    deferred_release(defer(reactor, errand_new(NULL), &outcome));
    run_until_told(reactor, &outcome);
    check_value(&outcome);
    fflush(stream);
    CHECK(strstr(logged, "] Unhandled error in Deferred:\n"
                         "\tSomeError: Some error: detail.\n"));
    loop_turns(reactor, 1);
    end(reactor);
    fclose(stream);
    free(logged);
}

/* --- cancelled --- */

static void cancelled_before_it_begins(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct outcome first, second;

    CHECK(thread_pool_set_maximum(reactor_thread_pool(reactor), 1) == 0);
    struct deferred *one = defer(reactor, errand_new(&gate), &first);
    struct deferred *two = defer(reactor, errand_new(&gate), &second);
    loop_turns(reactor, 1);
    gate_until(&gate, 1);
    deferred_cancel(two);
    check_failure(&second, &CancelledError, 0);
    CHECK(freed_arguments == 1);
    deferred_release(two);
    gate_let(&gate, 2);
    deferred_release(one);
    run_until_told(reactor, &first);
    check_value(&first);
    CHECK(atomic_load(&gate.passed) == 1);
    end(reactor);
    CHECK(freed_arguments == 2 && freed_values == 0 && second.times == 1);
}

static void crash_when_all_is_freed(void *argument)
{
    static struct delayed_call again;

    if (freed_values > 0 && freed_arguments > 0)
        loop_crash(argument);
    else
        reactor_call_later(argument, &again, 0.001, crash_when_all_is_freed,
                           argument);
}

static void cancelled_while_it_runs(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct delayed_call check = { 0 };
    struct outcome outcome;
    struct deferred *deferred = defer(reactor, errand_new(&gate), &outcome);

    loop_turns(reactor, 1);
    gate_until(&gate, 1);
    deferred_cancel(deferred);
    check_failure(&outcome, &CancelledError, 0);
    CHECK(freed_arguments == 0); /* a thread looks at it */
    deferred_release(deferred);
    gate_let(&gate, 1);
    CHECK(reactor_call_later(reactor, &check, 0, crash_when_all_is_freed,
                             reactor) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(freed_arguments == 1 && freed_values == 1 && outcome.times == 1);
    end(reactor);
}

/* A failure has no value that could be freed. */
static void cancelled_and_fails(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct errand *errand = errand_new(&gate);
    struct outcome outcome;

    errand->fails = true;
    struct deferred *deferred = defer(reactor, errand, &outcome);
    loop_turns(reactor, 1);
    gate_until(&gate, 1);
    deferred_cancel(deferred);
    check_failure(&outcome, &CancelledError, 0);
    deferred_release(deferred);
    gate_let(&gate, 1);
    while (freed_arguments == 0)
        loop_turns(reactor, 1);
    CHECK(freed_values == 0 && outcome.times == 1);
    end(reactor);
}

/* It has run, and the loop does not know yet. */
static void cancelled_on_the_way_back(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct outcome outcome;
    struct deferred *deferred = defer(reactor, errand_new(&gate), &outcome);

    loop_turns(reactor, 1);
    gate_let(&gate, 1);
    while (atomic_load(&gate.passed) < 1)
        sleep_ms(1);
    sleep_ms(5);
    deferred_cancel(deferred);
    check_failure(&outcome, &CancelledError, 0);
    deferred_release(deferred);
    loop_turns(reactor, 3);
    end(reactor);
    CHECK(freed_arguments == 1 && freed_values == 1 && outcome.times == 1);
}

static void cancelled_afterwards(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct outcome outcome;
    struct deferred *deferred = defer(reactor, errand_new(NULL), &outcome);

    run_until_told(reactor, &outcome);
    deferred_cancel(deferred);
    deferred_release(deferred);
    check_value(&outcome);
    end(reactor);
    CHECK(freed_arguments == 1 && freed_values == 0);
}

/* A connection closes while its job runs. Its protocol is freed; the errand,
 * and the Deferred's callback, must not reach for it. */
static struct deferred *of_connection;
static struct outcome of_outcome;

static void defer_for(struct talker *self)
{
    of_connection = defer(self->talk->reactor, errand_new(&gate), &of_outcome);
}

static void cancel_for(struct talker *self)
{
    (void)self;
    deferred_cancel(of_connection);
    deferred_release(of_connection);
    check_failure(&of_outcome, &CancelledError, 0);
}

static void the_connection_closes(const char *poller)
{
    struct talk talk;

    loop_thread = pthread_self();
    gate_open(&gate);
    talk_listen(&talk, poller, &Talker);
    talk.on_data = defer_for;
    talk.on_lost = cancel_for;
    int fd = talk_peer(&talk);
    peer_send(fd, "x");
    TALK_UNTIL(&talk, of_connection != NULL);
    gate_until(&gate, 1);
    peer_reset(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    loop_turns(talk.reactor, 2);
    CHECK(freed_values == 0);
    gate_let(&gate, 1);
    TALK_UNTIL(&talk, freed_values == 1 && freed_arguments == 1);
    CHECK(of_outcome.times == 1);
    talk_free(&talk);
    gate_close(&gate);
}

/* --- the end, and limits --- */

static void let_one(void *argument)
{
    (void)argument;
    gate_let(&gate, 1);
}

static void stopped_with_jobs_in_the_queue(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct delayed_call stop = { 0 }, let = { 0 };
    struct outcome outcomes[3], late;

    CHECK(thread_pool_set_maximum(reactor_thread_pool(reactor), 1) == 0);
    for (int i = 0; i < 3; i++)
        deferred_release(defer(reactor, errand_new(&gate), &outcomes[i]));
    loop_turns(reactor, 1);
    gate_until(&gate, 1);
    CHECK(reactor_call_later(reactor, &stop, 0, loop_stop, reactor) == 0);
    CHECK(reactor_call_later(reactor, &let, 0.02, let_one, NULL) == 0);
    CHECK(reactor_run(reactor) == 0);
    check_value(&outcomes[0]);
    check_failure(&outcomes[1], &CancelledError, 0);
    check_failure(&outcomes[2], &CancelledError, 0);
    deferred_release(defer(reactor, errand_new(NULL), &late));
    check_failure(&late, &CancelledError, 0);
    CHECK(freed_arguments == 4);
    end(reactor);
}

/* Fired all the same, when nobody expects it any more. */
static void told_when_the_reactor_is_freed(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct outcome ran, waits;

    CHECK(thread_pool_set_maximum(reactor_thread_pool(reactor), 1) == 0);
    deferred_release(defer(reactor, errand_new(&gate), &ran));
    deferred_release(defer(reactor, errand_new(NULL), &waits));
    loop_turns(reactor, 1);
    gate_until(&gate, 1);
    gate_let(&gate, 1);
    end(reactor);
    check_value(&ran);
    if (waits.result.kind == RESULT_VALUE)
        check_value(&waits);
    else
        check_failure(&waits, &CancelledError, 0);
    CHECK(freed_arguments == 2);
}

static struct result note(void *text)
{
    unit_note(text);
    return result_value(NULL);
}

static void too_many(const char *poller)
{
    struct reactor *reactor = begin(poller);
    struct outcome outcome, *all = calloc(THREAD_POOL_QUEUE_MAX, sizeof(*all));

    CHECK(all != NULL);
    for (int i = 0; i < THREAD_POOL_QUEUE_MAX; i++)
        deferred_release(defer(reactor, errand_new(NULL), &all[i]));
    deferred_release(defer(reactor, errand_new(NULL), &outcome));
    check_failure(&outcome, &ThreadError, EAGAIN);
    CHECK(freed_arguments == 1);
    char text[FAILURE_TEXT_MAX];
    CHECK(!strcmp(failure_message(outcome.result.failure, text),
                  "It could not be given to another thread: 11: "
                  "Resource temporarily unavailable."));
    FILE *stream = keep_log(reactor);
    CHECK(call_in_thread(reactor, note, "x") == 0);
    fflush(stream);
    CHECK(strstr(logged, "\tThreadError: It could not be given to another "));
    end(reactor); /* it never ran */
    fclose(stream);
    free(logged);
    for (int i = 0; i < THREAD_POOL_QUEUE_MAX; i++)
        check_failure(&all[i], &CancelledError, 0);
    CHECK(freed_arguments == THREAD_POOL_QUEUE_MAX + 1);
    free(all);
}

static void no_memory(const char *poller)
{
    bool failed = true;

    loop_thread = pthread_self();
    for (int i = 0; failed; i++) {
        struct reactor *reactor = loop_new(poller);
        struct errand *errand = errand_new(NULL);
        struct outcome outcome = { 0 };
        freed_arguments = 0;
        unit_fail_allocation(i);
        struct deferred *deferred =
            defer_to_thread(reactor, run, errand, &owned);
        failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        CHECK((deferred == NULL) == failed);
        if (deferred) {
            deferred_add_both(deferred, keep, &outcome);
            deferred_release(deferred);
            run_until_told(reactor, &outcome);
            check_value(&outcome);
        }
        reactor_free(reactor);
        CHECK(freed_arguments == 1);
    }
    for (int i = 0; i < 3; i++) {
        struct reactor *reactor = loop_new(poller);
        unit_fail_allocation(i);
        errno = 0;
        CHECK(call_in_thread(reactor, note, "x") < 0 && errno == ENOMEM);
        unit_fail_allocation(-1);
        reactor_free(reactor);
    }
}

/* --- call_in_thread --- */

static atomic_int called;

/* One of them fails. */
static struct result count_call(void *argument)
{
    (void)argument;
    if (!pthread_equal(pthread_self(), loop_thread) &&
        atomic_fetch_add(&called, 1) == 50)
        return result_failure((struct failure){ &SomeError, 0, NULL });
    return result_value(NULL);
}

static void crash_when_all_are_called(void *argument)
{
    static struct delayed_call again;

    if (atomic_load(&called) == 100)
        loop_crash(argument);
    else
        reactor_call_later(argument, &again, 0.001, crash_when_all_are_called,
                           argument);
}

static void H3_call_in_threads(const char *poller)
{
    struct reactor *reactor = begin(poller);
    FILE *stream = keep_log(reactor);
    struct delayed_call check = { 0 }, stop = { 0 };

    for (int i = 0; i < 100; i++)
        CHECK(call_in_thread(reactor, count_call, NULL) == 0);
    CHECK(reactor_call_later(reactor, &check, 0, crash_when_all_are_called,
                             reactor) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(reactor_call_later(reactor, &stop, 0, loop_stop, reactor) == 0);
    CHECK(reactor_run(reactor) == 0);
    fflush(stream);
    CHECK(strstr(logged, "\tSomeError: Some error.\n"));
    CHECK(!strstr(logged, "\tCancelledError: "));
    CHECK(call_in_thread(reactor, count_call, NULL) == 0);
    fflush(stream);
    CHECK(strstr(logged, "\tCancelledError: Cancelled.\n"));
    end(reactor);
    fclose(stream);
    free(logged);
    CHECK(atomic_load(&called) == 100);
}

static const struct unit_case cases[] = {
    { "H1_value", H1_value },
    { "H1_failure", H1_failure },
    { "H1_no_deferred_from_a_thread", H1_no_deferred_from_a_thread },
    { "H3_logged_and_the_pool_goes_on", H3_logged_and_the_pool_goes_on },
    { "cancelled_before_it_begins", cancelled_before_it_begins },
    { "cancelled_while_it_runs", cancelled_while_it_runs },
    { "cancelled_and_fails", cancelled_and_fails },
    { "cancelled_on_the_way_back", cancelled_on_the_way_back },
    { "cancelled_afterwards", cancelled_afterwards },
    { "the_connection_closes", the_connection_closes },
    { "stopped_with_jobs_in_the_queue", stopped_with_jobs_in_the_queue },
    { "told_when_the_reactor_is_freed", told_when_the_reactor_is_freed },
    { "too_many", too_many },
    { "no_memory", no_memory },
    { "H3_call_in_threads", H3_call_in_threads },
    { 0 },
};

int main(int argc, char **argv)
{
    return threads_main(cases, argc, argv);
}
