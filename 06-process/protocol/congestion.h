/* SPDX-License-Identifier: MIT
 *
 * congestion.h - whether a peer keeps up with what it is sent, for a protocol
 * that can wait with the next answer until it does.
 *
 * It is a push producer that only listens, so the transport leaves it to the
 * protocol to stop reading. It lives in the protocol.
 */
#ifndef CONGESTION_H
#define CONGESTION_H

#include "protocol/transport.h"

struct congestion {
    struct producer producer;
    struct transport *transport;
    bool full; /* more is queued than should be */
    void (*changed)(void *argument);
    void *argument;
};

/* From now on `full` says how things are, and changed(argument) is called when
 * that changes; it may be from within a write. */
void congestion_watch(struct congestion *self, struct transport *transport,
                      void (*changed)(void *argument), void *argument);

/* Not any more, and the transport can look after itself again. */
void congestion_ignore(struct congestion *self);

#endif
