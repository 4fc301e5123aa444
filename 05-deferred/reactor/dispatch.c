/* SPDX-License-Identifier: MIT
 *
 * dispatch.c - wait, look up, call; and what has to wait until the turn is
 * over. reactor.c calls dispatch_end_turn and dispatch_wait once a turn.
 */
#include "reactor/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reactor/trace.h"

/* The life of a descriptor, from one to the next. */
enum descriptor_state {
    NEW,          /* never seen here, or given back */
    WATCHED,      /* in the table */
    DISCONNECTED, /* out of the table; connection_lost is to be called */
    NOTIFIED      /* it was called; close and dispose are left */
};

/* How long a kernel that is short of memory is left alone, in milliseconds. A
 * second try at once would be a loop at full speed, on a machine in need. */
enum { REST_AFTER_SHORTAGE = 20 };

static void free_poller(struct poller *poller)
{
    if (poller->class->close)
        poller->class->close(poller);
    free(poller);
}

int dispatch_open(struct dispatch *dispatch, const struct poller_class *class)
{
    struct poller *poller = calloc(1, class->size);

    if (!poller)
        return -1;
    poller->class = class;
    if (class->open && class->open(poller) < 0) {
        free_poller(poller);
        return -1;
    }
    *dispatch = (struct dispatch){ .poller = poller };
    dispatch->end = &dispatch->first;
    return 0;
}

void dispatch_close(struct dispatch *dispatch)
{
    /* A connection_lost that adds a descriptor would keep us here for ever. */
    dispatch->closing = true;
    dispatch_disconnect_all(dispatch, NULL);
    free(dispatch->table);
    free_poller(dispatch->poller);
}

/* Puts it among those that dispatch_end_turn will look at, at the end. Once:
 * to be hung there again would cut off those behind it. */
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

/* The kernel gives the smallest number that is free, so a table with a place
 * for each number stays small, and a look-up is one access. */
static int reserve_place(struct dispatch *dispatch, int fd)
{
    if (fd < dispatch->size)
        return 0;
    int size = fd * 2 + 64;
    struct descriptor **grown =
        realloc(dispatch->table, (size_t)size * sizeof(*grown));
    if (!grown)
        return -1; /* ENOMEM; the old table is whole, those in it go on */
    memset(grown + dispatch->size, 0,
           (size_t)(size - dispatch->size) * sizeof(*grown));
    dispatch->table = grown;
    dispatch->size = size;
    return 0;
}

/* The first wish of a descriptor: from here on the loop closes the number. If
 * this fails, it stays with the caller. */
static int add(struct dispatch *dispatch, struct descriptor *descriptor)
{
    int fd = descriptor->fd;

    errno = fd < 0 ? EBADF : ECANCELED; /* reserve_place says ENOMEM */
    if (fd < 0 || dispatch->closing || reserve_place(dispatch, fd) < 0)
        return -1;
    /* The kernel has given this number anew, so a stranger has closed the one
     * that we know. The poller hears that before it hears of the new one. */
    if (dispatch->table[fd])
        dispatch_disconnect(dispatch, dispatch->table[fd], EBADF);
    dispatch->table[fd] = descriptor;
    dispatch->watched++;
    descriptor->state = WATCHED;
    return 0;
}

/* Only notes what is wanted: the poller is told once, when the turn is over,
 * however often a callback changes its mind. What is not wanted any more counts
 * at once: an event that this turn still holds calls nobody. A wish for one
 * that is disconnected is no error: its connection_lost is on its way. */
int dispatch_want(struct dispatch *dispatch, struct descriptor *descriptor,
                  unsigned wanted)
{
    if (descriptor->wanted == wanted)
        return 0;
    if (descriptor->state == NEW && add(dispatch, descriptor) < 0)
        return -1;
    if (descriptor->state == WATCHED) {
        descriptor->wanted = (unsigned char)wanted;
        note_change(dispatch, descriptor);
    }
    return 0;
}

/* One who paused and resumed in the same turn wants what the poller knows: no
 * system call. A refusal (ERANGE of select, ENOMEM, EBADF of a number that is
 * closed) is the end of this descriptor, and of no other. */
static void tell_poller(struct dispatch *dispatch, struct descriptor *it)
{
    if (it->wanted == it->watched)
        return;
    if (dispatch->poller->class->change(dispatch->poller, it->fd, it->watched,
                                        it->wanted) == 0)
        it->watched = it->wanted;
    else
        dispatch_disconnect(dispatch, it, errno);
}

/* Takes a note, and the number out of the table, so that no event finds it
 * any more. It stays open, or the kernel would give it to somebody else while
 * events for the old owner are still to be looked up in this turn. */
void dispatch_disconnect(struct dispatch *dispatch,
                         struct descriptor *descriptor, int reason)
{
    if (descriptor->state == DISCONNECTED || descriptor->state == NOTIFIED)
        return;
    descriptor->wanted = 0; /* no do_write after the do_read that ended it */
    if (descriptor->state == WATCHED) {
        tell_poller(dispatch, descriptor); /* while its number is open */
        dispatch->table[descriptor->fd] = NULL;
        dispatch->watched--;
    }
    descriptor->state = DISCONNECTED;
    descriptor->reason = reason;
    note_change(dispatch, descriptor);
}

/* dispatch_disconnect calls nobody, so the table holds still meanwhile. */
void dispatch_disconnect_all(struct dispatch *dispatch,
                             const struct descriptor *spare)
{
    for (int fd = 0; fd < dispatch->size; fd++)
        if (dispatch->table[fd] && dispatch->table[fd] != spare)
            dispatch_disconnect(dispatch, dispatch->table[fd], REASON_LOST);
    /* Again, for those that a connection_lost has ended in the round before. */
    while (dispatch_end_turn(dispatch))
        ;
}

/* What the reason is called in the trace. */
static const char *reason_text(int reason)
{
    return reason > 0              ? strerror(reason)
           : reason == REASON_LOST ? "the loop has ended"
           : reason == REASON_DONE ? "closed cleanly"
                                   : "ended by its owner";
}

/* NOTIFIED comes first: a connection_lost that disconnects its own descriptor
 * once more, or wants something of it, changes nothing. */
static void notify_lost(struct dispatch *dispatch,
                        struct descriptor *descriptor)
{
    const struct descriptor_class *class = descriptor->class;

    descriptor->state = NOTIFIED;
    trace("  %s %d: connection_lost, %s", class->name, descriptor->fd,
          reason_text(descriptor->reason));
    if (!class->connection_lost)
        return;
    dispatch->running = (struct running){ class->describe, descriptor };
    class->connection_lost(descriptor, descriptor->reason);
    dispatch->running = (struct running){ NULL, NULL };
}

/* What close returns is not looked at: on Linux the number is free even after
 * an error. The struct is as good as new before dispose, which may free it, and
 * is not touched after. */
static void close_and_dispose(struct descriptor *descriptor)
{
    if (descriptor->reason != EBADF) /* or a stranger has closed it */
        close(descriptor->fd);
    descriptor->state = NEW;
    descriptor->changed = 0;
    if (descriptor->class->dispose)
        descriptor->class->dispose(descriptor);
}

/* Notifies all that are disconnected, and closes none before: whoever is
 * notified may still reach for another. Those that are disconnected in the
 * course of it go to the end of the list and are notified as well or, if they
 * stood there already, the next time. */
static void finish_disconnects(struct dispatch *dispatch)
{
    struct descriptor **link = &dispatch->first, *dead = NULL, *descriptor;

    while ((descriptor = *link)) {
        if (descriptor->state == DISCONNECTED)
            notify_lost(dispatch, descriptor);
        if (descriptor->state == NOTIFIED) {
            *link = descriptor->next;
            descriptor->next = dead;
            dead = descriptor;
        } else {
            link = &descriptor->next;
        }
    }
    dispatch->end = link; /* whole again: dispose may disconnect others */
    while ((descriptor = dead)) {
        dead = descriptor->next;
        close_and_dispose(descriptor);
    }
}

/* The calls that were waiting now; what they add waits for the next turn. */
static void make_turn_end_calls(struct dispatch *dispatch)
{
    struct turn_end *call = dispatch->calls, *next;

    dispatch->calls = NULL;
    for (; call; call = next) {
        next = call->next; /* its function may free it */
        call->function(call->argument);
    }
}

/* Calls do_read or do_write, and drops the descriptor if that says why. The
 * function may have disconnected it itself: it is still there, as nothing is
 * freed before the turn is over, and its first reason counts. */
static void run(struct dispatch *dispatch, struct descriptor *descriptor,
                const char *what, int (*function)(struct descriptor *))
{
    trace("  %s %d: %s", descriptor->class->name, descriptor->fd, what);
    dispatch->running =
        (struct running){ descriptor->class->describe, descriptor };
    int reason = function(descriptor);
    dispatch->running = (struct running){ NULL, NULL };
    if (reason != REASON_NONE)
        dispatch_disconnect(dispatch, descriptor, reason);
}

/* The order matters: connection_lost and the calls may still ask for writes,
 * and all of them, and the writes, change what the poller has to hear. */
bool dispatch_end_turn(struct dispatch *dispatch)
{
    struct descriptor **link = &dispatch->first, *descriptor;

    finish_disconnects(dispatch);
    make_turn_end_calls(dispatch);
    /* Most writes need no poller: the kernel has room. Only those that stand
     * in the list now are tried. A writer that another one asks for waits for
     * the poller, or two that ask for each other would never let us wait. */
    struct descriptor **end = dispatch->end;
    for (descriptor = dispatch->first; descriptor && descriptor != *end;
         descriptor = descriptor->next)
        if (descriptor->wanted & POLLER_WRITE & ~descriptor->watched)
            run(dispatch, descriptor, "do_write", descriptor->class->do_write);
    /* The poller is told of all; what is disconnected by now, also because the
     * poller has refused it, is left for the next time. */
    while ((descriptor = *link)) {
        tell_poller(dispatch, descriptor);
        if (descriptor->state == WATCHED) {
            *link = descriptor->next;
            descriptor->changed = 0;
        } else {
            link = &descriptor->next;
        }
    }
    dispatch->end = link;
    /* Somebody is still to be told, or called: the wait must not sleep. */
    return dispatch->first || dispatch->calls;
}

/* From the number that the poller reports to the functions of its owner. An
 * earlier event of this turn may have disconnected it: then the table has
 * nobody there, and the event is dropped. */
static void dispatch_event(struct dispatch *dispatch,
                           const struct poller_event *event)
{
    struct descriptor *descriptor = dispatch->table[event->fd];

    if (!descriptor)
        return;
    if (event->events & POLLER_BAD)
        dispatch_disconnect(dispatch, descriptor, EBADF); /* wants no more */
    /* What is wanted is asked anew before each call: the one before, of this
     * descriptor or of another, may have changed it. */
    if (event->events & POLLER_READ & descriptor->wanted)
        run(dispatch, descriptor, "do_read", descriptor->class->do_read);
    if (event->events & POLLER_WRITE & descriptor->wanted)
        run(dispatch, descriptor, "do_write", descriptor->class->do_write);
}

static void trace_wait(const struct dispatch *dispatch, int milliseconds)
{
    if (milliseconds < 0)
        trace("  %s waits on %d descriptors, without limit",
              dispatch->poller->class->name, dispatch->watched);
    else
        trace("  %s waits on %d descriptors, at most %.3f s",
              dispatch->poller->class->name, dispatch->watched,
              milliseconds / 1e3);
}

/* Returns 0 after a rest if the kernel lacks memory, which passes; all other
 * errors mean that the loop cannot go on. POSIX lets poll say EAGAIN for what
 * is ENOMEM on Linux. */
static int wait_failed(int milliseconds)
{
    struct timespec rest = { 0 };

    if (errno != ENOMEM && errno != EAGAIN)
        return -1;
    trace("  %s: a rest", strerror(errno));
    /* No longer than was asked for, or the next delayed call would be late. */
    if (milliseconds < 0 || milliseconds > REST_AFTER_SHORTAGE)
        milliseconds = REST_AFTER_SHORTAGE;
    rest.tv_nsec = milliseconds * 1000 * 1000;
    nanosleep(&rest, NULL); /* ends early if a signal comes, as the wait does */
    return 0;
}

/* `ready` points into the poller, which may move it when a number is added. It
 * is told of new numbers at the end of the turn only, so not in this loop. */
int dispatch_wait(struct dispatch *dispatch, int milliseconds)
{
    struct poller *poller = dispatch->poller;
    const struct poller_event *ready;

    trace_wait(dispatch, milliseconds);
    int count = poller->class->wait(poller, milliseconds, &ready);
    if (count < 0)
        return wait_failed(milliseconds);
    trace("  %d ready", count);
    for (int i = 0; i < count; i++)
        dispatch_event(dispatch, &ready[i]);
    return 0;
}
