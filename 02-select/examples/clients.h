/* SPDX-License-Identifier: MIT
 *
 * clients.h - what a server does with its clients, whichever call it waits
 * with: accept and greet them, receive their messages, owe and send the
 * answers, close.
 *
 * Who may still send is in `inputs`, the listener included; who is owed an
 * answer is in `outputs`; who is in neither is closed here at once. So after
 * each of these calls the server has to note anew what it waits for.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

enum { CLIENT_MESSAGE_MAX = 1024 }; /* bytes that one recv may bring */

struct client {
    bool input;  /* in inputs: until the end of its stream */
    size_t owed; /* bytes of answers still to send; in outputs if not 0 */
};

/* Zero it, then clients_add the listener. */
struct clients {
    int listener;
    struct client *table; /* by descriptor; all zero: not ours */
    int *rlist, *wlist;   /* the descriptors that can be read, written */
    int size;             /* of the table and of each list */
    int inputs, outputs;  /* how many wait */
    int rcount, wcount;   /* how many are ready */
};

/* Makes room for `fd` and puts it into inputs. Returns -1 without memory. */
int clients_add(struct clients *clients, int fd);

/* Closes it and forgets it, whatever it is owed. */
void clients_drop(struct clients *clients, int fd);

/* The next client, or -1. Without a descriptor left for it the listener
 * leaves inputs: it would be ready again at once, and again. */
int clients_accept(struct clients *clients);

/* Puts such a listener back, to be called once a turn. It has then sat out
 * one: somebody was ready, and may have left, or the time was over. Returns
 * whether there was anything to do. */
bool clients_accept_again(struct clients *clients);

/* Says hello to a client that has just come. */
void clients_greet(int fd);

/* Receives at most `maximum` messages, and owes an answer for each. One message
 * is what one recv returns, however the client has sent it. */
void clients_read(struct clients *clients, int fd, int maximum);

/* Sends what is missing of one answer, as far as the kernel takes it. Does
 * nothing if none is owed. */
void clients_answer(struct clients *clients, int fd);

/* Empties rlist and wlist, before a wait. After it, notes for which of the
 * two things that we wait for a descriptor is ready. */
void clients_none_ready(struct clients *clients);
void clients_ready(struct clients *clients, int fd, bool readable,
                   bool writable);

#endif
