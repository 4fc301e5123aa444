/* SPDX-License-Identifier: MIT
 *
 * thread_calls.h - functions that other threads ask the loop to call: the
 * only door through which they come in.
 *
 * The caller owns each struct thread_call; it must live until it has run.
 */
#ifndef THREAD_CALLS_H
#define THREAD_CALLS_H

#include <pthread.h>
#include <stdbool.h>

struct thread_call {
    void (*function)(void *argument);
    void *argument;
    struct thread_call *next;
};

/* A queue, first in, first out. */
struct thread_calls {
    pthread_mutex_t lock;
    struct thread_call *first, **end;
};

void thread_calls_open(struct thread_calls *calls);
void thread_calls_close(struct thread_calls *calls);

/* For any thread. Returns true if the queue was empty before: then the loop
 * must be woken, later calls ride along. */
bool thread_calls_add(struct thread_calls *calls, struct thread_call *call,
                      void (*function)(void *), void *argument);

/* Runs what is queued at this moment, in order. What is added meanwhile waits
 * for the next time, so that a call that queues another cannot hold the loop.
 */
void thread_calls_run(struct thread_calls *calls);

#endif
