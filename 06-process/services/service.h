/* SPDX-License-Identifier: MIT
 *
 * service.h - what a daemon is made of: parts that can be started and stopped,
 * and a part that is made of others. Twisted's Service and MultiService.
 *
 * A service is yours, and lives as long as the reactor that it works with:
 * what it has begun may still call it. Embed a struct service as the first
 * member; its class says what it does. Functions that return int return 0, or
 * -1 and errno.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>

struct service;
struct multi_service;

/* Callbacks that are NULL do nothing. */
struct service_class {
    /* While the program may still do what only root may; then the real start.
     * Neither begins again what the other has begun. */
    int (*privileged_start)(struct service *self);
    int (*start)(struct service *self);

    /* Ends whatever there is to end, even if it was never started or the start
     * has failed. It calls service_stopped when that is done, now or in a
     * later turn. NULL: there is nothing to end. */
    void (*stop)(struct service *self);
};

/* Zero what you do not set. */
struct service {
    const struct service_class *class;
    const char *name;             /* NULL: none; see service_set_name */
    struct multi_service *parent; /* NULL: none */
    bool running;                 /* since service_start, whatever came of it */
    bool stopping;                /* since service_stop, until it has stopped */

    /* The rest belongs to service.c. */
    bool visited;         /* the parent's walk has been here */
    struct service *next; /* among the parent's children */
    void (*stopped)(void *argument);
    void *argument;
};

/* Does before the start what needs privileges; to leave it out is no error.
 * EBUSY while it is stopping. */
int service_privileged_start(struct service *self);

/* EALREADY if it is running: a service whose start has failed is, too, and has
 * to be stopped before the next try. EBUSY while it is stopping; ECANCELED if
 * somebody has stopped it meanwhile; or what the class says. */
int service_start(struct service *self);

/* Stops it. `stopped`, which may be NULL, is called once that has happened:
 * before this returns, if there is nothing to wait for. EALREADY if it is
 * stopping: who came first will hear. */
int service_stop(struct service *self, void (*stopped)(void *argument),
                 void *argument);

/* For classes: what stop had to end has ended. */
void service_stopped(struct service *self);

/* `name` is not copied. EBUSY if it has a parent, who knows it by its name. */
int service_set_name(struct service *self, const char *name);

/* Services that are started in the order in which they were added and stopped
 * in reverse; `running` changes before the first of them is asked. A child that
 * does not start ends the start there, with its errno: the others before it
 * go on, and so does the whole. It has stopped when every child has. */
struct multi_service {
    struct service base;
    struct service *first; /* of the children */
    bool walking;          /* asking them to stop, one by one */
};

void multi_service_init(struct multi_service *self);

/* The last child from now on. If the whole is running it is started at once,
 * with privileges first; if that fails, it is stopped and no child. EBUSY if
 * it has a parent, EEXIST if it has the name of another child. */
int multi_service_add(struct multi_service *self, struct service *child);

/* No child any more. If the whole is running, or stopping, the child is
 * stopped; `stopped`, which may be NULL, is called as by service_stop. ENOENT
 * if it is no child, EBUSY while it is stopping. */
int multi_service_remove(struct multi_service *self, struct service *child,
                         void (*stopped)(void *argument), void *argument);

/* Twisted's getServiceNamed: the child of that name, or NULL. */
struct service *multi_service_named(const struct multi_service *self,
                                    const char *name);

#endif
