/* SPDX-License-Identifier: MIT
 *
 * thread_pool_life.c - which pool is whose, and how it begins and ends with
 * its reactor.
 */
#include <errno.h>
#include <stdlib.h>

#include "threads/thread_pool_parts.h"

/* A reactor knows nothing of threads and has no place for a pool, so a list
 * must tell which pool is whose. Any thread may look into it. */
static struct thread_pool *pools;
static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;

static struct thread_pool *find(const struct reactor *reactor)
{
    pthread_mutex_lock(&pools_lock);
    struct thread_pool *pool = pools;
    while (pool && pool->reactor != reactor)
        pool = pool->next;
    pthread_mutex_unlock(&pools_lock);
    return pool;
}

static void dispose(struct descriptor *grave)
{
    struct thread_pool *self = (struct thread_pool *)grave;
    struct thread_pool **link = &pools;

    pthread_mutex_lock(&pools_lock);
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    pthread_mutex_unlock(&pools_lock);
    pthread_cond_destroy(&self->news);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static const struct descriptor_class Grave = { .name = "ThreadPool",
                                               .dispose = dispose };

/* The loop begins. */
static void start(void *argument)
{
    struct thread_pool *self = argument;

    thread_pool_start(self);
}

/* The loop is asked to stop, and goes on until what has begun is done. */
static void stop(void *argument)
{
    struct thread_pool *self = argument;

    self->closed = true;
    thread_pool_drop(self, ECANCELED);
    thread_pool_hurry(self);
    self->holding = thread_pool_busy(self);
    if (self->holding)
        reactor_hold_shutdown(self->reactor);
}

/* The loop calls nobody any more. As a rule no thread has a job by now. */
static void end(void *argument)
{
    struct thread_pool *self = argument;

    self->closed = true;
    thread_pool_drop(self, ECANCELED);
    thread_pool_join(self);
}

/* The reactor is freed, and may have crashed, or never have run. Somebody may
 * still ask for its pool when he is lost with it: the memory goes last. */
static void free_pool(void *argument)
{
    struct thread_pool *self = argument;

    end(self);
    thread_pool_deliver(self);
    reactor_disconnect(self->reactor, &self->grave, REASON_DONE);
}

static struct thread_pool *create(struct reactor *reactor)
{
    struct thread_pool *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->grave = (struct descriptor){ .class = &Grave, .fd = -1 };
    self->reactor = reactor;
    self->most = THREAD_POOL_MOST;
    self->waiting.end = &self->waiting.first;
    self->begun.end = &self->begun.first;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->news, NULL);
    reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN, &self->stop,
                        stop, self);
    reactor_add_trigger(reactor, TRIGGER_DURING, REACTOR_SHUTDOWN, &self->end,
                        end, self);
    reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_FREE, &self->free,
                        free_pool, self);
    reactor_call_when_running(reactor, &self->start, start, self);
    pthread_mutex_lock(&pools_lock);
    self->next = pools;
    pools = self;
    pthread_mutex_unlock(&pools_lock);
    return self;
}

struct thread_pool *reactor_thread_pool(struct reactor *reactor)
{
    struct thread_pool *pool = find(reactor);

    return pool ? pool : create(reactor);
}
