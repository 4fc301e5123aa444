/* SPDX-License-Identifier: MIT
 *
 * delayed_call.c - a binary heap of deadlines: no call is due later than the
 * two below it. To add, to cancel or to move one among n calls costs log n
 * steps, and to ask when the loop has to wake costs one. reactor.c calls
 * delayed_calls_run and delayed_calls_wait once a turn.
 */
#include "reactor/delayed_call.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "reactor/trace.h"

/* Deadlines further away than this, 68 years, are this far away: the sum of
 * two of them still fits, and no program has seen the difference. */
#define SECONDS_MAX 2147483647.0

static const int64_t second = 1000000000;

int64_t delayed_calls_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * second + now.tv_nsec;
}

/* Rounded up, so that nothing runs early. Cut first: to convert a double that
 * does not fit into an int64_t is undefined. */
static int64_t nanoseconds(double seconds)
{
    if (seconds > SECONDS_MAX)
        seconds = SECONDS_MAX;
    if (seconds < -SECONDS_MAX)
        seconds = -SECONDS_MAX;
    double exact = seconds * (double)second;
    int64_t whole = (int64_t)exact;
    return (double)whole < exact ? whole + 1 : whole;
}

/* Two calls never have the same order, so equal deadlines are no tie. */
static bool before(const struct delayed_call *a, const struct delayed_call *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

/* Each call knows its place: to cancel one there is no search. */
static void put(struct delayed_calls *calls, size_t place,
                struct delayed_call *call)
{
    calls->heap[place] = call;
    call->place = place;
}

/* Puts `call` at `place`, or where else it belongs: towards the root as long as
 * the one above is due later, or else away from it. Above, if it comes from
 * another branch of the tree, where all may be earlier. */
static void heap_place(struct delayed_calls *calls, size_t place,
                       struct delayed_call *call)
{
    while (place > 0 && before(call, calls->heap[(place - 1) / 2])) {
        put(calls, place, calls->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t child = place * 2 + 1;
        if (child + 1 < calls->count &&
            before(calls->heap[child + 1], calls->heap[child]))
            child++;
        if (child >= calls->count || !before(calls->heap[child], call))
            break;
        put(calls, place, calls->heap[child]);
        place = child;
    }
    put(calls, place, call);
}

/* The last one of the heap fills the place. */
static void heap_remove(struct delayed_call *call)
{
    struct delayed_calls *calls = call->calls;
    struct delayed_call *last = calls->heap[--calls->count];

    if (last != call)
        heap_place(calls, call->place, last);
}

/* A call that is refused is left as it was. `!(seconds >= 0)` is true for NaN,
 * where `seconds < 0` is not. */
int delayed_calls_add(struct delayed_calls *calls, struct delayed_call *call,
                      double seconds, void (*function)(void *), void *argument)
{
    if (call->state == CALL_PENDING || !(seconds >= 0)) {
        errno = call->state == CALL_PENDING ? EALREADY : EINVAL;
        return -1;
    }
    if (calls->count == calls->capacity) {
        size_t wanted = calls->capacity ? calls->capacity * 2 : 16;
        void *grown = realloc(calls->heap, wanted * sizeof(*calls->heap));
        if (!grown)
            return -1;
        calls->heap = grown;
        calls->capacity = wanted;
    }
    *call = (struct delayed_call){
        .function = function,
        .argument = argument,
        .calls = calls,
        .time = delayed_calls_now() + nanoseconds(seconds),
        .order = calls->order++,
        .state = CALL_PENDING,
    };
    calls->count++;
    heap_place(calls, calls->count - 1, call);
    return 0;
}

/* 0 for a call that is pending; the errno of the others. */
static int refuse(const struct delayed_call *call)
{
    if (call->state == CALL_PENDING)
        return 0;
    errno = call->state == CALL_CALLED      ? EALREADY
            : call->state == CALL_CANCELLED ? ECANCELED
                                            : EINVAL;
    return -1;
}

/* From here on the memory of `call` is its owner's alone. */
int delayed_call_cancel(struct delayed_call *call)
{
    if (refuse(call) < 0)
        return -1;
    call->state = CALL_CANCELLED;
    heap_remove(call);
    return 0;
}

/* Not before calls->now: in the middle of a run it would come to the root, with
 * an order that is too large for this run, and those behind it that are due
 * would wait for the next. Not beyond `farthest`: a delay upon a delay would
 * not fit some day. */
static int move_to(struct delayed_call *call, int64_t from, double seconds)
{
    if (refuse(call) < 0)
        return -1;
    if (seconds != seconds) {
        errno = EINVAL; /* not a number */
        return -1;
    }
    int64_t farthest = delayed_calls_now() + nanoseconds(SECONDS_MAX);
    int64_t time = from + nanoseconds(seconds);
    call->time = time < call->calls->now ? call->calls->now
                 : time > farthest       ? farthest
                                         : time;
    call->order = call->calls->order++;
    heap_place(call->calls, call->place, call);
    return 0;
}

int delayed_call_reset(struct delayed_call *call, double seconds)
{
    return move_to(call, delayed_calls_now(), seconds);
}

int delayed_call_delay(struct delayed_call *call, double seconds)
{
    return move_to(call, call->time, seconds);
}

bool delayed_call_active(const struct delayed_call *call)
{
    return call->state == CALL_PENDING;
}

const char *delayed_call_error(int error)
{
    if (error == EALREADY)
        return "Tried to cancel an already-called event.";
    if (error == ECANCELED)
        return "Tried to cancel an already-cancelled event.";
    return "Tried to cancel an event that was never scheduled.";
}

void delayed_calls_run(struct delayed_calls *calls)
{
    uint64_t end = calls->order;

    if (calls->count == 0)
        return;
    calls->now = delayed_calls_now(); /* once: a slow call makes none due */
    /* A call that is scheduled or moved from now on has an order of `end` or
     * more, and is due now or later: when it is first, no other is left. */
    while (calls->count > 0) {
        struct delayed_call *first = calls->heap[0];
        if (first->time > calls->now || first->order >= end)
            return;
        heap_remove(first);
        first->state = CALL_CALLED;
        trace("  delayed call, due %.6f s ago",
              (double)(calls->now - first->time) / 1e9);
        first->function(first->argument);
    }
}

/* Rounded down, the last millisecond before a deadline would be a wait of 0,
 * and the loop would spin until the deadline has come. */
int delayed_calls_wait(const struct delayed_calls *calls)
{
    if (calls->count == 0)
        return -1;
    int64_t left = calls->heap[0]->time - delayed_calls_now();
    int64_t milliseconds = left > 0 ? (left + 999999) / 1000000 : 0;
    return milliseconds < INT_MAX ? (int)milliseconds : INT_MAX;
}

/* A call that outlives the heap says ECANCELED, and does not look for it. */
void delayed_calls_clear(struct delayed_calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        calls->heap[i]->state = CALL_CANCELLED;
    free(calls->heap);
    *calls = (struct delayed_calls){ 0 };
}
