/* SPDX-License-Identifier: MIT */
#include "reactor/dispatch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reactor/trace.h"

enum descriptor_state {
    NEW,     /* never seen here */
    WATCHED, /* in the table */
    LOST,    /* connection_lost is to be called */
    TOLD     /* it was; the number and the memory are to be given back */
};

void dispatch_open(struct dispatch *dispatch, struct poller *poller)
{
    *dispatch = (struct dispatch){ .poller = poller };
    dispatch->end = &dispatch->first;
}

void dispatch_close(struct dispatch *dispatch)
{
    dispatch->closing = true; /* or a connection_lost could go on for ever */
    dispatch_disconnect_all(dispatch, REASON_LOST, NULL);
    while (dispatch_end_turn(dispatch))
        ;
    free(dispatch->table);
    dispatch->poller->class->destroy(dispatch->poller);
}

/* Puts it among those that dispatch_end_turn will look at. */
static void note_change(struct dispatch *dispatch,
                        struct descriptor *descriptor)
{
    if (descriptor->changed)
        return;
    descriptor->changed = 1;
    descriptor->next = NULL;
    *dispatch->end = descriptor;
    dispatch->end = &descriptor->next;
}

static int make_room(struct dispatch *dispatch, int fd)
{
    if (fd < dispatch->size)
        return 0;
    int size = fd * 2 + 64;
    struct descriptor **grown =
        realloc(dispatch->table, (size_t)size * sizeof(*grown));
    if (!grown)
        return -1;
    memset(grown + dispatch->size, 0,
           (size_t)(size - dispatch->size) * sizeof(*grown));
    dispatch->table = grown;
    dispatch->size = size;
    return 0;
}

static int add(struct dispatch *dispatch, struct descriptor *descriptor)
{
    int fd = descriptor->fd;

    errno = fd < 0 ? EBADF : ECANCELED;
    if (fd < 0 || dispatch->closing || make_room(dispatch, fd) < 0)
        return -1;
    /* The number has a new owner, so the old one's was closed by a stranger,
     * and we must not close it again. */
    if (dispatch->table[fd])
        dispatch_disconnect(dispatch, dispatch->table[fd], EBADF);
    dispatch->table[fd] = descriptor;
    dispatch->watched++;
    descriptor->state = WATCHED;
    descriptor->watched = 0;
    return 0;
}

int dispatch_want(struct dispatch *dispatch, struct descriptor *descriptor,
                  unsigned event)
{
    if (descriptor->state == NEW && add(dispatch, descriptor) < 0)
        return -1;
    if (descriptor->state != WATCHED || descriptor->wanted & event)
        return 0;
    descriptor->wanted |= (unsigned char)event;
    note_change(dispatch, descriptor);
    return 0;
}

void dispatch_ignore(struct dispatch *dispatch, struct descriptor *descriptor,
                     unsigned event)
{
    if (!(descriptor->wanted & event))
        return;
    descriptor->wanted &= (unsigned char)~event;
    note_change(dispatch, descriptor);
}

static void tell_poller(struct dispatch *dispatch, struct descriptor *it,
                        unsigned wanted)
{
    if (wanted == it->watched)
        return;
    if (dispatch->poller->class->change(dispatch->poller, it->fd, it->watched,
                                        wanted) == 0)
        it->watched = (unsigned char)wanted;
    else
        dispatch_disconnect(dispatch, it, errno);
}

void dispatch_disconnect(struct dispatch *dispatch,
                         struct descriptor *descriptor, int reason)
{
    if (descriptor->state == LOST || descriptor->state == TOLD)
        return;
    if (descriptor->state == WATCHED) {
        tell_poller(dispatch, descriptor, 0);
        dispatch->table[descriptor->fd] = NULL;
        dispatch->watched--;
    }
    descriptor->state = LOST;
    descriptor->reason = reason;
    descriptor->wanted = 0;
    note_change(dispatch, descriptor);
}

void dispatch_disconnect_all(struct dispatch *dispatch, int reason,
                             const struct descriptor *spare)
{
    for (int fd = 0; fd < dispatch->size; fd++)
        if (dispatch->table[fd] && dispatch->table[fd] != spare)
            dispatch_disconnect(dispatch, dispatch->table[fd], reason);
}

static void tell(struct descriptor *descriptor)
{
    descriptor->state = TOLD;
    trace("  %s %d is lost", descriptor->class->name, descriptor->fd);
    if (descriptor->class->connection_lost)
        descriptor->class->connection_lost(descriptor, descriptor->reason);
}

static void bury(struct descriptor *descriptor)
{
    if (descriptor->reason != EBADF) /* then it is not ours to close */
        close(descriptor->fd);
    descriptor->state = NEW;
    descriptor->changed = 0;
    if (descriptor->class->dispose)
        descriptor->class->dispose(descriptor);
}

/* Tells all the lost, and only then buries them: whoever is told may still
 * reach for another. Those that are lost in the course of it are added to the
 * end and told as well, or, if they stood there already, the next time. */
static void settle_lost(struct dispatch *dispatch)
{
    struct descriptor **link = &dispatch->first, *dead = NULL, *descriptor;

    for (descriptor = *link; descriptor; descriptor = descriptor->next)
        if (descriptor->state == LOST)
            tell(descriptor);
    while ((descriptor = *link)) {
        if (descriptor->state == TOLD) {
            *link = descriptor->next;
            descriptor->next = dead;
            dead = descriptor;
        } else {
            link = &descriptor->next;
        }
    }
    dispatch->end = link;
    while ((descriptor = dead)) {
        dead = descriptor->next;
        bury(descriptor);
    }
}

static void run(struct dispatch *dispatch, struct descriptor *descriptor,
                const char *what, int (*function)(struct descriptor *))
{
    trace("  %s %d: %s", descriptor->class->name, descriptor->fd, what);
    int reason = function(descriptor);
    if (reason != REASON_NONE)
        dispatch_disconnect(dispatch, descriptor, reason);
}

bool dispatch_end_turn(struct dispatch *dispatch)
{
    struct descriptor *descriptor, *next;

    settle_lost(dispatch);
    /* Most writes need no poller: the kernel has room. Who is added to the
     * end by the writing of others has its turn when the kernel says so. */
    struct descriptor **end = dispatch->end;
    for (descriptor = dispatch->first; descriptor && descriptor != *end;
         descriptor = descriptor->next)
        if (descriptor->wanted & POLLER_WRITE & ~descriptor->watched)
            run(dispatch, descriptor, "do_write", descriptor->class->do_write);
    /* What is lost by now is left for next time; the rest is passed on. */
    next = dispatch->first;
    dispatch->first = NULL;
    dispatch->end = &dispatch->first;
    while ((descriptor = next)) {
        next = descriptor->next;
        descriptor->changed = 0;
        if (descriptor->state == WATCHED)
            tell_poller(dispatch, descriptor, descriptor->wanted);
        else
            note_change(dispatch, descriptor);
    }
    return dispatch->first != NULL;
}

static void dispatch_event(struct dispatch *dispatch,
                           const struct poller_event *event)
{
    struct descriptor *descriptor =
        event->fd < dispatch->size ? dispatch->table[event->fd] : NULL;

    if (!descriptor)
        return;
    if (event->events & POLLER_BAD)
        dispatch_disconnect(dispatch, descriptor,
                            EBADF); /* wants no more, then */
    /* What is wanted is asked anew before each call: the one before, of this
     * descriptor or of another, may have changed it. */
    if (event->events & POLLER_READ & descriptor->wanted)
        run(dispatch, descriptor, "do_read", descriptor->class->do_read);
    if (event->events & POLLER_WRITE & descriptor->wanted)
        run(dispatch, descriptor, "do_write", descriptor->class->do_write);
}

int dispatch_wait(struct dispatch *dispatch, int64_t nanoseconds)
{
    struct poller *poller = dispatch->poller;
    const struct poller_event *ready;

    trace("  %s waits on %d descriptors, at most %.3f s", poller->class->call,
          dispatch->watched, nanoseconds < 0 ? INFINITY : nanoseconds / 1e9);
    int count = poller->class->wait(poller, nanoseconds, &ready);
    if (count < 0)
        return -1;
    trace("  %d ready", count);
    for (int i = 0; i < count; i++)
        dispatch_event(dispatch, &ready[i]);
    return 0;
}
