/* SPDX-License-Identifier: MIT
 *
 * deferred_list.c - one Deferred for many. It may fire long before its last
 * member does, and be freed; the struct list stays until no member can call it
 * any more.
 */
#include "deferred/deferred_list.h"

#include <stdlib.h>

const struct failure_type FirstError = { "FirstError",
                                         "The first of several has failed",
                                         false };

struct member {
    struct list *list;
    struct deferred *deferred; /* NULL once its result is there */
};

struct list {
    struct deferred *deferred;        /* NULL once it has fired */
    struct deferred_results *results; /* NULL once they are the receiver's */
    int flags;
    size_t missing; /* members without a result */
    size_t uses;    /* members that still call us, and a canceller that runs */
    struct member members[];
};

/* One user less. */
static void list_unref(struct list *list)
{
    if (--list->uses > 0)
        return;
    free(list->results);
    free(list);
}

/* What the list fires with, now that this member has its result. */
static struct result outcome_of(struct list *list, size_t index,
                                struct result result)
{
    struct deferred_results *results = list->results;

    if (result.kind == RESULT_FAILURE &&
        (list->flags & LIST_FIRE_ON_ONE_ERRBACK))
        return result_failure((struct failure){ &FirstError, (int)index,
                                                result.failure.type->name });
    list->results = NULL; /* the receiver may free it before others fire */
    results->index = index;
    return result_value(results);
}

/* Once: `deferred` is NULL afterwards, whatever the others do. */
static bool has_to_fire(const struct list *list, struct result result)
{
    int flag = result.kind == RESULT_FAILURE ? LIST_FIRE_ON_ONE_ERRBACK
                                             : LIST_FIRE_ON_ONE_CALLBACK;

    return list->deferred && (list->missing == 0 || (list->flags & flag));
}

/* In each member's chain. The list only listens: the member's next callback
 * gets the same result, and a failure that nobody takes is logged, unless the
 * list was told to consume it. */
static struct result on_member_fired(struct result result, void *argument)
{
    struct member *member = argument;
    struct list *list = member->list;
    size_t index = (size_t)(member - list->members);

    member->deferred = NULL;
    list->missing--;
    if (list->results)
        list->results->results[index] = result;
    if (has_to_fire(list, result)) {
        struct deferred *deferred = list->deferred;
        list->deferred = NULL; /* before: what it calls may end more members */
        deferred_fire(deferred, outcome_of(list, index, result));
    }
    if (result.kind == RESULT_FAILURE && (list->flags & LIST_CONSUME_ERRORS))
        result = result_value(NULL);
    list_unref(list);
    return result;
}

/* What each member does about it may be to fire, and the last of them would
 * end the list under our feet: so we count as a user, too. */
static void on_cancel(struct deferred *deferred, void *argument)
{
    struct list *list = argument;
    size_t count = list->results->count;

    (void)deferred;
    list->uses++;
    /* One whose result we have may have been freed since. The others are there,
     * for our pair still waits in their chains. */
    for (size_t i = 0; i < count; i++)
        if (list->members[i].deferred)
            deferred_cancel(list->members[i].deferred);
    list->deferred = NULL; /* if it has not fired by now, it is over */
    list_unref(list);
}

static struct list *list_new(size_t count, int flags)
{
    struct list *list =
        calloc(1, sizeof(*list) + count * sizeof(*list->members));

    if (!list)
        return NULL;
    list->results = calloc(1, sizeof(*list->results) +
                                  count * sizeof(*list->results->results));
    list->deferred = deferred_new(on_cancel, list);
    if (!list->results || !list->deferred) {
        free(list->results);
        if (list->deferred) {
            deferred_callback(list->deferred, NULL); /* nobody has seen it */
            deferred_release(list->deferred);
        }
        free(list);
        return NULL;
    }
    list->results->count = count;
    list->flags = flags;
    list->missing = count;
    list->uses = count + 1; /* deferred_list, too, until it returns */
    return list;
}

struct deferred *deferred_list(struct deferred *const *members, size_t count,
                               int flags)
{
    struct list *list = list_new(count, flags);
    struct deferred *deferred = list ? list->deferred : NULL;

    if (!list)
        return NULL;
    /* All of them first: a member that has fired calls us at once, and may fire
     * the list, whose receiver may cancel the others. */
    for (size_t i = 0; i < count; i++)
        list->members[i] = (struct member){ list, members[i] };
    /* A member that takes no callback, for want of memory, counts as failed: a
     * list that waited for it would never fire. */
    for (size_t i = 0; i < count; i++)
        if (deferred_add_both(members[i], on_member_fired, &list->members[i]) <
            0)
            on_member_fired(result_error(&MemoryError, 0), &list->members[i]);
    if (count == 0) {
        list->deferred = NULL;
        deferred_fire(deferred, outcome_of(list, 0, result_value(NULL)));
    }
    list_unref(list);
    return deferred;
}

struct deferred *deferred_gather(struct deferred *const *members, size_t count)
{
    return deferred_list(members, count, LIST_FIRE_ON_ONE_ERRBACK);
}
