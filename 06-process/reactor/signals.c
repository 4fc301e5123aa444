/* SPDX-License-Identifier: MIT
 *
 * signals.c - a handler that only takes a note, and the function that reads the
 * notes in the loop. reactor.c calls signals_deliver once a turn.
 */
#include "reactor/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "reactor/trace.h"

/* A handler gets a number and nothing else, so what it needs is static: this
 * table, a row for each signal. A row is filled before its handler exists. */
static struct watched {
    const struct waker *waker; /* NULL: not watched */
    void (*function)(void *argument);
    void *argument;
    struct sigaction before; /* what to give back */
    bool was_blocked;        /* the same */
    volatile sig_atomic_t came;
} table[SIGNALS_END];

/* Any of them came: spares the loop a look at every row in every turn. */
static volatile sig_atomic_t any_came;

/* It may have interrupted malloc or printf: nothing that needs them, or a lock,
 * is allowed. Its row first: where this runs on another thread, the loop could
 * see and clear any_came before the row says anything. */
static void handle(int signal)
{
    table[signal].came = 1;
    any_came = 1;
    waker_wake(table[signal].waker);
}

/* SIG_BLOCK or SIG_UNBLOCK; returns whether it was blocked before. */
static bool mask(int how, int signal)
{
    sigset_t set, before;

    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(how, &set, &before);
    return sigismember(&before, signal) == 1;
}

int signals_watch(int signal, const struct waker *waker,
                  void (*function)(void *), void *argument)
{
    /* Calls that a signal interrupts go on by themselves where they can; the
     * pollers' cannot, and so the wait ends. */
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };

    if (signal < 1 || signal >= SIGNALS_END || table[signal].waker) {
        errno = signal < 1 || signal >= SIGNALS_END ? EINVAL : EBUSY;
        return -1;
    }
    struct watched *row = &table[signal];
    row->function = function;
    row->argument = argument;
    row->came = 0;
    row->waker = waker;
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, &row->before) < 0) {
        row->waker = NULL;
        return -1;
    }
    /* Whoever started us may have left it blocked; then it would never come,
     * not even a SIGTERM. */
    row->was_blocked = mask(SIG_UNBLOCK, signal);
    return 0;
}

void signals_deliver(const struct waker *waker)
{
    if (!any_came)
        return;
    any_came = 0; /* before the look: one that comes now is seen next turn */
    for (int signal = 1; signal < SIGNALS_END; signal++) {
        struct watched *row = &table[signal];
        if (row->waker != waker || !row->came)
            continue;
        row->came = 0; /* before the call: one that comes now counts again */
        trace("  signal %d", signal);
        row->function(row->argument);
    }
}

void signals_restore(const struct waker *waker)
{
    for (int signal = 1; signal < SIGNALS_END; signal++) {
        if (table[signal].waker != waker)
            continue;
        /* First, or one that comes between the two calls would kill. */
        if (table[signal].was_blocked)
            mask(SIG_BLOCK, signal);
        sigaction(signal, &table[signal].before, NULL);
        table[signal].waker = NULL; /* last: the handler uses it until here */
    }
}
