/* SPDX-License-Identifier: MIT
 *
 * write_watermark.h - whether a peer keeps up with what it is sent, for a
 * protocol that can wait with the next answer until it does.
 *
 * It is a push producer that only listens, so the transport leaves it to the
 * protocol to stop reading. It lives in the protocol.
 */
#ifndef WRITE_WATERMARK_H
#define WRITE_WATERMARK_H

#include "protocol/transport.h"

struct write_watermark {
    struct producer producer; /* first: a pointer to it is one to all of it */
    struct transport *transport;
    bool full; /* more is queued than should be */
    void (*changed)(void *argument);
    void *argument;
};

/* From now on `full` says how things are, and changed(argument) is called when
 * that changes, and for each write while it is full; from within that write.
 * Whoever wants to hear no more unregisters the producer: the transport looks
 * after itself again. */
void write_watermark_watch(struct write_watermark *self,
                           struct transport *transport,
                           void (*changed)(void *argument), void *argument);

#endif
