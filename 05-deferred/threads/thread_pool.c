/* SPDX-License-Identifier: MIT
 *
 * thread_pool.c - a queue, the threads that empty it, and how both begin and
 * end with the reactor. A job is in one list at a time: `waiting` until a
 * thread takes it, `begun` until the loop has called its `done`.
 */
#include "threads/thread_pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "reactor/trace.h"

struct job_list {
    struct thread_job *first, **end;
    int count;
};

struct thread_pool {
    struct attachment base; /* where its reactor finds it */
    struct reactor *reactor;
    struct trigger start, stop, end, free; /* with the reactor */
    bool started;                          /* the loop has run */

    pthread_mutex_t lock;          /* for what follows */
    pthread_cond_t work_available; /* a job waits, or it is closed */
    struct job_list waiting, begun;
    int maximum, threads; /* that may work; that there are */
    int working, slow;    /* that have a job; that have a slow one */
    bool closed;          /* no job is added or begins; threads end */
    pthread_t thread[THREAD_POOL_LIMIT];
};

/* `link` is the pointer that points to the job, so it can be taken out of the
 * middle, when it is cancelled, without a walk through a thousand others. */
static void append(struct job_list *list, struct thread_job *job)
{
    job->next = NULL;
    job->link = list->end;
    *list->end = job;
    list->end = &job->next;
    list->count++;
}

static void unlink_job(struct job_list *list, struct thread_job *job)
{
    list->count--;
    *job->link = job->next;
    if (job->next)
        job->next->link = job->link;
    else
        list->end = job->link;
}

/* --- in the threads; the lock is held --- */

/* The first of the queue that may begin now, or NULL. */
static struct thread_job *next_job(const struct thread_pool *pool)
{
    struct thread_job *job = pool->waiting.first;

    if (pool->working >= pool->maximum)
        return NULL;
    /* Ten look-ups at a name server that is silent must not keep a hash from
     * being computed: half of the threads are not for slow jobs. */
    while (job && job->slow && pool->slow >= (pool->maximum + 1) / 2)
        job = job->next;
    return job;
}

static void complete_in_loop(void *argument);

/* What a thread does. Where `run` runs, the lock is not held. */
static void *thread_pool_work(void *argument)
{
    struct thread_pool *pool = argument;
    struct thread_job *job;

    pthread_mutex_lock(&pool->lock);
    while (!pool->closed) {
        /* The wait ends for no reason, too, and another thread may have been
         * quicker: so look again each time. */
        if (!(job = next_job(pool))) {
            pthread_cond_wait(&pool->work_available, &pool->lock);
            continue;
        }
        unlink_job(&pool->waiting, job);
        append(&pool->begun, job);
        job->begun = true; /* thread_pool_remove refuses it from here on */
        pool->working++;
        pool->slow += job->slow;
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pthread_mutex_lock(&pool->lock);
        /* Free for the next job before the loop hears of this one, or it
         * would make another thread for what it does then. */
        pool->working--;
        pool->slow -= job->slow;
        /* From here on the job is the loop's, which may free it at once. */
        reactor_call_from_thread(pool->reactor, &job->call, complete_in_loop,
                                 job);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* --- in the loop --- */

/* The job has run. */
static void complete_in_loop(void *argument)
{
    struct thread_job *job = argument;
    struct thread_pool *pool = job->pool;

    trace("  ThreadPool: job %p has run", (void *)job);
    pthread_mutex_lock(&pool->lock);
    unlink_job(&pool->begun, job);
    pthread_mutex_unlock(&pool->lock);
    /* Without the lock: it may add the next job. It may free this one. */
    job->done(job, 0);
    if (pool->closed) /* on_stop holds the shutdown for each that has begun */
        reactor_release_shutdown(pool->reactor);
}

/* Makes as many threads as the queue can use; the lock is held. Returns 0, or
 * an errno if there is none at all: with fewer than wanted it goes on slower.
 */
static int spawn_workers(struct thread_pool *pool)
{
    sigset_t all, before;
    int error = 0;

    /* A new thread inherits the mask: so signals go to the loop's thread, and
     * none interrupts a job. */
    sigfillset(&all);
    while (!error && pool->started && pool->threads < pool->maximum &&
           pool->waiting.count > pool->threads - pool->working) {
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(&pool->thread[pool->threads], NULL,
                               thread_pool_work, pool);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pool->threads += !error;
    }
    return pool->threads > 0 ? 0 : error;
}

/* EAGAIN: too many wait, or there is no thread; ECANCELED: the loop ends. */
int thread_pool_add(struct thread_pool *pool, struct thread_job *job)
{
    int error = pool->closed ? ECANCELED : 0; /* the loop alone sets it */

    pthread_mutex_lock(&pool->lock);
    if (!error && pool->waiting.count == THREAD_POOL_QUEUE_MAX)
        error = EAGAIN;
    if (!error) {
        job->begun = false;
        job->pool = pool;
        append(&pool->waiting, job);
        error = spawn_workers(pool);
        if (error) /* a job that nobody will take must not look accepted */
            unlink_job(&pool->waiting, job);
        /* Under the lock: no thread has looked and does not sleep yet, so this
         * cannot be missed. One job, one thread. */
        pthread_cond_signal(&pool->work_available);
    }
    if (!error)
        trace("  ThreadPool: job %p is added, %d wait, %d of %d threads work",
              (void *)job, pool->waiting.count, pool->working, pool->threads);
    pthread_mutex_unlock(&pool->lock);
    errno = error;
    return error ? -1 : 0;
}

/* EBUSY: a thread has it. Whether that is so can change until we hold the lock,
 * and not afterwards. */
int thread_pool_remove(struct thread_pool *pool, struct thread_job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool begun = job->begun;
    if (!begun)
        unlink_job(&pool->waiting, job);
    pthread_mutex_unlock(&pool->lock);
    errno = EBUSY;
    return begun ? -1 : 0;
}

/* With fewer than before no thread ends: those that are too many find no job.
 * -1 with EINVAL. */
int thread_pool_set_maximum(struct thread_pool *pool, int maximum)
{
    if (maximum < 1 || maximum > THREAD_POOL_LIMIT) {
        errno = EINVAL;
        return -1;
    }
    pthread_mutex_lock(&pool->lock);
    pool->maximum = maximum;
    spawn_workers(pool);
    pthread_cond_broadcast(&pool->work_available);
    pthread_mutex_unlock(&pool->lock);
    return 0;
}

/* --- how a pool begins and ends with its reactor --- */

/* Jobs that have not begun are done, with this error. */
static void drop_waiting(struct thread_pool *pool, int error)
{
    struct thread_job *job;

    pthread_mutex_lock(&pool->lock);
    while ((job = pool->waiting.first)) {
        unlink_job(&pool->waiting, job);
        pthread_mutex_unlock(&pool->lock);
        job->done(job, error); /* may take another out of the queue */
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

/* The loop begins. Not before: a thread that is made earlier would be lost in
 * a fork, and a program that becomes a daemon forks before its loop runs. */
static void on_start(void *argument)
{
    struct thread_pool *self = argument;

    pthread_mutex_lock(&self->lock);
    self->started = true;
    int error = spawn_workers(self);
    pthread_mutex_unlock(&self->lock);
    if (error) /* these were accepted when nobody could know it */
        drop_waiting(self, error);
}

/* From here on no thread begins a job, and those that have none end. */
static void close_pool(struct thread_pool *self)
{
    pthread_mutex_lock(&self->lock);
    self->closed = true; /* first: a `done` may want to add another job */
    pthread_cond_broadcast(&self->work_available);
    pthread_mutex_unlock(&self->lock);
    drop_waiting(self, ECANCELED);
}

/* The loop is asked to stop. What runs cannot be interrupted, and still uses
 * what its owner would free: so the loop goes on until it is done. */
static void on_stop(void *argument)
{
    struct thread_pool *self = argument;

    close_pool(self);
    /* Without the lock: only the loop changes this list now. */
    for (struct thread_job *job = self->begun.first; job; job = job->next) {
        reactor_hold_shutdown(self->reactor);
        if (job->request_cancel)
            job->request_cancel(job);
    }
}

/* The loop calls nobody any more. As a rule no thread has a job by now; if one
 * has (after a crash), this waits for it. */
static void on_end(void *argument)
{
    struct thread_pool *self = argument;

    close_pool(self);
    while (self->threads > 0)
        pthread_join(self->thread[--self->threads], NULL);
}

/* After the last callback: a connection that is lost with the reactor may still
 * ask for the pool, and is refused. */
static void free_pool(struct attachment *base)
{
    struct thread_pool *self = (struct thread_pool *)base;

    pthread_cond_destroy(&self->work_available);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

/* The reactor is freed, and may have crashed, or never have run. */
static void on_free(void *argument)
{
    struct thread_pool *self = argument;

    on_end(self);
    /* Jobs that have come back to a loop that was over: it will not call. */
    while (self->begun.first)
        complete_in_loop(self->begun.first);
}

/* The reactor knows nothing of threads, but finds what hangs at it by the
 * address of something that is ours. */
static const char key;

/* A program without jobs has no pool, and no thread. NULL with ENOMEM: the
 * triggers and the attachment stand in the pool, so the reactor needs no memory
 * for them, and once there is a pool nothing of this fails. */
struct thread_pool *reactor_thread_pool(struct reactor *reactor)
{
    struct attachment *attached = reactor_attached(reactor, &key);

    if (attached)
        return (struct thread_pool *)attached;
    struct thread_pool *self = calloc(1, sizeof(*self));
    if (!self)
        return NULL;
    self->reactor = reactor;
    self->maximum = THREAD_POOL_MAXIMUM;
    self->waiting.end = &self->waiting.first;
    self->begun.end = &self->begun.first;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->work_available, NULL);
    reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN, &self->stop,
                        on_stop, self);
    reactor_add_trigger(reactor, TRIGGER_DURING, REACTOR_SHUTDOWN, &self->end,
                        on_end, self);
    reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_FREE, &self->free,
                        on_free, self);
    reactor_call_when_running(reactor, &self->start, on_start, self);
    self->base.free = free_pool;
    reactor_attach(reactor, &self->base, &key);
    return self;
}
