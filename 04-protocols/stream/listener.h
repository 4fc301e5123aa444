/* SPDX-License-Identifier: MIT
 *
 * listener.h - what a listening stream socket of any kind does: it accepts,
 * asks the factory for a protocol, and joins the two by a connection.
 *
 * For tcp_port.c and unix_port.c, whose ports begin with a struct listener.
 * Their descriptor class has listener_describe, listener_do_read and
 * port_dispose in it, and a connection_lost that calls listener_lost.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include "protocol/port.h"
#include "protocol/protocol.h"

enum { LISTENER_BACKLOG = 50 }; /* clients that may wait, if nobody says */

struct listener {
    struct port base; /* bound, listening */
    struct factory *factory;

    /* The rest belongs to listener.c; zeroes at first. */
    int accepts;       /* clients accepted in one turn */
    unsigned accepted; /* connections so far; 0 again after 2^32 of them */
    int reserve;       /* a descriptor to give up when there is no other */
    struct delayed_call again;
};

/* Begins to accept. Returns 0, or -1 with errno: then the descriptor and the
 * memory are still the caller's. The factory is the caller's to start. */
int listener_start(struct listener *listener);

void listener_describe(const void *object, char *text);
int listener_do_read(struct descriptor *base);

/* Gives back what listener_start took, and stops the factory. */
void listener_lost(struct listener *listener);

#endif
