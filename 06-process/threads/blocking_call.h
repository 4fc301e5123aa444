/* SPDX-License-Identifier: MIT
 *
 * blocking_call.h - threads that wait until the loop has called a function for
 * them, and how they are let go when the loop ends. For the thread pool, which
 * has one struct blocking_calls; blocking_call_from_thread itself is declared
 * in threads.h.
 */
#ifndef BLOCKING_CALL_H
#define BLOCKING_CALL_H

#include <pthread.h>
#include <stdbool.h>

struct blocking_call;
struct reactor;

struct blocking_calls {
    struct reactor *reactor;
    bool stopping; /* the loop's: Deferreds are not waited for */

    pthread_mutex_t lock; /* for what follows */
    pthread_t loop;       /* the thread that must not wait for itself */
    bool ended;           /* nobody will be called */
    struct blocking_call *first;
};

void blocking_calls_open(struct blocking_calls *calls, struct reactor *reactor);

/* In the loop. It has begun; it is asked to stop, so that Deferreds that
 * somebody waits for are cancelled; it calls nobody any more, so that all who
 * wait are told CancelledError. */
void blocking_calls_start(struct blocking_calls *calls);
void blocking_calls_stop(struct blocking_calls *calls);
void blocking_calls_end(struct blocking_calls *calls);

/* The reactor's queue of calls will not be looked at again; last. */
void blocking_calls_close(struct blocking_calls *calls);

#endif
