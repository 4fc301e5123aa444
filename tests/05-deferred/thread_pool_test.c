/* SPDX-License-Identifier: MIT
 *
 * The thread pool: rows H2 and H4. CHECK is for the loop's thread alone.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"
#include "thread_tools.h"
#include "threads/thread_pool.h"

enum { DONE_MAX = 2000 };

/* A loop with jobs that wait at a gate, or do not. */
struct yard {
    struct reactor *reactor;
    struct thread_pool *pool;
    struct gate gate;
    int done, ran, dropped; /* calls of done, by their error */
    int other;              /* and with neither 0 nor ECANCELED */
    int stop_at;            /* jobs done; 0: never */
    int before;             /* threads, at first */
};

struct yard_job {
    struct thread_job base;
    struct yard *yard;
    int times; /* that it has run */
    int done;
    bool passes; /* without waiting */
    void (*on_done)(struct yard_job *self);
};

static void run(struct thread_job *base)
{
    struct yard_job *self = (struct yard_job *)base;

    self->times++;
    if (!self->passes)
        gate_wait(&self->yard->gate);
}

static void done(struct thread_job *base, int error)
{
    struct yard_job *self = (struct yard_job *)base;
    struct yard *yard = self->yard;

    CHECK(++self->done == 1);
    CHECK(self->times == (error == 0));
    yard->done++;
    yard->ran += error == 0;
    yard->dropped += error == ECANCELED;
    yard->other += error && error != ECANCELED;
    if (self->on_done)
        self->on_done(self);
    if (yard->done == yard->stop_at)
        loop_crash(yard->reactor);
}

static void yard_open(struct yard *yard, const char *poller)
{
    *yard = (struct yard){ .reactor = loop_new(poller) };
    gate_open(&yard->gate);
    yard->before = threads_at_first();
    yard->pool = reactor_thread_pool(yard->reactor);
    CHECK(yard->pool && reactor_thread_pool(yard->reactor) == yard->pool);
}

static void yard_close(struct yard *yard)
{
    reactor_free(yard->reactor);
    CHECK(threads_become(yard->before));
    gate_close(&yard->gate);
}

static int add(struct yard *yard, struct yard_job *job)
{
    job->yard = yard;
    job->base.run = run;
    job->base.done = done;
    job->times = job->done = 0;
    return thread_pool_add(yard->pool, &job->base);
}

static struct yard_job *add_all(struct yard *yard, int count)
{
    struct yard_job *jobs = calloc((size_t)count, sizeof(*jobs));

    CHECK(jobs != NULL);
    for (int i = 0; i < count; i++)
        CHECK(add(yard, &jobs[i]) == 0);
    return jobs;
}

/* Runs the loop until so many jobs are done in all. */
static void until_done(struct yard *yard, int count)
{
    yard->stop_at = count;
    if (yard->done < count)
        CHECK(reactor_run(yard->reactor) == 0);
    yard->stop_at = 0;
    CHECK(yard->done == count);
}

/* --- H2 --- */

static void H2_no_job_no_thread(const char *poller)
{
    struct yard yard;

    yard_open(&yard, poller);
    loop_turns(yard.reactor, 3);
    CHECK(threads_now() == yard.before);
    struct yard_job *job = add_all(&yard, 1);
    gate_until(&yard.gate, 1);
    CHECK(threads_now() == yard.before + 1);
    gate_let(&yard.gate, 1);
    until_done(&yard, 1);
    yard_close(&yard);
    free(job);
}

static void H2_starts_with_the_loop(const char *poller)
{
    struct yard yard;

    yard_open(&yard, poller);
    struct yard_job *jobs = add_all(&yard, 3);
    CHECK(threads_now() == yard.before);
    loop_turns(yard.reactor, 1);
    gate_until(&yard.gate, 3);
    CHECK(threads_now() == yard.before + 3);
    gate_let(&yard.gate, 3);
    until_done(&yard, 3);
    yard_close(&yard);
    free(jobs);
}

static void sleep_a_while(struct thread_job *base)
{
    ((struct yard_job *)base)->times++;
    sleep_ms(200);
}

static void H2_twelve_in_two_rounds(const char *poller)
{
    struct yard_job jobs[12] = { 0 };
    struct yard yard;

    yard_open(&yard, poller);
    loop_turns(yard.reactor, 1);
    double start = reactor_seconds();
    for (int i = 0; i < 12; i++) {
        CHECK(add(&yard, &jobs[i]) == 0);
        /* It has not begun if it is one of the last two. */
        if (i >= THREAD_POOL_MAXIMUM)
            jobs[i].base.run = sleep_a_while;
    }
    gate_until(&yard.gate, THREAD_POOL_MAXIMUM);
    sleep_ms(200);
    gate_let(&yard.gate, THREAD_POOL_MAXIMUM);
    until_done(&yard, 12);
    double took = reactor_seconds() - start;
    CHECK(took >= 0.4 && took < 1.2);
    CHECK(atomic_load(&yard.gate.most) == THREAD_POOL_MAXIMUM);
    CHECK(threads_now() == yard.before + THREAD_POOL_MAXIMUM);
    yard_close(&yard);
}

static void add_next(struct yard_job *self)
{
    if (self->yard->done < 50)
        CHECK(add(self->yard, self) == 0);
}

/* One after the other needs one thread. */
static void H2_grows_on_demand_only(const char *poller)
{
    struct yard_job job = { .passes = true, .on_done = add_next };
    struct yard yard;

    yard_open(&yard, poller);
    CHECK(add(&yard, &job) == 0);
    until_done(&yard, 50);
    CHECK(threads_now() == yard.before + 1);
    yard_close(&yard);
}

static void H2_most_can_be_changed(const char *poller)
{
    struct yard yard;

    yard_open(&yard, poller);
    errno = 0;
    CHECK(thread_pool_set_maximum(yard.pool, 0) < 0 && errno == EINVAL);
    CHECK(thread_pool_set_maximum(yard.pool, THREAD_POOL_LIMIT + 1) < 0);
    CHECK(thread_pool_set_maximum(yard.pool, 2) == 0);
    loop_turns(yard.reactor, 1);
    struct yard_job *jobs = add_all(&yard, 20);
    gate_until(&yard.gate, 2);
    sleep_ms(20);
    CHECK(atomic_load(&yard.gate.most) == 2);
    CHECK(threads_now() == yard.before + 2);
    CHECK(thread_pool_set_maximum(yard.pool, 5) == 0);
    gate_until(&yard.gate, 5);
    CHECK(threads_now() == yard.before + 5);
    /* Less again: as the five get through, only one more begins at a time. */
    CHECK(thread_pool_set_maximum(yard.pool, 1) == 0);
    gate_let(&yard.gate, 4);
    until_done(&yard, 4);
    sleep_ms(20);
    CHECK(atomic_load(&yard.gate.inside) == 1);
    atomic_store(&yard.gate.most, 0);
    gate_let(&yard.gate, 16);
    until_done(&yard, 20);
    CHECK(atomic_load(&yard.gate.most) <= 1);
    yard_close(&yard);
    free(jobs);
}

static void H2_each_reactor_its_own(const char *poller)
{
    struct yard one, other;

    yard_open(&one, poller);
    yard_open(&other, poller);
    CHECK(one.pool != other.pool);
    struct yard_job *jobs = add_all(&one, 2), *others = add_all(&other, 2);
    gate_let(&one.gate, 2);
    gate_let(&other.gate, 2);
    until_done(&one, 2);
    until_done(&other, 2);
    other.before = threads_now() - 2; /* those of `one` are there */
    yard_close(&other);
    yard_close(&one);
    free(jobs);
    free(others);
}

/* --- the queue --- */

static void queue_limit(const char *poller)
{
    enum { ALL = THREAD_POOL_MAXIMUM + THREAD_POOL_QUEUE_MAX };
    struct yard_job more = { .passes = true };
    struct yard yard;

    yard_open(&yard, poller);
    loop_turns(yard.reactor, 1);
    struct yard_job *running = add_all(&yard, THREAD_POOL_MAXIMUM);
    gate_until(&yard.gate, THREAD_POOL_MAXIMUM);
    struct yard_job *jobs = add_all(&yard, THREAD_POOL_QUEUE_MAX - 1);
    struct yard_job *last = add_all(&yard, 1);
    errno = 0;
    CHECK(add(&yard, &more) < 0 && errno == EAGAIN);
    CHECK(thread_pool_remove(yard.pool, &last->base) == 0);
    CHECK(add(&yard, &more) == 0);
    gate_let(&yard.gate, ALL - 1);
    until_done(&yard, ALL);
    CHECK(yard.ran == ALL && last->done == 0);
    CHECK(threads_now() == yard.before + THREAD_POOL_MAXIMUM);
    yard_close(&yard);
    free(running);
    free(jobs);
    free(last);
}

static int lives_left;

static void once_more(struct yard_job *self)
{
    if (lives_left > 0) {
        lives_left--;
        CHECK(add(self->yard, self) == 0);
    }
}

static void ten_thousand(const char *poller)
{
    enum { AT_A_TIME = 500, ALL = 10000 };
    struct yard_job *jobs = calloc(AT_A_TIME, sizeof(*jobs));
    struct yard yard;

    CHECK(jobs != NULL);
    yard_open(&yard, poller);
    lives_left = ALL - AT_A_TIME;
    for (int i = 0; i < AT_A_TIME; i++) {
        jobs[i].passes = true;
        jobs[i].on_done = once_more;
        CHECK(add(&yard, &jobs[i]) == 0);
    }
    until_done(&yard, ALL);
    loop_turns(yard.reactor, 5);
    CHECK(yard.done == ALL && yard.ran == ALL && lives_left == 0);
    yard_close(&yard);
    free(jobs);
}

static void removed(const char *poller)
{
    struct yard_job jobs[3] = { 0 };
    struct yard yard;

    yard_open(&yard, poller);
    CHECK(thread_pool_set_maximum(yard.pool, 1) == 0);
    loop_turns(yard.reactor, 1);
    for (int i = 0; i < 3; i++)
        CHECK(add(&yard, &jobs[i]) == 0);
    gate_until(&yard.gate, 1);
    errno = 0;
    CHECK(thread_pool_remove(yard.pool, &jobs[0].base) < 0 && errno == EBUSY);
    CHECK(thread_pool_remove(yard.pool, &jobs[2].base) == 0);
    gate_let(&yard.gate, 3);
    until_done(&yard, 2);
    CHECK(jobs[2].times == 0 && jobs[2].done == 0);
    yard_close(&yard);
}

/* Jobs that wait for somebody far away leave room for others. */
static void slow_jobs_have_half_of_it(const char *poller)
{
    struct yard_job slow[20] = { 0 }, quick[8] = { 0 };
    struct yard yard;

    yard_open(&yard, poller);
    loop_turns(yard.reactor, 1);
    for (int i = 0; i < 20; i++) {
        slow[i].base.slow = true;
        CHECK(add(&yard, &slow[i]) == 0);
    }
    gate_until(&yard.gate, THREAD_POOL_MAXIMUM / 2);
    for (int i = 0; i < 8; i++) {
        quick[i].passes = true;
        CHECK(add(&yard, &quick[i]) == 0);
    }
    until_done(&yard, 8);
    CHECK(quick[7].done == 1);
    CHECK(atomic_load(&yard.gate.most) == THREAD_POOL_MAXIMUM / 2);
    gate_let(&yard.gate, 20);
    until_done(&yard, 28);
    CHECK(atomic_load(&yard.gate.most) == THREAD_POOL_MAXIMUM / 2);
    yard_close(&yard);
}

/* --- the way back --- */

struct reporter {
    struct yard_job base;
    struct thread_call call;
};

static void note_report(void *argument)
{
    struct reporter *self = argument;

    CHECK(self->base.done == 0);
    unit_note("r");
}

static void report(struct thread_job *base)
{
    struct reporter *self = (struct reporter *)base;

    self->base.times++;
    reactor_call_from_thread(self->base.yard->reactor, &self->call, note_report,
                             self);
}

/* What a job has told the loop comes before its end, or it would be told of
 * memory that is free by then. */
static void reports_come_before_the_end(const char *poller)
{
    enum { REPORTERS = 200 };
    struct reporter *all = calloc(REPORTERS, sizeof(*all));
    char expected[REPORTERS + 1] = "";
    struct yard yard;

    CHECK(all != NULL);
    yard_open(&yard, poller);
    for (int i = 0; i < REPORTERS; i++) {
        CHECK(add(&yard, &all[i].base) == 0);
        all[i].base.base.run = report;
        expected[i] = 'r';
    }
    until_done(&yard, REPORTERS);
    CHECK(unit_noted(expected));
    yard_close(&yard);
    free(all);
}

/* Jobs that follow one another for ever do not hold the loop. */
static void add_again(struct yard_job *self)
{
    if (!self->yard->stop_at)
        add(self->yard, self);
}

static void a_flood_does_not_hold_the_loop(const char *poller)
{
    struct yard_job jobs[50] = { 0 };
    struct probe probe;
    struct yard yard;

    yard_open(&yard, poller);
    probe_open(&probe, yard.reactor, 'a');
    probe_add_reader(&probe);
    for (int i = 0; i < 50; i++) {
        jobs[i].passes = true;
        jobs[i].on_done = add_again;
        CHECK(add(&yard, &jobs[i]) == 0);
    }
    for (int i = 1; i <= 5; i++) {
        probe_poke(&probe);
        loop_turns(yard.reactor, 20);
        CHECK(probe.reads == i);
    }
    while (yard.done <= 50)
        loop_turns(yard.reactor, 1);
    probe_hang_up(&probe);
    yard.stop_at = -1;
    reactor_free(yard.reactor);
    CHECK(threads_become(yard.before));
    gate_close(&yard.gate);
}

/* --- H4 --- */

static void let_one(void *argument)
{
    struct yard *yard = argument;
    struct yard_job late = { .passes = true };

    CHECK(yard->dropped == 5 && yard->ran == 0);
    CHECK(reactor_running(yard->reactor));
    errno = 0;
    CHECK(add(yard, &late) < 0 && errno == ECANCELED);
    gate_let(&yard->gate, 1);
}

static void H4_the_end_waits_for_what_runs(const char *poller)
{
    struct delayed_call stop = { 0 }, let = { 0 };
    struct yard_job late = { .passes = true };
    struct yard yard;

    yard_open(&yard, poller);
    CHECK(thread_pool_set_maximum(yard.pool, 1) == 0);
    loop_turns(yard.reactor, 1);
    struct yard_job *jobs = add_all(&yard, 6);
    gate_until(&yard.gate, 1);
    CHECK(reactor_call_later(yard.reactor, &stop, 0, loop_stop, yard.reactor) ==
          0);
    CHECK(reactor_call_later(yard.reactor, &let, 0.05, let_one, &yard) == 0);
    CHECK(reactor_run(yard.reactor) == 0);
    CHECK(yard.ran == 1 && yard.dropped == 5);
    CHECK(threads_become(yard.before)); /* before the reactor is freed */
    errno = 0;
    CHECK(add(&yard, &late) < 0 && errno == ECANCELED);
    yard_close(&yard);
    CHECK(yard.done == 6);
    free(jobs);
}

static void stop_the_loop(struct yard_job *self)
{
    if (self->yard->done == 3)
        loop_stop(self->yard->reactor);
}

static void stop_and_let(void *argument)
{
    struct yard *yard = argument;

    loop_stop(yard->reactor);
    gate_let(&yard->gate, THREAD_POOL_MAXIMUM);
}

/* Stopped when three of a hundred were done: each is done once. */
static void H4_a_hundred_jobs_and_the_end(const char *poller)
{
    struct yard yard;

    yard_open(&yard, poller);
    struct yard_job *jobs = add_all(&yard, 100);
    for (int i = 0; i < 100; i++)
        jobs[i].on_done = stop_the_loop;
    gate_let(&yard.gate, 100);
    CHECK(reactor_run(yard.reactor) == 0);
    CHECK(yard.done == 100 && yard.ran >= 3);
    CHECK(yard.ran + yard.dropped == 100);
    yard_close(&yard);
    free(jobs);
}

/* All ten end at the same time, while the loop waits for them. */
static void H4_all_that_run_come_back(const char *poller)
{
    struct delayed_call stop = { 0 };
    struct yard yard;

    yard_open(&yard, poller);
    loop_turns(yard.reactor, 1);
    struct yard_job *jobs = add_all(&yard, THREAD_POOL_MAXIMUM);
    gate_until(&yard.gate, THREAD_POOL_MAXIMUM);
    CHECK(reactor_call_later(yard.reactor, &stop, 0, stop_and_let, &yard) == 0);
    CHECK(reactor_run(yard.reactor) == 0);
    CHECK(yard.ran == THREAD_POOL_MAXIMUM);
    yard_close(&yard);
    free(jobs);
}

static void H4_no_call_after_the_end(const char *poller)
{
    struct thread_call call;
    struct delayed_call stop = { 0 };
    struct yard yard;

    yard_open(&yard, poller);
    CHECK(reactor_call_later(yard.reactor, &stop, 0, loop_stop, yard.reactor) ==
          0);
    CHECK(reactor_run(yard.reactor) == 0);
    reactor_call_from_thread(yard.reactor, &call, unit_note, "called");
    yard_close(&yard);
    CHECK(unit_noted(""));
}

static void the_loop_never_ran(const char *poller)
{
    struct yard yard;

    yard_open(&yard, poller);
    struct yard_job *jobs = add_all(&yard, 30);
    yard_close(&yard);
    CHECK(yard.dropped == 30 && yard.done == 30);
    free(jobs);
}

static void the_loop_has_crashed(const char *poller)
{
    struct yard yard;

    yard_open(&yard, poller);
    loop_turns(yard.reactor, 1);
    struct yard_job *jobs = add_all(&yard, 30);
    gate_until(&yard.gate, THREAD_POOL_MAXIMUM);
    gate_let(&yard.gate, 30);
    while (atomic_load(&yard.gate.passed) < THREAD_POOL_MAXIMUM)
        sleep_ms(1);
    CHECK(yard.done == 0);
    yard_close(&yard);
    CHECK(yard.ran >= THREAD_POOL_MAXIMUM && yard.done == 30);
    free(jobs);
}

static void crashed_and_run_again(const char *poller)
{
    struct yard yard;

    yard_open(&yard, poller);
    loop_turns(yard.reactor, 1);
    struct yard_job *jobs = add_all(&yard, 3);
    gate_let(&yard.gate, 3);
    while (atomic_load(&yard.gate.passed) < 3)
        sleep_ms(1);
    until_done(&yard, 3);
    yard_close(&yard);
    free(jobs);
}

static struct yard *lost_yard;

static void add_when_lost(struct probe *probe)
{
    struct yard_job late = { .passes = true };

    CHECK(reactor_thread_pool(probe->reactor) == lost_yard->pool);
    errno = 0;
    CHECK(add(lost_yard, &late) < 0 && errno == ECANCELED);
    unit_note("lost");
}

/* A connection that wants a job in its last words, while all is freed. */
static void asked_when_all_is_freed(const char *poller)
{
    struct probe probe;
    struct yard yard;

    yard_open(&yard, poller);
    probe_open(&probe, yard.reactor, 'a');
    probe_add_reader(&probe);
    probe.on_lost = add_when_lost;
    lost_yard = &yard;
    loop_turns(yard.reactor, 1);
    yard_close(&yard);
    CHECK(unit_noted("lost"));
    probe_check_lost(&probe, REASON_LOST);
}

/* Somebody else holds the shutdown, and asks for the pool that late. */
static struct yard held;
static struct yard_job held_job;

static void late_pool(void *argument)
{
    (void)argument;
    held.pool = reactor_thread_pool(held.reactor);
    CHECK(held.pool && add(&held, &held_job) == 0);
    gate_until(&held.gate, 1);
    gate_let(&held.gate, 1);
    reactor_release_shutdown(held.reactor);
}

static void hold(void *argument)
{
    (void)argument;
    reactor_hold_shutdown(held.reactor);
}

static void made_while_the_loop_ends(const char *poller)
{
    struct delayed_call stop = { 0 }, late = { 0 };
    struct trigger trigger = { 0 };

    held = (struct yard){ .reactor = loop_new(poller),
                          .before = threads_at_first() };
    gate_open(&held.gate);
    CHECK(reactor_add_trigger(held.reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN,
                              &trigger, hold, NULL) == 0);
    CHECK(reactor_call_later(held.reactor, &stop, 0, loop_stop, held.reactor) ==
          0);
    CHECK(reactor_call_later(held.reactor, &late, 0.02, late_pool, NULL) == 0);
    CHECK(reactor_run(held.reactor) == 0);
    CHECK(threads_become(held.before));
    yard_close(&held);
    CHECK(held.ran == 1);
}

/* --- signals --- */

static sigset_t seen[THREAD_POOL_MAXIMUM];
static atomic_int seers;

static void look_at_mask(struct thread_job *base)
{
    pthread_sigmask(SIG_SETMASK, NULL, &seen[atomic_fetch_add(&seers, 1)]);
    run(base);
}

static pthread_t handled_by;

static void note_thread(int signal)
{
    (void)signal;
    handled_by = pthread_self();
}

static void kill_us(void *argument)
{
    struct yard *yard = argument;

    gate_until(&yard->gate, THREAD_POOL_MAXIMUM);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(pthread_equal(handled_by, pthread_self()));
    CHECK(kill(getpid(), SIGTERM) == 0);
    gate_let(&yard->gate, THREAD_POOL_MAXIMUM);
}

static void signals_are_for_the_loop(const char *poller)
{
    const struct sigaction noting = { .sa_handler = note_thread };
    struct yard_job jobs[THREAD_POOL_MAXIMUM] = { 0 };
    struct delayed_call call = { 0 };
    sigset_t before, after;
    struct yard yard;

    CHECK(sigaction(SIGUSR1, &noting, NULL) == 0);
    yard_open(&yard, poller);
    loop_turns(yard.reactor, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    for (int i = 0; i < THREAD_POOL_MAXIMUM; i++) {
        jobs[i].yard = &yard;
        jobs[i].base.run = look_at_mask;
        jobs[i].base.done = done;
        CHECK(thread_pool_add(yard.pool, &jobs[i].base) == 0);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    CHECK(!sigismember(&before, SIGTERM) && !sigismember(&after, SIGTERM));
    CHECK(reactor_call_later(yard.reactor, &call, 0, kill_us, &yard) == 0);
    CHECK(reactor_run(yard.reactor) == 0);
    CHECK(reactor_stop_signal(yard.reactor) == SIGTERM);
    CHECK(yard.ran == THREAD_POOL_MAXIMUM);
    for (int i = 0; i < THREAD_POOL_MAXIMUM; i++)
        for (int signal = 1; signal < 32; signal++)
            if (signal != SIGKILL && signal != SIGSTOP)
                CHECK(sigismember(&seen[i], signal) == 1);
    yard_close(&yard);
}

/* --- threads that cannot be made --- */

static int creations_left = -1; /* -1: any number */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument)
{
    if (creations_left == 0)
        return EAGAIN;
    if (creations_left > 0)
        creations_left--;
    return __real_pthread_create(thread, attributes, function, argument);
}

static void fewer_threads_will_do(const char *poller)
{
    struct yard yard;

    yard_open(&yard, poller);
    loop_turns(yard.reactor, 1);
    creations_left = 2;
    struct yard_job *jobs = add_all(&yard, 30);
    gate_until(&yard.gate, 2);
    sleep_ms(10);
    CHECK(atomic_load(&yard.gate.most) == 2);
    gate_let(&yard.gate, 30);
    until_done(&yard, 30);
    CHECK(yard.ran == 30 && threads_now() == yard.before + 2);
    yard_close(&yard);
    free(jobs);
}

static void no_thread_at_all(const char *poller)
{
    struct yard_job job = { 0 }, another = { .passes = true };
    struct yard yard;

    yard_open(&yard, poller);
    CHECK(add(&yard, &job) == 0);
    creations_left = 0;
    loop_turns(yard.reactor, 1);
    CHECK(yard.other == 1 && yard.done == 1);
    errno = 0;
    CHECK(add(&yard, &another) < 0 && errno == EAGAIN);
    CHECK(another.done == 0);
    creations_left = -1; /* times get better */
    CHECK(add(&yard, &another) == 0);
    until_done(&yard, 2);
    yard_close(&yard);
}

static void no_memory(const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    unit_fail_allocation(0);
    errno = 0;
    CHECK(!reactor_thread_pool(reactor) && errno == ENOMEM);
    unit_fail_allocation(-1);
    CHECK(reactor_thread_pool(reactor));
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "H2_no_job_no_thread", H2_no_job_no_thread },
    { "H2_starts_with_the_loop", H2_starts_with_the_loop },
    { "H2_twelve_in_two_rounds", H2_twelve_in_two_rounds },
    { "H2_grows_on_demand_only", H2_grows_on_demand_only },
    { "H2_most_can_be_changed", H2_most_can_be_changed },
    { "H2_each_reactor_its_own", H2_each_reactor_its_own },
    { "queue_limit", queue_limit },
    { "ten_thousand", ten_thousand },
    { "removed", removed },
    { "slow_jobs_have_half_of_it", slow_jobs_have_half_of_it },
    { "reports_come_before_the_end", reports_come_before_the_end },
    { "a_flood_does_not_hold_the_loop", a_flood_does_not_hold_the_loop },
    { "H4_the_end_waits_for_what_runs", H4_the_end_waits_for_what_runs },
    { "H4_a_hundred_jobs_and_the_end", H4_a_hundred_jobs_and_the_end },
    { "H4_all_that_run_come_back", H4_all_that_run_come_back },
    { "H4_no_call_after_the_end", H4_no_call_after_the_end },
    { "the_loop_never_ran", the_loop_never_ran },
    { "the_loop_has_crashed", the_loop_has_crashed },
    { "crashed_and_run_again", crashed_and_run_again },
    { "asked_when_all_is_freed", asked_when_all_is_freed },
    { "made_while_the_loop_ends", made_while_the_loop_ends },
    { "signals_are_for_the_loop", signals_are_for_the_loop },
    { "fewer_threads_will_do", fewer_threads_will_do },
    { "no_thread_at_all", no_thread_at_all },
    { "no_memory", no_memory },
    { 0 },
};

int main(int argc, char **argv)
{
    return threads_main(cases, argc, argv);
}
