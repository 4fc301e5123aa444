/* SPDX-License-Identifier: MIT */
#include "services/service.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* --- one service --- */

int service_privileged_start(struct service *self)
{
    if (self->stopping)
        return refuse(EBUSY);
    if (!self->class->privileged_start)
        return 0;
    return self->class->privileged_start(self);
}

int service_start(struct service *self)
{
    if (self->stopping || self->running)
        return refuse(self->stopping ? EBUSY : EALREADY);
    self->running = true;
    if (self->class->start && self->class->start(self) < 0)
        return -1;
    return self->running ? 0 : refuse(ECANCELED);
}

/* Also what has never run, or could not be started, is stopped: half of it may
 * be there. Only one stop at a time, or two would wait for one end. */
int service_stop(struct service *self, void (*stopped)(void *), void *argument)
{
    if (self->stopping)
        return refuse(EALREADY);
    self->running = false;
    self->stopping = true;
    self->stopped = stopped;
    self->argument = argument;
    if (self->class->stop)
        self->class->stop(self);
    else
        service_stopped(self);
    return 0;
}

/* The whole has stopped when no child is stopping. Each child that has stopped
 * asks; while the walk goes on, some have not even begun. */
static void stopped_if_all_are(struct multi_service *self)
{
    if (self->walking || !self->base.stopping)
        return;
    for (struct service *child = self->first; child; child = child->next)
        if (child->stopping)
            return;
    service_stopped(&self->base);
}

void service_stopped(struct service *self)
{
    void (*stopped)(void *) = self->stopped;
    void *argument = self->argument;

    self->stopping = false;
    if (self->parent)
        stopped_if_all_are(self->parent);
    if (stopped)
        stopped(argument);
}

int service_set_name(struct service *self, const char *name)
{
    if (self->parent)
        return refuse(EBUSY);
    self->name = name;
    return 0;
}

/* --- a service that is made of others --- */

/* A walk holds no pointer to the next child, since the one that is started or
 * stopped may add and remove others: it marks whom it has visited. */
static void walk_begin(struct multi_service *self)
{
    for (struct service *child = self->first; child; child = child->next)
        child->visited = false;
}

/* The first, or the last, of those that were not visited yet, or NULL. */
static struct service *next_unvisited(struct multi_service *self, bool reverse)
{
    struct service *found = NULL;

    for (struct service *child = self->first; child; child = child->next)
        if (!child->visited && (reverse || !found))
            found = child;
    if (found)
        found->visited = true;
    return found;
}

static int start_each(struct multi_service *self,
                      int (*start)(struct service *child))
{
    struct service *child;

    walk_begin(self);
    while ((child = next_unvisited(self, false)))
        if (start(child) < 0)
            return -1;
    return 0;
}

/* A child may have been started before, alone or by another child. */
static int start_if_idle(struct service *child)
{
    return child->running ? 0 : service_start(child);
}

static int multi_service_privileged_start(struct service *base)
{
    return start_each((struct multi_service *)base, service_privileged_start);
}

static int multi_service_start(struct service *base)
{
    return start_each((struct multi_service *)base, start_if_idle);
}

static void multi_service_stop(struct service *base)
{
    struct multi_service *self = (struct multi_service *)base;
    struct service *child;

    self->walking = true;
    walk_begin(self);
    while ((child = next_unvisited(self, true)))
        service_stop(child, NULL, NULL); /* or it is stopping already */
    self->walking = false;
    stopped_if_all_are(self);
}

static const struct service_class MultiService = {
    .privileged_start = multi_service_privileged_start,
    .start = multi_service_start,
    .stop = multi_service_stop,
};

void multi_service_init(struct multi_service *self)
{
    *self = (struct multi_service){ .base = { .class = &MultiService } };
}

struct service *multi_service_named(const struct multi_service *self,
                                    const char *name)
{
    struct service *child = self->first;

    while (child && !(child->name && !strcmp(child->name, name)))
        child = child->next;
    return child;
}

static void append_child(struct multi_service *self, struct service *child)
{
    struct service **end = &self->first; /* lists are short; order counts */

    while (*end)
        end = &(*end)->next;
    *end = child;
    child->next = NULL;
    child->parent = self;
    child->visited = false; /* a walk that goes on will come here, too */
}

/* False if it is no child. */
static bool remove_child(struct multi_service *self, struct service *child)
{
    struct service **link = &self->first;

    while (*link && *link != child)
        link = &(*link)->next;
    if (!*link)
        return false;
    *link = child->next;
    child->parent = NULL;
    return true;
}

int multi_service_add(struct multi_service *self, struct service *child)
{
    if (child->parent)
        return refuse(EBUSY);
    if (child->name && multi_service_named(self, child->name))
        return refuse(EEXIST);
    append_child(self, child);
    if (!self->base.running)
        return 0;
    if (service_privileged_start(child) == 0 && start_if_idle(child) == 0)
        return 0;
    int error = errno;
    if (remove_child(self, child))
        service_stop(child, NULL, NULL);
    stopped_if_all_are(self); /* somebody may have stopped it meanwhile */
    return refuse(error);
}

int multi_service_remove(struct multi_service *self, struct service *child,
                         void (*stopped)(void *), void *argument)
{
    if (child->parent != self)
        return refuse(ENOENT);
    if (child->stopping)
        return refuse(EBUSY);
    remove_child(self, child);
    if (self->base.running || self->base.stopping)
        return service_stop(child, stopped, argument);
    if (stopped)
        stopped(argument);
    return 0;
}
