/* SPDX-License-Identifier: MIT
 *
 * dispatch.h - the descriptors that the loop watches, and the rule that
 * nothing dies in the middle of a turn.
 *
 * Any callback may disconnect any descriptor, its own included. One that is
 * disconnected gets no further event, but its memory stays valid and its
 * number is not given to anybody else until dispatch_end_turn: there
 * connection_lost is called, and then the number is closed and the memory
 * given back. So no event can reach the wrong descriptor or a dead one.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

#include <stdbool.h>

#include "reactor/descriptor.h"
#include "reactor/poller.h"

struct dispatch {
    struct poller *poller;
    struct descriptor **table;       /* number -> the descriptor, or NULL */
    int size;                        /* of the table */
    int watched;                     /* how many there are in it */
    bool closing;                    /* no new one is let in */
    struct descriptor *first, **end; /* those that this turn has changed */
    struct turn_end *calls;          /* for the end of the turn, last first */
    struct running running;          /* whose callback this is */
};

/* Makes the poller. Returns 0, or -1 with errno. dispatch_close disconnects
 * what is still watched, with REASON_LOST. */
int dispatch_open(struct dispatch *dispatch, const struct poller_class *class);
void dispatch_close(struct dispatch *dispatch);

/* Sets what `descriptor` wants to be called for, POLLER_READ, POLLER_WRITE,
 * both or neither. Twice is once; a disconnected descriptor is left alone.
 * Returns 0, or -1 with ENOMEM, EBADF for a negative number, or ECANCELED when
 * the loop is being freed. */
int dispatch_want(struct dispatch *dispatch, struct descriptor *descriptor,
                  unsigned wanted);

/* Disconnects one descriptor. The first reason counts. EBADF means that the
 * number is not open: then it is not closed either. */
void dispatch_disconnect(struct dispatch *dispatch,
                         struct descriptor *descriptor, int reason);

/* Disconnects all but `spare`, with REASON_LOST, and ends the turn as often as
 * it takes until all of them are notified and closed. */
void dispatch_disconnect_all(struct dispatch *dispatch,
                             const struct descriptor *spare);

/* Between two turns: notifies and closes the disconnected, makes the calls
 * that waited for this, lets those write that want to, and tells the poller
 * what has changed. Returns true if that left something to do, so that the
 * wait must not sleep. */
bool dispatch_end_turn(struct dispatch *dispatch);

/* Waits, at most `milliseconds` (-1: without limit), and calls do_read and
 * do_write of what is ready. Returns 0, or -1 with errno if the poller cannot
 * wait. A kernel that is short of memory for a moment is given a rest. */
int dispatch_wait(struct dispatch *dispatch, int milliseconds);

#endif
