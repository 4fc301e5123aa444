/* SPDX-License-Identifier: MIT
 *
 * amqp_content.h - a message: what is said about it, and its body. On the wire
 * it follows a method: one frame with the content header, then its body in as
 * many frames as that takes.
 *
 *     header = CLASS(2) WEIGHT(2) BODY-SIZE(8) FLAGS(2) PROPERTY...
 *
 * There is a property for each flag that is set, in the order of the flags.
 */
#ifndef AMQP_CONTENT_H
#define AMQP_CONTENT_H

#include "amqp/amqp_frame.h"
#include "protocol/buffer.h"

enum {
    AMQP_MESSAGE_MAX = 16 << 20,         /* bytes of a body */
    AMQP_HEADER_MAX = 14 + 2 * (1 + 255) /* bytes of a header of ours */
};

/* Those that remote calls need; a string of no bytes is not there. */
struct amqp_properties {
    struct amqp_bytes correlation_id; /* which call an answer is for */
    struct amqp_bytes reply_to;       /* the queue that waits for it */
};

/* Writes the header of a message with so long a body. Returns how many bytes,
 * or -1 with EMSGSIZE when a property is too long. */
ssize_t amqp_header_write(char *header,
                          const struct amqp_properties *properties,
                          size_t body_length);

/* Reads the properties. False: they are not what the flags promise. */
bool amqp_header_read(struct amqp_bytes header,
                      struct amqp_properties *properties);

/* A message while it comes, one for each channel: frames of other channels may
 * come in between. All zeroes: none is coming. */
struct amqp_content {
    enum { CONTENT_NONE, CONTENT_HEADER, CONTENT_BODY } expects;
    struct buffer header, body;
    uint64_t left; /* bytes of the body that must still come */
    bool dropped;  /* it is longer than it may be: nothing is kept of it */
};

/* A method has announced it. */
void amqp_content_begin(struct amqp_content *content);

/* Takes a frame with a header or with a part of a body. Returns 0, and the
 * message is there when `expects` is CONTENT_NONE again; or the code with which
 * the connection must be closed. A body of more than `most` bytes is dropped
 * as it comes: what a header promises costs nothing. */
int amqp_content_receive(struct amqp_content *content,
                         const struct amqp_frame *frame, uint64_t most);

struct amqp_bytes amqp_content_header(const struct amqp_content *content);
struct amqp_bytes amqp_content_body(const struct amqp_content *content);
void amqp_content_clear(struct amqp_content *content);

#endif
