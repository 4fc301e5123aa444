/* SPDX-License-Identifier: MIT
 *
 * int_receiver.h - a protocol that gets strings of any bytes, each after its
 * length, a big-endian number: Twisted's Int8, Int16 and Int32StringReceiver.
 *
 * A program's protocol begins with a struct int_receiver, and its class is a
 * struct int_receiver_class, whose base has int_receiver_data_received and
 * int_receiver_connection_lost, or functions that call those.
 */
#ifndef INT_RECEIVER_H
#define INT_RECEIVER_H

#include "framing/input_queue.h"

enum { INT_RECEIVER_MAX_LENGTH = 99999 }; /* bytes of a string */

struct int_receiver {
    struct protocol base;
    struct input_queue input;
};

struct int_receiver_class {
    struct protocol_class base;
    size_t prefix_length; /* bytes of the number: 1, 2 or 4; 0: 4 */
    size_t max_length;    /* 0: INT_RECEIVER_MAX_LENGTH */

    /* One string, which may be empty; it is not NUL-terminated, and gone when
     * this returns. Those that came in the same segment follow, even when the
     * transport is told to lose the connection, or to abort it; what holds
     * them back is int_receiver_pause, or int_receiver_abort. */
    void (*string_received)(struct int_receiver *self, const char *string,
                            size_t length);

    /* The peer announces a string that is too long. Neither that nor anything
     * after it is delivered, whatever this does. NULL: the connection is
     * lost. */
    void (*length_limit_exceeded)(struct int_receiver *self, size_t length);
};

void int_receiver_data_received(struct protocol *protocol, const char *data,
                                size_t length);

/* Frees what was not delivered. */
void int_receiver_connection_lost(struct protocol *protocol,
                                  struct failure reason);

/* Sends a string after its length. Returns 0, or -1 with EMSGSIZE when the
 * number has too few bytes for that; then nothing is sent. */
int int_receiver_send_string(struct int_receiver *self, const char *string,
                             size_t length);

/* Stops after the string that is being delivered, and goes on with those that
 * are there already. input.read_ahead: see input_queue_pause. */
void int_receiver_pause(struct int_receiver *self);
void int_receiver_resume(struct int_receiver *self);

/* Aborts the connection; not even those that are there already follow. */
void int_receiver_abort(struct int_receiver *self);

#endif
