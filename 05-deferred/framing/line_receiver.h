/* SPDX-License-Identifier: MIT
 *
 * line_receiver.h - a protocol that gets lines, however the bytes are cut:
 * Twisted's LineReceiver. It can be switched to raw bytes and back at any
 * point, in the middle of a segment too.
 *
 * A program's protocol begins with a struct line_receiver, and its class is a
 * struct line_receiver_class, whose base has line_receiver_data_received and
 * line_receiver_connection_lost, or functions that call those.
 */
#ifndef LINE_RECEIVER_H
#define LINE_RECEIVER_H

#include "framing/input_queue.h"

enum { LINE_MAX_LENGTH = 16384 }; /* bytes of a line, without its end */

struct line_receiver {
    struct protocol base;
    struct input_queue input;
    bool raw; /* raw mode */

    /* The rest belongs to line_receiver.c. */
    unsigned scanned;  /* bytes of a line without its end, known to have none */
    unsigned raw_used; /* by raw_data_received, which is running */
};

struct line_receiver_class {
    struct protocol_class base;
    const char *delimiter; /* NULL: "\r\n" */
    size_t max_length;     /* 0: LINE_MAX_LENGTH */

    /* One line, without its delimiter; it is not NUL-terminated, and gone
     * when this returns. */
    void (*line_received)(struct line_receiver *self, const char *line,
                          size_t length);

    /* Bytes in raw mode, at least one. */
    void (*raw_data_received)(struct line_receiver *self, const char *data,
                              size_t length);

    /* A line is too long: all that has come of it, and of what followed.
     * NULL: the connection is lost. */
    void (*line_length_exceeded)(struct line_receiver *self, const char *data,
                                 size_t length);
};

void line_receiver_data_received(struct protocol *protocol, const char *data,
                                 size_t length);

/* Frees what was not delivered. */
void line_receiver_connection_lost(struct protocol *protocol,
                                   struct failure reason);

/* Sends a line and the delimiter. */
void line_receiver_send_line(struct line_receiver *self, const char *line,
                             size_t length);

/* From the next byte on. raw_data_received gives back the last `rest` of its
 * bytes, which it does not want; for everybody else it is 0. */
void line_receiver_set_raw_mode(struct line_receiver *self);
void line_receiver_set_line_mode(struct line_receiver *self, size_t rest);

/* Stops after the line that is being delivered, and goes on with those that
 * are there already. input.read_ahead: see input_queue_pause. */
void line_receiver_pause(struct line_receiver *self);
void line_receiver_resume(struct line_receiver *self);

#endif
