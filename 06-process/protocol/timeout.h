/* SPDX-License-Identifier: MIT
 *
 * timeout.h - ends a protocol whose peer is silent for too long: Twisted's
 * TimeoutMixin. For any protocol, in three lines:
 *
 *     timeout_start(&self->timeout, &self->base, 60, NULL);  connection_made
 *     timeout_reset(&self->timeout);                         data_received
 *     timeout_stop(&self->timeout);                          connection_lost
 *
 * The struct lives in the protocol, so the third must not be forgotten, nor
 * come before something that starts it again: the loop would call for a
 * protocol that is gone.
 */
#ifndef TIMEOUT_H
#define TIMEOUT_H

#include "protocol/protocol.h"
#include "reactor/reactor.h"

/* All zeroes is one that was never started. */
struct timeout {
    struct delayed_call call; /* whose argument is the protocol */
    double seconds;
};

/* Calls expired(protocol) once when so many seconds have gone by since the
 * start or the last reset; NULL loses the connection, with what is owed sent
 * first (a peer that does not read keeps it open). The protocol has its
 * transport by now. Starting again changes both. Without memory for it the
 * connection is aborted: nobody would ever end it. */
void timeout_start(struct timeout *timeout, struct protocol *protocol,
                   double seconds, void (*expired)(void *protocol));

/* Counts from now; does nothing to one that does not run. */
void timeout_reset(struct timeout *timeout);

void timeout_stop(struct timeout *timeout);

#endif
