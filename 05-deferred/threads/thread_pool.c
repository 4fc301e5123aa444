/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>

#include "threads/thread_pool_parts.h"

static void append(struct job_list *list, struct thread_job *job)
{
    job->next = NULL;
    job->link = list->end;
    *list->end = job;
    list->end = &job->next;
}

static void unlink_job(struct job_list *list, struct thread_job *job)
{
    *job->link = job->next;
    if (job->next)
        job->next->link = job->link;
    else
        list->end = job->link;
}

/* --- in the threads --- */

/* The first of the queue that may begin now, or NULL. */
static struct thread_job *next_job(const struct thread_pool *pool)
{
    struct thread_job *job = pool->waiting.first;

    if (pool->working >= pool->most)
        return NULL;
    while (job && job->slow && pool->slow >= (pool->most + 1) / 2)
        job = job->next;
    return job;
}

/* Takes what begins now out of the queue. */
static void begin(struct thread_pool *pool, struct thread_job *job)
{
    unlink_job(&pool->waiting, job);
    append(&pool->begun, job);
    job->begun = true;
    pool->queued--;
    pool->working++;
    pool->slow += job->slow;
}

/* In the loop: the job has run. */
static void come_back(void *argument)
{
    struct thread_job *job = argument;
    struct thread_pool *pool = job->pool;

    pthread_mutex_lock(&pool->lock);
    unlink_job(&pool->begun, job);
    bool last = !pool->begun.first;
    pthread_mutex_unlock(&pool->lock);
    job->done(job, 0);
    if (last && pool->holding) {
        pool->holding = false;
        reactor_release_shutdown(pool->reactor);
    }
}

static void *work(void *argument)
{
    struct thread_pool *pool = argument;
    struct thread_job *job;

    pthread_mutex_lock(&pool->lock);
    while (!pool->over) {
        if (!(job = next_job(pool))) {
            pthread_cond_wait(&pool->news, &pool->lock);
            continue;
        }
        begin(pool, job);
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pthread_mutex_lock(&pool->lock);
        /* Free for the next job before the loop hears of this one, or it
         * would hire another thread for what it does then. */
        pool->working--;
        pool->slow -= job->slow;
        reactor_call_from_thread(pool->reactor, &job->call, come_back, job);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* --- in the loop --- */

/* Makes as many threads as the queue can use. Returns 0, or an errno if there
 * is none at all. */
static int hire(struct thread_pool *pool)
{
    sigset_t all, before;
    int error = 0;

    /* A new thread inherits the mask: signals are for the loop. */
    sigfillset(&all);
    while (!error && pool->started && pool->threads < pool->most &&
           pool->queued > pool->threads - pool->working) {
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(&pool->thread[pool->threads], NULL, work, pool);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pool->threads += !error;
    }
    return pool->threads > 0 ? 0 : error;
}

int thread_pool_add(struct thread_pool *pool, struct thread_job *job)
{
    int error = pool->closed ? ECANCELED : 0;

    pthread_mutex_lock(&pool->lock);
    if (!error && pool->queued == THREAD_POOL_QUEUE_MAX)
        error = EAGAIN;
    if (!error) {
        job->begun = false;
        job->pool = pool;
        append(&pool->waiting, job);
        pool->queued++;
        error = hire(pool);
        if (error) {
            unlink_job(&pool->waiting, job);
            pool->queued--;
        }
        pthread_cond_signal(&pool->news);
    }
    pthread_mutex_unlock(&pool->lock);
    errno = error;
    return error ? -1 : 0;
}

int thread_pool_remove(struct thread_pool *pool, struct thread_job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool begun = job->begun;
    if (!begun) {
        unlink_job(&pool->waiting, job);
        pool->queued--;
    }
    pthread_mutex_unlock(&pool->lock);
    errno = EBUSY;
    return begun ? -1 : 0;
}

int thread_pool_set_most(struct thread_pool *pool, int most)
{
    if (most < 1 || most > THREAD_POOL_LIMIT) {
        errno = EINVAL;
        return -1;
    }
    pthread_mutex_lock(&pool->lock);
    pool->most = most;
    hire(pool);
    pthread_cond_broadcast(&pool->news);
    pthread_mutex_unlock(&pool->lock);
    return 0;
}

/* --- for thread_pool_life.c --- */

void thread_pool_drop(struct thread_pool *pool, int error)
{
    struct thread_job *job;

    pthread_mutex_lock(&pool->lock);
    while ((job = pool->waiting.first)) {
        unlink_job(&pool->waiting, job);
        pool->queued--;
        pthread_mutex_unlock(&pool->lock);
        job->done(job, error); /* may take another out of the queue */
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

void thread_pool_start(struct thread_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->started = true;
    int error = hire(pool);
    pthread_mutex_unlock(&pool->lock);
    if (error)
        thread_pool_drop(pool, error);
}

void thread_pool_hurry(struct thread_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    for (struct thread_job *job = pool->begun.first; job; job = job->next)
        if (job->hurry)
            job->hurry(job);
    pthread_mutex_unlock(&pool->lock);
}

bool thread_pool_busy(struct thread_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool busy = pool->begun.first != NULL;
    pthread_mutex_unlock(&pool->lock);
    return busy;
}

void thread_pool_join(struct thread_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->over = true;
    pthread_cond_broadcast(&pool->news);
    pthread_mutex_unlock(&pool->lock);
    while (pool->threads > 0)
        pthread_join(pool->thread[--pool->threads], NULL);
}

void thread_pool_deliver(struct thread_pool *pool)
{
    while (pool->begun.first)
        come_back(pool->begun.first);
}
