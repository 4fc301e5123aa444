/* SPDX-License-Identifier: MIT */
#include "threads/blocking_call.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "threads/threads.h"

/* Both the caller and the loop hold it, for either can be the last: the caller
 * may be let go while the loop's queue has it still. */
struct blocking_call {
    atomic_int holders;
    sem_t told; /* the result is there */
    struct result result;
    struct result (*function)(void *argument);
    void *argument;
    struct thread_call call;

    /* The loop's. */
    struct blocking_calls *calls; /* NULL: they are gone */
    struct deferred *deferred;    /* whose result it waits for, or NULL */
    bool was_told, cancelled;
    struct blocking_call *next, **link;
};

static void let_go(struct blocking_call *call)
{
    if (atomic_fetch_sub(&call->holders, 1) > 1)
        return;
    sem_destroy(&call->told);
    free(call);
}

/* The first result counts. */
static void tell(struct blocking_call *call, struct result result)
{
    if (call->was_told)
        return;
    call->was_told = true;
    call->result = result;
    sem_post(&call->told);
}

static void unlink_call(struct blocking_call *call)
{
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
}

/* The loop has done with it. */
static void leave(struct blocking_call *call)
{
    struct blocking_calls *calls = call->calls;

    if (calls) {
        pthread_mutex_lock(&calls->lock);
        unlink_call(call);
        pthread_mutex_unlock(&calls->lock);
    }
    let_go(call);
}

static struct result got(struct result result, void *argument)
{
    struct blocking_call *call = argument;

    deferred_release(call->deferred);
    tell(call, result);
    leave(call);
    return result_value(NULL);
}

/* In the loop. */
static void enter(void *argument)
{
    struct blocking_call *call = argument;
    struct result result = call->function(call->argument);

    if (result.kind != RESULT_DEFERRED) {
        tell(call, result);
        leave(call);
        return;
    }
    call->deferred = result.deferred;
    if (call->calls->stopping)
        deferred_cancel(call->deferred);
    if (deferred_add_both(call->deferred, got, call) < 0)
        got(result_error(&MemoryError, 0), call);
}

/* Puts it into the loop's queue. Returns 0 or an errno. */
static int add(struct blocking_calls *calls, struct blocking_call *call)
{
    int error = 0;

    pthread_mutex_lock(&calls->lock);
    if (pthread_equal(calls->loop, pthread_self()))
        error = EDEADLK;
    else if (calls->ended)
        error = ECANCELED;
    if (!error) {
        call->next = calls->first;
        call->link = &calls->first;
        if (call->next)
            call->next->link = &call->next;
        calls->first = call;
        reactor_call_from_thread(calls->reactor, &call->call, enter, call);
    }
    pthread_mutex_unlock(&calls->lock);
    return error;
}

struct result blocking_call_from_thread(
    struct reactor *reactor, struct result (*function)(void *argument),
    void *argument)
{
    struct blocking_calls *calls = thread_pool_blocking_calls(reactor);
    struct blocking_call *call = calls ? calloc(1, sizeof(*call)) : NULL;

    if (!call)
        return calls ? result_error(&MemoryError, 0)
                     : result_error(&ThreadError, EINVAL);
    atomic_init(&call->holders, 2);
    sem_init(&call->told, 0, 0);
    call->function = function;
    call->argument = argument;
    call->calls = calls;
    int error = add(calls, call);
    if (error) {
        call->result = error == ECANCELED ? result_error(&CancelledError, 0)
                                          : result_error(&ThreadError, error);
        let_go(call); /* for the loop, which has never seen it */
    } else {
        while (sem_wait(&call->told) < 0)
            ; /* a signal came */
    }
    struct result result = call->result;
    let_go(call);
    return result;
}

/* --- the loop's beginning and end --- */

void blocking_calls_open(struct blocking_calls *calls, struct reactor *reactor)
{
    *calls = (struct blocking_calls){ .reactor = reactor };
    pthread_mutex_init(&calls->lock, NULL);
    calls->loop = pthread_self();
}

void blocking_calls_start(struct blocking_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    calls->loop = pthread_self();
    pthread_mutex_unlock(&calls->lock);
}

/* One whose Deferred is to be cancelled, or NULL. */
static struct blocking_call *next_to_cancel(struct blocking_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    struct blocking_call *call = calls->first;
    while (call && (!call->deferred || call->cancelled))
        call = call->next;
    pthread_mutex_unlock(&calls->lock);
    return call;
}

void blocking_calls_stop(struct blocking_calls *calls)
{
    struct blocking_call *call;

    calls->stopping = true;
    while ((call = next_to_cancel(calls))) {
        call->cancelled = true;
        deferred_cancel(call->deferred); /* any of them may be gone by then */
    }
}

void blocking_calls_end(struct blocking_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    calls->ended = true;
    for (struct blocking_call *call = calls->first; call; call = call->next)
        tell(call, result_error(&CancelledError, 0));
    pthread_mutex_unlock(&calls->lock);
}

void blocking_calls_close(struct blocking_calls *calls)
{
    struct blocking_call *call;

    while ((call = calls->first)) {
        unlink_call(call);
        call->calls = NULL;
        if (!call->deferred) /* or its Deferred still knows it */
            let_go(call);
    }
    pthread_mutex_destroy(&calls->lock);
}
