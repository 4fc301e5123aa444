/* SPDX-License-Identifier: MIT
 *
 * blocking_call_from_thread: row H5, and that the end of the loop lets go all
 * who wait for it. CHECK is for the loop's thread alone.
 */
#include <signal.h>
#include <stdlib.h>

#include "probe.h"
#include "thread_tools.h"
#include "threads/threads.h"

static const struct failure_type SomeError = { "SomeError", "Some error",
                                               false };

/* What one thread asks the loop, and what it was told. */
struct question {
    struct reactor *reactor;
    struct result (*function)(void *argument);
    struct result answer;
    atomic_int asked, answered;
    pthread_t loop, by;        /* who should call the function; who did */
    struct deferred *deferred; /* that the function returned */
    struct delayed_call answer_later;
    struct reactor *crash; /* once it is answered */
    struct thread_call back;
    atomic_int called;
};

static struct result answer(void *argument)
{
    struct question *self = argument;

    self->called++;
    self->by = pthread_self();
    return result_value("answer");
}

static struct result refuse(void *argument)
{
    answer(argument);
    return result_error(&SomeError, 7);
}

static void fire_later(void *argument)
{
    struct question *self = argument;

    deferred_callback(self->deferred, "later");
}

static void fail_later(void *argument)
{
    struct question *self = argument;

    deferred_errback(self->deferred, (struct failure){ &SomeError, 8, NULL });
}

static struct result defer(struct question *self, void (*fire)(void *))
{
    answer(self);
    self->deferred = deferred_new(NULL, NULL);
    CHECK(self->deferred != NULL);
    if (fire)
        CHECK(reactor_call_later(self->reactor, &self->answer_later, 0.01, fire,
                                 self) == 0);
    return result_deferred(self->deferred);
}

static struct result defer_value(void *argument)
{
    return defer(argument, fire_later);
}

static struct result defer_failure(void *argument)
{
    return defer(argument, fail_later);
}

static struct result defer_for_ever(void *argument)
{
    return defer(argument, NULL);
}

static struct result defer_fired(void *argument)
{
    answer(argument);
    return result_deferred(deferred_succeed("at once"));
}

static void crash(void *argument)
{
    loop_crash(((struct question *)argument)->crash);
}

/* In a thread. */
static void ask(void *argument)
{
    struct question *self = argument;

    atomic_store(&self->asked, 1);
    self->answer =
        blocking_call_from_thread(self->reactor, self->function, self);
    atomic_store(&self->answered, 1);
    if (self->crash)
        reactor_call_from_thread(self->crash, &self->back, crash, self);
}

static void *ask_too(void *argument)
{
    ask(argument);
    return NULL;
}

static struct question question_of(struct reactor *reactor,
                                   struct result (*function)(void *argument))
{
    return (struct question){ .reactor = reactor,
                              .function = function,
                              .loop = pthread_self() };
}

/* Has it asked by a thread of the pool, and answered. */
static struct result ask_once(const char *poller,
                              struct result (*function)(void *argument))
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, function);

    question.crash = reactor;
    CHECK(call_in_thread(reactor, ask, &question) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(question.called == 1);
    CHECK(pthread_equal(question.by, question.loop));
    reactor_free(reactor);
    return question.answer;
}

static void check_text(struct result result, const char *text)
{
    CHECK(result.kind == RESULT_VALUE);
    unit_note(result.value);
    CHECK(unit_noted(text));
}

static void check_failure(struct result result, const struct failure_type *type,
                          int number)
{
    CHECK(result.kind == RESULT_FAILURE);
    CHECK(failure_check(result.failure, type));
    CHECK(result.failure.number == number);
}

static void H5_value(const char *poller)
{
    check_text(ask_once(poller, answer), "answer");
}

static void H5_failure(const char *poller)
{
    check_failure(ask_once(poller, refuse), &SomeError, 7);
}

static void H5_the_deferreds_value(const char *poller)
{
    check_text(ask_once(poller, defer_value), "later");
    check_text(ask_once(poller, defer_fired), "at once");
}

static void H5_the_deferreds_failure(const char *poller)
{
    check_failure(ask_once(poller, defer_failure), &SomeError, 8);
}

/* A signal while it waits is no answer. */
static void count_signal(int signal)
{
    (void)signal;
}

static void H5_interrupted(const char *poller)
{
    const struct sigaction heard = { .sa_handler = count_signal };
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, defer_for_ever);
    pthread_t thread;

    CHECK(reactor_thread_pool(reactor) && !sigaction(SIGUSR1, &heard, NULL));
    CHECK(pthread_create(&thread, NULL, ask_too, &question) == 0);
    while (!question.deferred)
        loop_turns(reactor, 1);
    for (int i = 0; i < 20; i++) { /* it may be on its way to wait */
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        loop_run_for(reactor, 0.001);
    }
    CHECK(atomic_load(&question.answered) == 0);
    deferred_callback(question.deferred, "at last");
    CHECK(pthread_join(thread, NULL) == 0);
    check_text(question.answer, "at last");
    reactor_free(reactor);
}

/* --- who must not ask --- */

static void not_from_the_loop(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, answer);

    check_failure(blocking_call_from_thread(reactor, answer, &question),
                  &ThreadError, EINVAL);
    CHECK(reactor_thread_pool(reactor));
    check_failure(blocking_call_from_thread(reactor, answer, &question),
                  &ThreadError, EDEADLK);
    loop_turns(reactor, 1);
    check_failure(blocking_call_from_thread(reactor, answer, &question),
                  &ThreadError, EDEADLK);
    CHECK(question.called == 0);
    reactor_free(reactor);
}

/* A loop whose thread is not the one that has made it. */
static struct result not_so(void *argument)
{
    ask(argument); /* in the loop: EDEADLK */
    return result_value(NULL);
}

static void *run_loop(void *reactor)
{
    reactor_run(reactor);
    return NULL;
}

static void run_by_another_thread(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question inner = question_of(reactor, answer);
    pthread_t thread;

    CHECK(reactor_thread_pool(reactor));
    struct trigger startup = { 0 };
    struct gate gate;
    gate_open(&gate);
    CHECK(reactor_call_when_running(
              reactor, &startup, (void (*)(void *))sem_post, &gate.sem) == 0);
    CHECK(pthread_create(&thread, NULL, run_loop, reactor) == 0);
    CHECK(sem_wait(&gate.sem) == 0);
    struct result result = blocking_call_from_thread(reactor, not_so, &inner);
    CHECK(result.kind == RESULT_VALUE);
    check_failure(inner.answer, &ThreadError, EDEADLK);
    struct thread_call stop;
    reactor_call_from_thread(reactor, &stop, loop_crash, reactor);
    pthread_join(thread, NULL);
    reactor_free(reactor);
    gate_close(&gate);
}

static void no_memory(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, answer);

    CHECK(reactor_thread_pool(reactor));
    unit_fail_allocation(0);
    check_failure(blocking_call_from_thread(reactor, answer, &question),
                  &MemoryError, 0);
    unit_fail_allocation(-1);
    reactor_free(reactor);
}

/* --- many --- */

enum { ASKERS = 10, TIMES = 300 };

struct asker {
    struct reactor *reactor;
    int *left; /* the loop's */
    int asked, wrong;
    bool told; /* by a call before */
    struct thread_call call, back;
};

static struct result count(void *argument)
{
    struct asker *self = argument;

    CHECK(self->told); /* calls do not overtake one another */
    self->told = false;
    self->asked++;
    return result_value(&self->asked);
}

static void tell(void *argument)
{
    ((struct asker *)argument)->told = true;
}

static void one_less(void *argument)
{
    struct asker *self = argument;

    if (--*self->left == 0)
        loop_crash(self->reactor);
}

static void ask_often(void *argument)
{
    struct asker *self = argument;

    for (int i = 1; i <= TIMES; i++) {
        reactor_call_from_thread(self->reactor, &self->call, tell, self);
        struct result result =
            blocking_call_from_thread(self->reactor, count, self);
        self->wrong += result.value != &self->asked || self->asked != i;
    }
    reactor_call_from_thread(self->reactor, &self->back, one_less, self);
}

static void many(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct asker askers[ASKERS] = { 0 };
    int left = ASKERS;

    for (int i = 0; i < ASKERS; i++) {
        askers[i].reactor = reactor;
        askers[i].left = &left;
        CHECK(call_in_thread(reactor, ask_often, &askers[i]) == 0);
    }
    CHECK(reactor_run(reactor) == 0);
    for (int i = 0; i < ASKERS; i++)
        CHECK(askers[i].asked == TIMES && askers[i].wrong == 0);
    reactor_free(reactor);
}

/* --- the end --- */

/* A thread of the program, beside the pool. */
static pthread_t beside(struct question *question)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, ask_too, question) == 0);
    while (!atomic_load(&question->asked))
        sleep_ms(1);
    sleep_ms(10); /* most likely it waits by now */
    CHECK(!atomic_load(&question->answered));
    return thread;
}

static void stop_when_called(void *argument)
{
    static struct delayed_call again;
    struct question *self = argument;

    if (self->called)
        loop_stop(self->reactor);
    else
        reactor_call_later(self->reactor, &again, 0.001, stop_when_called,
                           self);
}

/* The end waits for the job, the job for the Deferred: cancelled. */
static void stopped_while_it_waits(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, defer_for_ever);
    struct delayed_call stop = { 0 };

    CHECK(call_in_thread(reactor, ask, &question) == 0);
    CHECK(reactor_call_later(reactor, &stop, 0, stop_when_called, &question) ==
          0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(atomic_load(&question.answered));
    check_failure(question.answer, &CancelledError, 0);
    deferred_callback(question.deferred, NULL); /* in vain, but owed */
    reactor_free(reactor);
}

/* A Deferred that is asked for when the loop ends already, and a plain value,
 * which there is time for. */
static void ask_late(void *argument)
{
    struct question *questions = argument;

    atomic_store(&questions[2].asked, 1);
    while (!atomic_load(&questions[2].called))
        sleep_ms(1);
    ask(&questions[0]);
    ask(&questions[1]);
}

static void note_stop(void *argument)
{
    struct question *questions = argument;

    questions[2].called = 1;
}

/* Once the job has begun, or it would be dropped. */
static void stop_when_begun(void *argument)
{
    struct question *questions = argument;

    if (atomic_load(&questions[2].asked))
        reactor_stop(questions[2].reactor);
    else
        CHECK(reactor_call_later(questions[2].reactor,
                                 &questions[2].answer_later, 0.001,
                                 stop_when_begun, questions) == 0);
}

static void asked_while_the_loop_ends(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question questions[3] = { question_of(reactor, defer_for_ever),
                                     question_of(reactor, answer),
                                     question_of(reactor, answer) };
    struct trigger stopping = { 0 }, running = { 0 };

    CHECK(call_in_thread(reactor, ask_late, questions) == 0);
    CHECK(reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN,
                              &stopping, note_stop, questions) == 0);
    CHECK(reactor_call_when_running(reactor, &running, stop_when_begun,
                                    questions) == 0);
    CHECK(reactor_run(reactor) == 0);
    check_failure(questions[0].answer, &CancelledError, 0);
    check_text(questions[1].answer, "answer");
    deferred_callback(questions[0].deferred, NULL);
    reactor_free(reactor);
}

/* After the loop; nobody will ever call. */
static void asked_after_the_end(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, answer);
    struct delayed_call stop = { 0 };
    pthread_t thread;

    CHECK(reactor_thread_pool(reactor));
    CHECK(reactor_call_later(reactor, &stop, 0, loop_stop, reactor) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(pthread_create(&thread, NULL, ask_too, &question) == 0);
    pthread_join(thread, NULL);
    check_failure(question.answer, &CancelledError, 0);
    CHECK(question.called == 0);
    reactor_free(reactor);
}

/* The question stands in the queue when the loop ends. */
static pthread_t last_thread;

static void ask_last(void *argument)
{
    last_thread = beside(argument);
}

static void asked_in_the_last_turn(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, answer);
    struct delayed_call stop = { 0 };
    struct trigger ending = { 0 };
    struct thread_call after;

    CHECK(reactor_add_trigger(reactor, TRIGGER_DURING, REACTOR_SHUTDOWN,
                              &ending, ask_last, &question) == 0);
    CHECK(reactor_thread_pool(reactor));
    CHECK(reactor_call_later(reactor, &stop, 0, loop_stop, reactor) == 0);
    CHECK(reactor_run(reactor) == 0);
    pthread_join(last_thread, NULL);
    check_failure(question.answer, &CancelledError, 0);
    CHECK(question.called == 0);
    /* The queue is sound still: what it has was not freed. */
    reactor_call_from_thread(reactor, &after, unit_note, "x");
    reactor_free(reactor);
}

static void the_loop_never_runs(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, answer);

    CHECK(reactor_thread_pool(reactor));
    pthread_t thread = beside(&question);
    reactor_free(reactor);
    pthread_join(thread, NULL);
    check_failure(question.answer, &CancelledError, 0);
    CHECK(question.called == 0);
}

static void it_waits_for_the_loop_to_run(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, answer);

    CHECK(reactor_thread_pool(reactor));
    question.crash = reactor;
    pthread_t thread = beside(&question);
    CHECK(reactor_run(reactor) == 0);
    pthread_join(thread, NULL);
    check_text(question.answer, "answer");
    reactor_free(reactor);
}

/* reactor_free waits for a job that waits for the loop. */
static void the_loop_has_crashed(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, defer_for_ever);
    struct question another = question_of(reactor, answer);

    CHECK(call_in_thread(reactor, ask, &question) == 0);
    while (!question.called)
        loop_turns(reactor, 1);
    CHECK(call_in_thread(reactor, ask, &another) == 0);
    while (!atomic_load(&another.asked))
        sleep_ms(1);
    reactor_free(reactor);
    check_failure(question.answer, &CancelledError, 0);
    check_failure(another.answer, &CancelledError, 0);
    CHECK(another.called == 0);
    deferred_callback(question.deferred, NULL);
}

/* A Deferred that does not care that it was cancelled. */
static struct result defer_paused(void *argument)
{
    struct question *self = argument;
    struct result result = defer(self, NULL);

    deferred_pause(self->deferred);
    return result;
}

static void told_late(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct question question = question_of(reactor, defer_paused);

    CHECK(call_in_thread(reactor, ask, &question) == 0);
    while (!question.called)
        loop_turns(reactor, 1);
    reactor_free(reactor);
    check_failure(question.answer, &CancelledError, 0);
    deferred_callback(question.deferred, NULL);
    deferred_unpause(question.deferred);
}

static const struct unit_case cases[] = {
    { "H5_value", H5_value },
    { "H5_failure", H5_failure },
    { "H5_the_deferreds_value", H5_the_deferreds_value },
    { "H5_interrupted", H5_interrupted },
    { "H5_the_deferreds_failure", H5_the_deferreds_failure },
    { "not_from_the_loop", not_from_the_loop },
    { "run_by_another_thread", run_by_another_thread },
    { "no_memory", no_memory },
    { "many", many },
    { "stopped_while_it_waits", stopped_while_it_waits },
    { "asked_while_the_loop_ends", asked_while_the_loop_ends },
    { "asked_after_the_end", asked_after_the_end },
    { "asked_in_the_last_turn", asked_in_the_last_turn },
    { "the_loop_never_runs", the_loop_never_runs },
    { "it_waits_for_the_loop_to_run", it_waits_for_the_loop_to_run },
    { "the_loop_has_crashed", the_loop_has_crashed },
    { "told_late", told_late },
    { 0 },
};

int main(int argc, char **argv)
{
    return threads_main(cases, argc, argv);
}
