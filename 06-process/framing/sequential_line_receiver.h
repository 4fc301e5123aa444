/* SPDX-License-Identifier: MIT
 *
 * sequential_line_receiver.h - a line receiver for lines that take time: one
 * after the other. The next line waits until what this one asks for is done,
 * and until the client has read what it was sent.
 *
 * We read on meanwhile: how else could we hear that the client has gone? A
 * program's protocol begins with a struct sequential_line_receiver, and the
 * base of its class has line_receiver_data_received and the three callbacks
 * below, or functions that call them.
 */
#ifndef SEQUENTIAL_LINE_RECEIVER_H
#define SEQUENTIAL_LINE_RECEIVER_H

#include "framing/line_receiver.h"
#include "protocol/timeout.h"
#include "protocol/write_watermark.h"

enum {
    SEQUENTIAL_READ_AHEAD = 64 * 1024, /* bytes of lines that wait; with as many
                                          of them we do not hear that the
                                          client has gone */
    SEQUENTIAL_IDLE_TIMEOUT = 5 /* seconds; sequential_line_receiver_begin */
};

struct sequential_line_receiver {
    struct line_receiver base;
    struct write_watermark write_watermark;
    struct timeout timeout; /* of a client that has ended its stream */
    bool busy;              /* between begin and end */
    bool ended;             /* the client's stream has ended */
};

struct sequential_line_receiver_class {
    struct line_receiver_class base;

    /* Whether what is written now has to wait. NULL: nothing. */
    void (*write_watermark_changed)(struct sequential_line_receiver *self,
                                    bool full);
};

void sequential_line_receiver_connection_made(struct protocol *protocol);
void sequential_line_receiver_read_connection_lost(struct protocol *protocol);

/* To be called first in a connection_lost: no line is delivered after it, not
 * even if a callback of what is cancelled then calls `end`. */
void sequential_line_receiver_connection_lost(struct protocol *protocol,
                                              struct failure reason);

/* `begin`: what the client has asked for is under way. `end`: it is done; the
 * next line may be delivered before this returns. A client may end its stream
 * and wait for the rest. It may have gone altogether, too, and that shows only
 * when we send something; so one that has ended its stream, and whom we have
 * not sent anything for SEQUENTIAL_IDLE_TIMEOUT, is lost. A program that is
 * silent for longer stops `timeout` after `begin`. */
void sequential_line_receiver_begin(struct sequential_line_receiver *self);
void sequential_line_receiver_end(struct sequential_line_receiver *self);

/* Sends something, and counts the timeout from now; transport_write does not.
 */
void sequential_line_receiver_write(struct sequential_line_receiver *self,
                                    const void *data, size_t length);

#endif
