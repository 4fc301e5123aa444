/* SPDX-License-Identifier: MIT
 *
 * thread_pool.h - threads for what would block the loop: a few of them, a
 * queue in front, and one way back.
 *
 * A job is a struct of yours that begins with a struct thread_job: the pool
 * allocates nothing for it. It is the pool's from thread_pool_add until `done`
 * is called, or until thread_pool_remove. All functions are for the loop's
 * thread.
 */
#ifndef THREAD_POOL_H
#define THREAD_POOL_H

#include <stdbool.h>

#include "reactor/reactor.h"

enum {
    THREAD_POOL_MAXIMUM = 10,    /* threads, unless somebody says otherwise */
    THREAD_POOL_LIMIT = 64,      /* threads, whatever somebody says */
    THREAD_POOL_QUEUE_MAX = 1024 /* jobs that wait for a thread */
};

struct thread_pool;

struct thread_job {
    /* In a thread, which has every signal blocked. Of the framework it may
     * use reactor_call_from_thread alone. */
    void (*run)(struct thread_job *self);

    /* In the loop, once, last; may free the job. `error` is 0 when it has run;
     * ECANCELED: the loop ended before it began; another: no thread could be
     * made. In a loop that goes on, what `run` passed to
     * reactor_call_from_thread has been called before. */
    void (*done)(struct thread_job *self, int error);

    /* In the loop, while `run` may be running: the loop is asked to stop, and
     * waits for it. NULL: it will be done when it is done. */
    void (*request_cancel)(struct thread_job *self);

    /* It may wait for somebody far away. Such jobs have half of the threads
     * at most, so that the others never wait for all of them. */
    bool slow;

    /* The rest belongs to the pool. */
    bool begun;
    struct thread_pool *pool;
    struct thread_call call;
    struct thread_job *next, **link;
};

/* The reactor's pool, made when it is first asked for; NULL with ENOMEM.
 *
 * It has no thread until the loop runs and there is a job. When the loop is
 * stopped, jobs that have not begun are dropped, new ones are refused, and the
 * loop goes on until those that have begun are done; then the threads end.
 * After reactor_crash it is reactor_free that waits for them. */
struct thread_pool *reactor_thread_pool(struct reactor *reactor);

/* Puts the job at the end of the queue. `done` is never called before this
 * returns. -1 with EAGAIN when THREAD_POOL_QUEUE_MAX jobs wait, or there is no
 * thread and none can be made; ECANCELED when the loop is stopped. */
int thread_pool_add(struct thread_pool *pool, struct thread_job *job);

/* Takes a job out of the queue again; `done` will not be called. -1 with EBUSY
 * when it has begun. */
int thread_pool_remove(struct thread_pool *pool, struct thread_job *job);

/* From now on so many jobs run at the same time at most. No thread ends before
 * the loop does. -1 with EINVAL unless it is 1 to THREAD_POOL_LIMIT. */
int thread_pool_set_maximum(struct thread_pool *pool, int maximum);

#endif
