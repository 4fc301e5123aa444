/* SPDX-License-Identifier: MIT
 *
 * netstring_receiver.h - a protocol that gets strings of any bytes, each in a
 * netstring: "5:hello,". Twisted's NetstringReceiver.
 *
 * A program's protocol begins with a struct netstring_receiver, and its class
 * is a struct netstring_receiver_class, whose base has
 * netstring_receiver_data_received and netstring_receiver_connection_lost, or
 * functions that call those.
 */
#ifndef NETSTRING_RECEIVER_H
#define NETSTRING_RECEIVER_H

#include "framing/input_queue.h"

enum { NETSTRING_MAX_LENGTH = 99999 }; /* bytes of a string */

struct netstring_receiver {
    struct protocol base;
    struct input_queue input;
};

struct netstring_receiver_class {
    struct protocol_class base;
    size_t max_length; /* 0: NETSTRING_MAX_LENGTH */

    /* One string, which may be empty; it is not NUL-terminated, and gone when
     * this returns. Those that came in the same segment follow, even when the
     * transport is told to lose the connection, or to abort it; what holds
     * them back is netstring_receiver_pause, or netstring_receiver_abort.
     *
     * What is no netstring, or one that is too long, loses the connection;
     * nothing after it is delivered. */
    void (*string_received)(struct netstring_receiver *self, const char *string,
                            size_t length);
};

void netstring_receiver_data_received(struct protocol *protocol,
                                      const char *data, size_t length);

/* Frees what was not delivered. */
void netstring_receiver_connection_lost(struct protocol *protocol,
                                        struct failure reason);

/* Sends a string as a netstring. */
void netstring_receiver_send_string(struct netstring_receiver *self,
                                    const char *string, size_t length);

/* Stops after the string that is being delivered, and goes on with those that
 * are there already. input.read_ahead: see input_queue_pause. */
void netstring_receiver_pause(struct netstring_receiver *self);
void netstring_receiver_resume(struct netstring_receiver *self);

/* Aborts the connection; not even those that are there already follow. */
void netstring_receiver_abort(struct netstring_receiver *self);

#endif
