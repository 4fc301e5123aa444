/* SPDX-License-Identifier: MIT
 *
 * deferred_short.c - shorter ways to say what deferred.c can do.
 */
#include "deferred/deferred.h"

int deferred_callback(struct deferred *self, void *value)
{
    return deferred_fire(self, result_value(value));
}

int deferred_errback(struct deferred *self, struct failure failure)
{
    return deferred_fire(self, result_failure(failure));
}

static struct deferred *fired(struct result result)
{
    struct deferred *deferred = deferred_new(NULL, NULL);

    if (deferred)
        deferred_fire(deferred, result);
    return deferred;
}

struct deferred *deferred_succeed(void *value)
{
    return fired(result_value(value));
}

struct deferred *deferred_fail(struct failure failure)
{
    return fired(result_failure(failure));
}

struct deferred *deferred_maybe(struct result (*function)(void *argument),
                                void *argument)
{
    struct result result = function(argument);

    return result.kind == RESULT_DEFERRED ? result.deferred : fired(result);
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
