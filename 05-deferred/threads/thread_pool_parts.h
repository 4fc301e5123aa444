/* SPDX-License-Identifier: MIT
 *
 * thread_pool_parts.h - what a pool is made of. For thread_pool.c, where the
 * jobs run, and thread_pool_life.c, where the pool begins and ends with its
 * reactor; nobody else looks inside.
 */
#ifndef THREAD_POOL_PARTS_H
#define THREAD_POOL_PARTS_H

#include <pthread.h>

#include "threads/thread_pool.h"

struct job_list {
    struct thread_job *first, **end;
};

struct thread_pool {
    struct descriptor grave; /* without a number: how the memory is freed */
    struct reactor *reactor;
    struct thread_pool *next;
    struct trigger start, stop, end, free; /* with the reactor */
    bool started;                          /* the loop has run */
    bool closed;                           /* no job is taken any more */
    bool holding; /* the shutdown, until nothing has begun that is not done */

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t news;  /* a job waits, or it is over */
    struct job_list waiting, begun;
    int queued;        /* jobs in `waiting` */
    int most, threads; /* that may work; that there are */
    int working, slow; /* that have a job; that have a slow one */
    bool over;         /* threads end */
    pthread_t thread[THREAD_POOL_LIMIT];
};

/* Asks what has begun to be done soon. */
void thread_pool_hurry(struct thread_pool *pool);

/* Threads may be made from now on. */
void thread_pool_start(struct thread_pool *pool);

/* Jobs that wait are done, with this error. */
void thread_pool_drop(struct thread_pool *pool, int error);

/* Whether a job has begun and is not done. */
bool thread_pool_busy(struct thread_pool *pool);

/* Waits until every thread has ended: each ends the job that it has. */
void thread_pool_join(struct thread_pool *pool);

/* After that: jobs are done that have come back to a loop that was over. */
void thread_pool_deliver(struct thread_pool *pool);

#endif
