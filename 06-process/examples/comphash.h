/* SPDX-License-Identifier: MIT
 *
 * comphash.h - the command `comphash PATH` of cmd_server: hashes that are
 * computed for a client while the client goes on.
 *
 * A struct comphash lives in the client's protocol. When the connection is
 * lost, comphash_cancel; until then answers go to the client's transport.
 */
#ifndef COMPHASH_H
#define COMPHASH_H

#include "deferred/deferred.h"
#include "framing/line_receiver.h"
#include "reactor/reactor.h"

enum { COMPHASH_MAX = 16 /* of a client at a time; its next line waits */ };

struct comphash {
    struct reactor *reactor;
    struct line_receiver *client;
    struct deferred_group hashes; /* those under way */
    int count;                    /* of them */
    struct running asked;         /* who has asked last, for the log */
    bool leaving;                 /* comphash_leave */
};

/* LINE = "comphash" SP PATH, with no other blank. Answers, later as a rule,
 * "File hash is : HEX" or "An error occured : TEXT"; for another line, at
 * once, "Please provide a path.", or what is wrong with the path. */
void comphash_line(struct comphash *self, const char *line, size_t length);

/* Loses the connection once all is answered; no line may follow. */
void comphash_leave(struct comphash *self);

/* Nobody wants them any more; and no line may follow. */
void comphash_cancel(struct comphash *self);

#endif
