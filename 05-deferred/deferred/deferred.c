/* SPDX-License-Identifier: MIT */
#include "deferred/deferred.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/log.h"

struct pair {
    deferred_function *callback, *errback; /* NULL: passes the result on */
    void *argument;
};

struct deferred {
    struct result result;    /* of the last pair that has run */
    struct pair *pairs;      /* `room`, or a block of their own */
    size_t begin, end, size; /* those from begin to end have not run yet */
    struct deferred *inner;  /* whose result this one waits for, or NULL */
    struct deferred *outer;  /* who waits for the result of this one, or NULL */
    size_t outer_at;         /* the pair before which it gets it */
    struct deferred *below;  /* in the stack of run() */
    void (*canceller)(struct deferred *self, void *argument);
    void *argument;
    unsigned pauses;
    bool fired;      /* it has had a result */
    bool released;   /* by its receiver */
    bool owed;       /* was cancelled, and its maker still fires, in vain */
    bool running;    /* is in the stack of run() */
    bool cancelling; /* its canceller runs */
    struct pair room[DEFERRED_ROOM];
};

struct deferred *deferred_new(void (*canceller)(struct deferred *self,
                                                void *argument),
                              void *argument)
{
    struct deferred *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->pairs = self->room;
    self->size = DEFERRED_ROOM;
    self->canceller = canceller;
    self->argument = argument;
    return self;
}

/* Frees it when maker, receiver and chain have done with it. */
static void free_if_done(struct deferred *self)
{
    if (!self->fired || !self->released || self->owed || self->running ||
        self->cancelling || self->pauses > 0 || self->inner || self->outer ||
        self->begin < self->end)
        return;
    if (self->result.kind == RESULT_FAILURE)
        log_failure("Unhandled error in Deferred:", self->result.failure);
    if (self->pairs != self->room)
        free(self->pairs);
    free(self);
}

/* The result moves out, and leaves nothing. */
static struct result take_result(struct deferred *self)
{
    struct result result = self->result;

    self->result = result_value(NULL);
    return result;
}

/* A callback of `self` has given us `inner`: takes its result, or waits. */
static void wait_for(struct deferred *self, struct deferred *inner)
{
    if (inner == self || inner->outer) {
        self->result = result_error(&ChainError, 0);
        return;
    }
    if (inner->fired && !inner->running && !inner->inner &&
        inner->pauses == 0) {
        self->result = take_result(inner);
    } else {
        self->inner = inner;
        inner->outer = self;
        inner->outer_at = inner->end;
    }
    deferred_release(inner);
}

/* Runs the next pair. False if there is none, or it has to wait. */
static bool run_pair(struct deferred *self)
{
    if (self->begin == self->end || self->inner || self->pauses > 0)
        return false;
    struct pair pair = self->pairs[self->begin++];
    deferred_function *function =
        self->result.kind == RESULT_FAILURE ? pair.errback : pair.callback;
    if (function)
        self->result = function(take_result(self), pair.argument);
    if (self->result.kind == RESULT_DEFERRED)
        wait_for(self, self->result.deferred);
    return true;
}

/* Who waits for the result of `self`, if now is the time to have it. */
static struct deferred *hand_over(struct deferred *self)
{
    struct deferred *outer = self->outer;

    if (!outer || self->outer_at != self->begin || self->inner ||
        self->pauses > 0)
        return NULL;
    outer->result = take_result(self);
    outer->inner = NULL;
    self->outer = NULL;
    return outer;
}

/* Runs the chain as far as it goes, and the chains that wait for it. Those are
 * in a stack of their own, so that the C stack does not grow with them. */
static void run(struct deferred *top)
{
    if (top->running) /* the loop below is at it, and has called us */
        return;
    top->below = NULL;
    top->running = true;
    while (top) {
        struct deferred *self = top, *outer = hand_over(self);
        if (outer) {
            outer->below = self;
            outer->running = true;
            top = outer;
        } else if (!run_pair(self)) {
            top = self->below;
            self->running = false;
            free_if_done(self);
        }
    }
}

static void start(struct deferred *self, struct result result)
{
    self->fired = true;
    self->result = result;
    run(self);
}

int deferred_fire(struct deferred *self, struct result result)
{
    if (result.kind == RESULT_DEFERRED) {
        errno = EINVAL;
        return -1;
    }
    if (self->fired) {
        int error = self->owed ? ECANCELED : EALREADY;
        self->owed = false;
        free_if_done(self);
        errno = error; /* to log may have changed it */
        return -1;
    }
    start(self, result);
    return 0;
}

/* Room for one more pair. */
static int make_room(struct deferred *self)
{
    size_t count = self->end - self->begin;

    if (self->end < self->size)
        return 0;
    if (self->begin > count) { /* more have run than wait: use their place */
        memmove(self->pairs, self->pairs + self->begin,
                count * sizeof(*self->pairs));
    } else {
        struct pair *more = malloc(2 * self->size * sizeof(*more));
        if (!more)
            return -1;
        memcpy(more, self->pairs + self->begin, count * sizeof(*more));
        if (self->pairs != self->room)
            free(self->pairs);
        self->pairs = more;
        self->size *= 2;
    }
    self->outer_at -= self->begin;
    self->begin = 0;
    self->end = count;
    return 0;
}

int deferred_add_callbacks(struct deferred *self, deferred_function *callback,
                           deferred_function *errback, void *argument)
{
    if (make_room(self) < 0)
        return -1;
    self->pairs[self->end++] = (struct pair){ callback, errback, argument };
    if (self->fired)
        run(self);
    return 0;
}

void deferred_cancel(struct deferred *self)
{
    while (self->inner)
        self = self->inner;
    if (self->fired || self->cancelling)
        return;
    if (self->canceller) {
        self->cancelling = true;
        self->canceller(self, self->argument);
        self->cancelling = false;
    } else {
        self->owed = true;
    }
    if (!self->fired)
        start(self, result_error(&CancelledError, 0));
    else
        free_if_done(self);
}

void deferred_pause(struct deferred *self)
{
    self->pauses++;
}

void deferred_unpause(struct deferred *self)
{
    if (self->pauses > 0 && --self->pauses == 0 && self->fired)
        run(self);
}

bool deferred_called(const struct deferred *self)
{
    return self->fired;
}

void deferred_release(struct deferred *self)
{
    if (!self)
        return;
    self->released = true;
    free_if_done(self);
}
