/* SPDX-License-Identifier: MIT
 *
 * deferred.c - the chain of a Deferred: what runs it, where it waits for
 * another, and when it is freed. A callback may add to its own chain, and may
 * cancel or release any Deferred: `running` and `cancelling` keep alive what we
 * still need after it has returned.
 */
#include "deferred/deferred.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/log.h"
#include "reactor/trace.h"

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
    struct deferred *run_stack_next; /* in the stack of deferred_run */
    struct deferred *next, **link;   /* in its group; link NULL: in none */
    void (*canceller)(struct deferred *self, void *argument);
    void *argument;
    unsigned pauses;
    bool fired;            /* it has had a result */
    bool released;         /* by its receiver */
    bool ignore_next_fire; /* it was cancelled, and its maker does not know */
    bool running;          /* is in the stack of deferred_run */
    bool cancelling;       /* its canceller runs */
    struct pair room[DEFERRED_ROOM];
};

/* It is freed when its maker has fired it and its receiver has released it; who
 * forgets one of the two leaks it. NULL with ENOMEM. */
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

/* Needs neither the group nor a walk along it: `link` is the pointer that
 * points to us, in the group or in the one before. */
static void leave_group(struct deferred *self)
{
    if (!self->link)
        return;
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    self->link = NULL;
}

/* Frees it if nobody will touch it any more. Whoever may have been the last to
 * need it calls this: its maker when it has fired it, its receiver with the
 * release, the chain when it has run. So a callback may release its own
 * Deferred: `running` keeps it alive until the chain comes back to us. */
static void free_if_done(struct deferred *self)
{
    if (!self->fired || !self->released || self->ignore_next_fire ||
        self->running || self->cancelling || self->pauses > 0 || self->inner ||
        self->outer || self->begin < self->end)
        return;
    /* The last moment at which a failure can be told to anybody. */
    if (self->result.kind == RESULT_FAILURE)
        log_failure("Unhandled error in Deferred:", self->result.failure);
    leave_group(self);
    if (self->pairs != self->room)
        free(self->pairs);
    free(self);
}

/* The result moves out, and leaves nothing: a value that two chains had would
 * be freed twice, and a failure would be reported twice. */
static struct result take_result(struct deferred *self)
{
    struct result result = self->result;

    self->result = result_value(NULL);
    return result;
}

/* Whether it waits for that one, itself or at the end of a row. */
static bool waits_for(const struct deferred *self, const struct deferred *other)
{
    while (self && self != other)
        self = self->inner;
    return self;
}

/* A callback of `self` has returned `inner`: takes its result if it is there,
 * or waits for it. Either way `inner` was given to us, and we release it. */
static void deferred_wait_for(struct deferred *self, struct deferred *inner)
{
    /* Those that wait in a ring would wait for ever, and of two that wait for
     * the same result one would get nothing. The row is walked only if somebody
     * waits for us, or each of ten thousand in a row would walk all of it. */
    if (inner == self || inner->outer ||
        (self->outer && waits_for(inner, self))) {
        self->result = result_error(&ChainError, 0);
        return;
    }
    /* That it has fired is not enough: its own chain may be in the middle. */
    if (inner->fired && !inner->running && !inner->inner &&
        inner->pauses == 0) {
        self->result = take_result(inner);
    } else {
        trace("  Deferred %p: waits for Deferred %p", (void *)self,
              (void *)inner);
        self->inner = inner;
        inner->outer = self;
        /* What is added to `inner` from now on runs after we have had its
         * result, and gets nothing (Twisted does the same). */
        inner->outer_at = inner->end;
    }
    deferred_release(inner);
}

/* Runs the next pair. False if there is none, or it has to wait. */
static bool deferred_run_pair(struct deferred *self)
{
    if (self->begin == self->end || self->inner || self->pauses > 0)
        return false;
    /* A copy, and counted as run before it is called: the function may add
     * more pairs, and that may move all of them. */
    struct pair pair = self->pairs[self->begin++];
    bool failed = self->result.kind == RESULT_FAILURE;
    deferred_function *function = failed ? pair.errback : pair.callback;
    if (function) {
        trace("  Deferred %p: %s runs", (void *)self,
              failed ? "errback" : "callback");
        self->result = function(take_result(self), pair.argument);
    }
    if (self->result.kind == RESULT_DEFERRED)
        deferred_wait_for(self, self->result.deferred);
    return true;
}

/* Gives the result to the one that waits for it, if the chain has come to the
 * place where it waits. Returns the waiter, which can go on now, or NULL. */
static struct deferred *resume_waiter(struct deferred *self)
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

/* Runs the chain as far as it goes, and the chains that wait for it. These are
 * kept in a stack of their own: with a call of this function for each of them
 * a million Deferreds in a row would overflow the stack of C. */
static void deferred_run(struct deferred *top)
{
    /* A callback of this chain has added to it, or unpaused it. The loop below
     * that has called it goes on; a second one would run pairs out of turn. */
    if (top->running)
        return;
    top->run_stack_next = NULL;
    top->running = true;
    while (top) {
        struct deferred *self = top, *outer = resume_waiter(self);
        if (outer) {
            outer->run_stack_next = self;
            outer->running = true;
            top = outer;
        } else if (!deferred_run_pair(self)) {
            top = self->run_stack_next;
            self->running = false;
            free_if_done(self); /* its callbacks may have released it */
        }
    }
}

/* It counts as fired before the first callback runs, so a callback that fires
 * it once more is told EALREADY, and does not start the chain anew. */
static void deferred_start(struct deferred *self, struct result result)
{
    trace("  Deferred %p: fired with %s", (void *)self,
          result.kind == RESULT_FAILURE ? result.failure.type->name
                                        : "a value");
    self->fired = true;
    self->result = result;
    deferred_run(self);
}

/* ECANCELED once after a cancel, EALREADY when it was fired before. Then the
 * value is still the maker's, who frees it: nobody else knows of it. */
int deferred_fire(struct deferred *self, struct result result)
{
    if (result.kind == RESULT_DEFERRED) {
        errno = EINVAL;
        return -1;
    }
    if (self->fired) {
        /* A maker without a canceller could not know that nobody waits any
         * more, so its one result is no mistake; a second one is. */
        int error = self->ignore_next_fire ? ECANCELED : EALREADY;
        self->ignore_next_fire = false;
        free_if_done(self);
        errno = error; /* to log may have changed it */
        return -1;
    }
    deferred_start(self, result);
    return 0;
}

/* Makes room for one more pair. A chain on which pairs are added for ever, as
 * they run, must not grow for ever: places of those that have run are used
 * again. So they are, whatever has run, for the first DEFERRED_ROOM that wait,
 * which are not refused. -1 with ENOMEM. */
static int make_room(struct deferred *self)
{
    size_t count = self->end - self->begin;

    if (self->end < self->size)
        return 0;
    if (self->begin > count || count < DEFERRED_ROOM) { /* move down */
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
    self->outer_at -= self->begin; /* who waits, waits at the same pair */
    self->begin = 0;
    self->end = count;
    return 0;
}

/* The pair may run before this returns, and free what the caller goes on to
 * use. -1 with ENOMEM: it will never run, and has freed nothing. */
int deferred_add_callbacks(struct deferred *self, deferred_function *callback,
                           deferred_function *errback, void *argument)
{
    if (make_room(self) < 0)
        return -1;
    self->pairs[self->end++] = (struct pair){ callback, errback, argument };
    if (self->fired)
        deferred_run(self); /* the result is there: it runs now */
    return 0;
}

/* What the receiver sees is CancelledError, or what the canceller fires. */
void deferred_cancel(struct deferred *self)
{
    /* It has fired and waits for another: the work to be ended is there. */
    while (self->inner)
        self = self->inner;
    if (self->fired || self->cancelling)
        return;
    trace("  Deferred %p: cancelled", (void *)self);
    if (self->canceller) {
        self->cancelling = true; /* it may fire, release and even cancel it */
        self->canceller(self, self->argument);
        self->cancelling = false;
    } else {
        self->ignore_next_fire = true;
    }
    if (!self->fired)
        deferred_start(self, result_error(&CancelledError, 0));
    else /* its canceller has, and `cancelling` kept it */
        free_if_done(self);
}

void deferred_pause(struct deferred *self)
{
    self->pauses++;
}

void deferred_unpause(struct deferred *self)
{
    if (self->pauses > 0 && --self->pauses == 0 && self->fired)
        deferred_run(self);
}

/* Also from a callback of its own chain. */
void deferred_release(struct deferred *self)
{
    if (!self)
        return;
    self->released = true;
    free_if_done(self);
}

void deferred_group_add(struct deferred_group *self, struct deferred *deferred)
{
    leave_group(deferred);
    deferred->next = self->first;
    deferred->link = &self->first;
    if (deferred->next)
        deferred->next->link = &deferred->next;
    self->first = deferred;
    deferred_release(deferred); /* if all is done, it leaves us at once */
}

void deferred_group_cancel(struct deferred_group *self)
{
    struct deferred *deferred;

    /* Its callbacks may end others of the group, or add to it: so take the
     * first until there is none, instead of walking along the list. And it
     * leaves before it is cancelled, or one that goes on waiting would keep us
     * here for ever. */
    while ((deferred = self->first)) {
        leave_group(deferred);
        deferred_cancel(deferred);
    }
}

/* --- shorter ways to say it --- */

int deferred_callback(struct deferred *self, void *value)
{
    return deferred_fire(self, result_value(value));
}

int deferred_errback(struct deferred *self, struct failure failure)
{
    return deferred_fire(self, result_failure(failure));
}

/* NULL with ENOMEM: then the value is still the caller's. */
static struct deferred *fired_with(struct result result)
{
    struct deferred *deferred = deferred_new(NULL, NULL);

    if (deferred)
        deferred_fire(deferred, result);
    return deferred;
}

struct deferred *deferred_succeed(void *value)
{
    return fired_with(result_value(value));
}

struct deferred *deferred_fail(struct failure failure)
{
    return fired_with(result_failure(failure));
}

/* NULL with ENOMEM; then a value that `function` has allocated is lost, for
 * nobody has been told of it. */
struct deferred *deferred_maybe(struct result (*function)(void *argument),
                                void *argument)
{
    struct result result = function(argument);

    return result.kind == RESULT_DEFERRED ? result.deferred
                                          : fired_with(result);
}

int deferred_add_callback(struct deferred *self, deferred_function *callback,
                          void *argument)
{
    return deferred_add_callbacks(self, callback, NULL, argument);
}

int deferred_add_errback(struct deferred *self, deferred_function *errback,
                         void *argument)
{
    return deferred_add_callbacks(self, NULL, errback, argument);
}

int deferred_add_both(struct deferred *self, deferred_function *function,
                      void *argument)
{
    return deferred_add_callbacks(self, function, function, argument);
}
