/* SPDX-License-Identifier: MIT
 *
 * threads.c - a job of the thread pool that calls a function, and fires a
 * Deferred with its result.
 */
#include "threads/threads.h"

#include <errno.h>
#include <stdlib.h>

const struct failure_type ThreadError = {
    "ThreadError", "It could not be given to another thread", true
};

/* From defer_to_thread until `done` in the loop, which is the one to free it:
 * not on_cancel, while a thread may have it. */
struct deferred_job {
    struct thread_job base;
    struct deferred *deferred; /* NULL: it was cancelled */
    struct result (*function)(void *argument);
    void *argument;
    struct thread_options options;
    struct result result; /* written by the thread, read by the loop */
};

/* In a thread: touches the job, and nothing of the loop. */
static void run(struct thread_job *base)
{
    struct deferred_job *self = (struct deferred_job *)base;

    self->result = self->function(self->argument);
    /* A Deferred belongs to a loop, and no lock guards it. */
    if (self->result.kind == RESULT_DEFERRED)
        self->result = result_error(&ThreadError, EINVAL);
}

/* In the loop, while `run` may be running in its thread: what the program does
 * in here, it must do as one does with a thread beside. */
static void request_cancel(struct thread_job *base)
{
    struct deferred_job *self = (struct deferred_job *)base;

    if (self->options.unwanted)
        self->options.unwanted(self->argument);
}

/* Nobody runs with the argument any more. Not earlier: a job whose Deferred was
 * cancelled may still be running with it. */
static void finish(struct deferred_job *self)
{
    if (self->options.free_argument)
        self->options.free_argument(self->argument);
    free(self);
}

/* In the loop. A value that nobody takes, as its Deferred was cancelled, would
 * be lost here without free_value. */
static void done(struct thread_job *base, int error)
{
    struct deferred_job *self = (struct deferred_job *)base;

    if (error == ECANCELED) /* it has not run, nor with another error */
        self->result = result_error(&CancelledError, 0);
    else if (error)
        self->result = result_error(&ThreadError, error);
    if (self->deferred)
        deferred_fire(self->deferred, self->result);
    else if (self->result.kind == RESULT_VALUE && self->options.free_value)
        self->options.free_value(self->result.value);
    finish(self);
}

/* The Deferred is not ours after this. A job that has begun goes on, and
 * `done` will find nobody. */
static void on_cancel(struct deferred *deferred, void *argument)
{
    struct deferred_job *self = argument;

    (void)deferred;
    self->deferred = NULL;
    if (thread_pool_remove(self->base.pool, &self->base) == 0)
        finish(self);
    else
        request_cancel(&self->base);
}

/* Fires in the loop, never in the thread, so no callback needs a lock. A job
 * that is refused has fired already when this returns. NULL with ENOMEM. Then,
 * too, free_argument has been called. */
struct deferred *defer_to_thread(struct reactor *reactor,
                                 struct result (*function)(void *argument),
                                 void *argument,
                                 const struct thread_options *options)
{
    struct thread_pool *pool = reactor_thread_pool(reactor);
    struct deferred_job *self = pool ? calloc(1, sizeof(*self)) : NULL;
    struct deferred *deferred = self ? deferred_new(on_cancel, self) : NULL;

    if (!deferred) {
        free(self);
        if (options && options->free_argument)
            options->free_argument(argument);
        return NULL;
    }
    self->base.run = run;
    self->base.done = done;
    self->base.request_cancel = request_cancel;
    self->deferred = deferred;
    self->function = function;
    self->argument = argument;
    if (options)
        self->options = *options;
    self->base.slow = self->options.slow;
    if (thread_pool_add(pool, &self->base) < 0)
        done(&self->base, errno); /* the receiver hears of it by an errback */
    return deferred;
}

/* Nobody takes the result: a failure is logged when the Deferred is freed. */
int call_in_thread(struct reactor *reactor,
                   struct result (*function)(void *argument), void *argument)
{
    struct deferred *deferred =
        defer_to_thread(reactor, function, argument, NULL);

    deferred_release(deferred);
    return deferred ? 0 : -1;
}
