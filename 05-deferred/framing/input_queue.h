/* SPDX-License-Identifier: MIT
 *
 * input_queue.h - bytes that have come and are not delivered yet, for every
 * protocol that cuts its stream into pieces: lines, strings after their length.
 *
 * A callback may pause the input, abort the connection or feed the protocol
 * more bytes, while others of the same segment still wait. That is dealt with
 * here, once; the protocol on top only knows what a piece looks like.
 *
 * A piece that is whole in its segment is delivered from there. Only one that
 * is cut is copied, as its bytes come: what a peer announces costs nothing.
 */
#ifndef INPUT_QUEUE_H
#define INPUT_QUEUE_H

#include <stdbool.h>

#include "protocol/buffer.h"
#include "protocol/protocol.h"

/* All zeroes to begin with. */
struct input_queue {
    struct buffer kept;  /* what is not delivered yet */
    unsigned read_ahead; /* yours to set: see input_queue_pause */
    bool paused;         /* nothing is delivered now */
    bool delivering;     /* a callback is running */
    bool over;           /* nothing is delivered any more */
};

/* Whose queue it is; made for each call. */
struct input_owner {
    struct protocol *protocol;
    struct input_queue *queue;

    /* Delivers one piece at `data`, or as many as it likes, and returns how
     * many bytes that were. 0: not even the first is whole, and *lacks, if it
     * is set, says how many bytes must come before it can be. */
    size_t (*take)(struct protocol *protocol, const char *data, size_t length,
                   size_t *lacks);
};

/* Delivers what is whole by now. What comes while a callback is running is
 * delivered after all that came before. Without memory the connection is
 * aborted. */
void input_queue_receive(struct input_owner owner, const char *data,
                         size_t length);

/* Stops after the piece that is being delivered, and goes on with those that
 * are there already. Meanwhile the transport reads on until `read_ahead` bytes
 * wait: a peer that has gone is noticed only by who reads. 0: it stops too. */
void input_queue_pause(struct input_owner owner);
void input_queue_resume(struct input_owner owner);

/* Aborts the connection and delivers nothing more. */
void input_queue_abort(struct input_owner owner);

/* Frees what was not delivered; nothing is any more. */
void input_queue_close(struct input_queue *queue);

#endif
