/* SPDX-License-Identifier: MIT
 *
 * models - the same three tasks under each model of getting work done, and
 * where the time went, drawn from the run itself.
 *
 * A task works a little, waits for somebody's answer, works again. One thread
 * alone needs the sum of all tasks, because it waits for each; threads that
 * wait at the same time need about as long as the longest, and so does one
 * thread under a loop, which waits for all of them at once.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "examples/timeline.h"
#include "program/options.h"
#include "reactor/reactor.h"

enum { TASKS = 3, STEPS = 3 };

/* Milliseconds of processor time, then of waiting; 0 waits for nothing. */
struct step {
    int work_ms;
    int wait_ms;
};

static const struct step tasks[TASKS][STEPS] = {
    { { 40, 80 }, { 40, 80 }, { 40, 0 } },
    { { 40, 40 }, { 40, 160 }, { 40, 0 } },
    { { 40, 120 }, { 40, 40 }, { 40, 0 } },
};

/* One task under way. */
struct job {
    struct timeline *timeline;
    int row; /* which task, and which row of the chart */
};

/* Processor time of the calling thread. Were it the time of day, three threads
 * would seem to work at once on a single processor. */
static double processor_ms(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

static void work(int ms)
{
    double end = processor_ms() + ms;

    while (processor_ms() < end)
        ;
}

/* Stands for a recv whose answer takes that long: the thread is blocked. */
static void block(int ms)
{
    struct timespec left = { .tv_nsec = ms * 1000 * 1000L };

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

/* A task from its first step to its last, in whatever thread this is. */
static void *run_job(void *argument)
{
    const struct job *job = argument;

    for (int i = 0; i < STEPS; i++) {
        const struct step *step = &tasks[job->row][i];
        timeline_mark(job->timeline, job->row, TIMELINE_WORK);
        work(step->work_ms);
        if (step->wait_ms == 0)
            continue;
        timeline_mark(job->timeline, job->row, TIMELINE_WAIT);
        block(step->wait_ms);
    }
    timeline_mark(job->timeline, job->row, TIMELINE_IDLE);
    return NULL;
}

static int run_single(struct timeline *timeline)
{
    for (int i = 0; i < TASKS; i++)
        run_job(&(struct job){ .timeline = timeline, .row = i });
    return 0;
}

static int run_threads(struct timeline *timeline)
{
    pthread_t threads[TASKS];
    struct job jobs[TASKS];
    int started = 0, error = 0;

    while (started < TASKS && !error) {
        struct job *job = &jobs[started];
        *job = (struct job){ .timeline = timeline, .row = started };
        error = pthread_create(&threads[started], NULL, run_job, job);
        started += !error;
    }
    while (started > 0)
        pthread_join(threads[--started], NULL);
    errno = error;
    return error ? -1 : 0;
}

/* A task under the loop. Where run_job goes round and blocks, this one has to
 * remember where it is and return. */
struct event_job {
    struct timeline *timeline;
    int row;
    int step; /* the next to run */
    struct reactor *reactor;
    struct delayed_call answer; /* what the task waits for */
    int *unfinished;            /* tasks; who ends the last stops the loop */
};

static void run_step(void *argument)
{
    struct event_job *job = argument;
    const struct step *step = &tasks[job->row][job->step++];

    timeline_mark(job->timeline, job->row, TIMELINE_WORK);
    work(step->work_ms);
    if (job->step < STEPS) {
        timeline_mark(job->timeline, job->row, TIMELINE_WAIT);
        reactor_call_later(job->reactor, &job->answer, step->wait_ms / 1e3,
                           run_step, job);
        return;
    }
    timeline_mark(job->timeline, job->row, TIMELINE_IDLE);
    if (--*job->unfinished == 0)
        reactor_stop(job->reactor);
}

static int run_events(struct timeline *timeline)
{
    struct reactor *reactor = reactor_new(NULL);
    struct event_job jobs[TASKS];
    int unfinished = TASKS;

    if (!reactor)
        return -1;
    for (int i = 0; i < TASKS; i++) {
        jobs[i] = (struct event_job){ .timeline = timeline,
                                      .row = i,
                                      .reactor = reactor,
                                      .unfinished = &unfinished };
        reactor_call_later(reactor, &jobs[i].answer, 0, run_step, &jobs[i]);
    }
    int result = reactor_run(reactor);
    reactor_free(reactor);
    return result;
}

/* A model: its name after --model, and what runs all tasks under it. `run`
 * returns 0, or -1 with errno. */
struct model {
    const char *name;
    const char *text;
    int (*run)(struct timeline *timeline);
};

static const struct model models[] = {
    { "single", "one thread, one task after the other", run_single },
    { "threads", "a thread for each task", run_threads },
    { "events", "one thread, called when there is something to do",
      run_events },
    { NULL, NULL, NULL },
};

int main(int argc, char **argv)
{
    const char *only = NULL;
    struct options options = { .about = "draws where the time of tasks goes." };
    const struct option extra[] = {
        { "--model", "single|threads|events", OPTION_CHOICE, &only, 0 },
        { 0 },
    };
    struct timeline timeline;

    options_plain(&options, extra, argc, argv);
    printf("legend: # works, . waits\n");
    for (const struct model *model = models; model->name; model++) {
        if (only && strcmp(only, model->name))
            continue;
        printf("\n%s: %s\n", model->name, model->text);
        timeline_start(&timeline, TASKS);
        if (model->run(&timeline) < 0)
            return options_failed(&options, model->name, strerror(errno));
        timeline_draw(&timeline);
    }
    return 0;
}
