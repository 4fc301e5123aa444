/* SPDX-License-Identifier: MIT
 *
 * threads.h - functions that block, called where they hold up nobody: Twisted's
 * deferToThread and callInThread. They use the reactor's thread_pool.h, which
 * has the limits.
 *
 * What a function in a thread is given must not be touched or freed by the
 * loop until it has returned, and cancelling its Deferred does not make it
 * return. So let the job own its argument: see free_argument.
 */
#ifndef THREADS_H
#define THREADS_H

#include "deferred/deferred.h"
#include "threads/thread_pool.h"

/* The job could not be given to a thread; the number says why: EAGAIN, too
 * many jobs wait, or no thread could be made. */
extern const struct failure_type ThreadError;

/* Zeroes are the defaults. Both functions are called in the loop's thread. */
struct thread_options {
    void (*free_argument)(void *argument); /* once nobody runs with it */
    void (*free_value)(void *value);       /* of a job that was cancelled */
    void (*unwanted)(void *argument);      /* see below; the function may run */
    bool slow;                             /* see struct thread_job */
};

/* Calls function(argument) in a thread. The Deferred is fired in the loop with
 * what it returned, a value or a failure (a Deferred is EINVAL); or fails with
 * ThreadError; or with CancelledError, when the loop was stopped before the
 * job began. Cancelling it takes the job out of the queue, or lets it run for
 * nothing. NULL with ENOMEM.
 *
 * `options` may be NULL. `unwanted` is called in the loop, perhaps more than
 * once, when a job that has begun is cancelled, or the loop is asked to stop:
 * a function that takes long can look now and then whether that was so. The
 * argument is the job's: free_argument is called once, whatever happens, after
 * the Deferred was fired, or before NULL is returned. */
struct deferred *defer_to_thread(struct reactor *reactor,
                                 struct result (*function)(void *argument),
                                 void *argument,
                                 const struct thread_options *options);

/* The same, but nobody waits for the result: a value is forgotten, and a
 * failure is logged, be it that the function was not called. -1 with ENOMEM. */
int call_in_thread(struct reactor *reactor,
                   struct result (*function)(void *argument), void *argument);

#endif
