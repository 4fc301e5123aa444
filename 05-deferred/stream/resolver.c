/* SPDX-License-Identifier: MIT
 *
 * resolver.c - a blocking look-up as a job of a thread, and its result as a
 * Deferred.
 */
#include "stream/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "threads/threads.h"

/* The thread may be at work after the caller has cancelled and gone, so it has
 * a copy of the name. */
struct look_up {
    int port;
    char host[];
};

/* In a thread: getaddrinfo waits as long as the name servers do, and there is
 * no way to ask it to stop. */
static struct result look_up(void *argument)
{
    const struct look_up *self = argument;
    struct address *address = malloc(sizeof(*address));

    if (!address)
        return result_error(&MemoryError, 0);
    const char *why = address_resolve(address, self->host, self->port);
    if (!why)
        return result_value(address);
    free(address);
    return result_failure((struct failure){ &DNSLookupError, 0, why });
}

/* Whoever connects expects a look-up that failed, whatever the reason. */
static struct result no_thread(struct result result, void *argument)
{
    (void)argument;
    if (failure_check(result.failure, &ThreadError))
        result.failure =
            (struct failure){ &DNSLookupError, 0, "There is no thread for it" };
    return result;
}

struct deferred *resolver_look_up(struct reactor *reactor, const char *host,
                                  int port)
{
    /* Slow: a name server that is silent holds its thread for long, and without
     * this all threads could wait for one. */
    static const struct thread_options options = { .free_argument = free,
                                                   .free_value = free,
                                                   .slow = true };
    struct address address;

    /* What is written in numbers asks nobody, and never blocks. */
    if (address_numeric(&address, host, port) == 0) {
        struct address *found = malloc(sizeof(*found));
        struct deferred *known = found ? deferred_succeed(found) : NULL;
        if (known)
            *found = address;
        else
            free(found);
        return known;
    }
    struct look_up *self = malloc(sizeof(*self) + strlen(host) + 1);
    if (!self)
        return NULL;
    self->port = port;
    strcpy(self->host, host);
    struct deferred *deferred =
        defer_to_thread(reactor, look_up, self, &options);
    if (deferred)
        deferred_add_errback(deferred, no_thread, NULL);
    return deferred;
}
