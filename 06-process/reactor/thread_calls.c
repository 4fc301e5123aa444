/* SPDX-License-Identifier: MIT
 *
 * thread_calls.c - a queue with a lock, the only one of the reactor. It is held
 * for a few assignments and never while a function runs: one that adds another
 * call would wait for itself.
 */
#include "reactor/thread_calls.h"

#include <stddef.h>

#include "reactor/trace.h"

void thread_calls_open(struct thread_calls *calls)
{
    pthread_mutex_init(&calls->lock, NULL);
    calls->first = NULL;
    calls->end = &calls->first;
}

/* What still waits never runs. Its memory is its owners'. */
void thread_calls_close(struct thread_calls *calls)
{
    pthread_mutex_destroy(&calls->lock);
}

bool thread_calls_add(struct thread_calls *calls, struct thread_call *call,
                      void (*function)(void *), void *argument)
{
    *call = (struct thread_call){ function, argument, NULL };
    pthread_mutex_lock(&calls->lock);
    bool was_empty = !calls->first;
    *calls->end = call;
    calls->end = &call->next;
    pthread_mutex_unlock(&calls->lock);
    return was_empty;
}

void thread_calls_run(struct thread_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    struct thread_call *call = calls->first;
    calls->first = NULL;
    calls->end = &calls->first;
    pthread_mutex_unlock(&calls->lock);
    while (call) {
        /* It may free itself, or be queued again, in its function. */
        struct thread_call *next = call->next;
        trace("  call of a thread");
        call->function(call->argument);
        call = next;
    }
}
