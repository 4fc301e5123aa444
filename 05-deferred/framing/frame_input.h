/* SPDX-License-Identifier: MIT
 *
 * frame_input.h - what comes in, cut into frames: strings that say first how
 * long they are. int_receiver and netstring_receiver know what a frame looks
 * like, and this is what they share; a program uses one of those two.
 *
 * A frame that is whole in its segment is delivered from there. Only one that
 * is cut is copied, as its bytes come: what a frame promises costs nothing.
 */
#ifndef FRAME_INPUT_H
#define FRAME_INPUT_H

#include <stdbool.h>

#include "protocol/buffer.h"
#include "protocol/protocol.h"

/* What begins at some bytes. */
struct frame {
    size_t lacks;         /* bytes that must still come, at least; 0: none */
    size_t start, length; /* where its string is, once it lacks none */
    size_t end;           /* where the next frame begins */
};

/* All zeroes to begin with. */
struct frame_input {
    struct buffer kept; /* what is not delivered yet */
    bool paused;        /* nothing is delivered now */
    bool busy;          /* a callback is running */
    bool over;          /* nothing is delivered any more */
};

/* Whose input it is; made for each call. */
struct frame_owner {
    struct protocol *protocol;
    struct frame_input *input;

    /* Looks at a frame of which so many bytes are there, possibly none.
     * Returns false when it is refused; then the peer has been told, and this
     * is the end of the input. */
    bool (*look)(struct protocol *protocol, const char *data, size_t length,
                 struct frame *frame);
    void (*deliver)(struct protocol *protocol, const char *string,
                    size_t length);
};

/* Delivers the frames that are whole by now. What comes while a callback is
 * running is delivered after all that came before. Without memory the
 * connection is aborted. */
void frame_input_receive(const struct frame_owner *owner, const char *data,
                         size_t length);

/* Stops after the frame that is being delivered, and goes on with those that
 * are there already. */
void frame_input_pause(const struct frame_owner *owner);
void frame_input_resume(const struct frame_owner *owner);

/* Aborts the connection and delivers nothing more. */
void frame_input_abort(const struct frame_owner *owner);

/* Frees what was not delivered; nothing is any more. */
void frame_input_close(struct frame_input *input);

#endif
