/* SPDX-License-Identifier: MIT
 *
 * reactor_parts.h - what a reactor is made of. For reactor.c, which runs it,
 * and reactor_doors.c, which lets programs in; nobody else looks inside.
 */
#ifndef REACTOR_PARTS_H
#define REACTOR_PARTS_H

#include "reactor/dispatch.h"
#include "reactor/reactor.h"
#include "reactor/waker.h"

enum reactor_state {
    IDLE,     /* not run yet, or crashed */
    STARTING, /* the first startup triggers run */
    RUNNING,
    STOPPING, /* asked to stop; the turn, and the holds, come first */
    HELD,     /* the first shutdown triggers have run */
    ENDING,   /* everything is being lost */
    ENDED
};

struct reactor {
    enum reactor_state state;
    struct dispatch dispatch;
    struct delayed_calls calls;
    struct thread_calls thread_calls;
    struct triggers startup, shutdown, end;
    struct waker waker;
    int holds;       /* triggers that the shutdown waits for */
    int stop_signal; /* the one that stopped us */
    bool crashed;
    unsigned long turn; /* counted for the trace */
};

#endif
