/* SPDX-License-Identifier: MIT
 *
 * client.h - one connection of the load: sends lines, and checks that exactly
 * those come back.
 *
 * A piece is what is sent at once: some messages of equal length. A message is
 * a line, it ends in CR LF and has no other. Nothing here returns an error:
 * whatever fails is said on standard error, and ends the program.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"

enum {
    PIECE_MAX = 32 * 1024, /* bytes; a socket takes so many at once */
    STALL_MS = 5000        /* a server that is silent for so long has failed */
};

struct client {
    int fd;
    unsigned line;   /* the first message that is in flight */
    size_t received; /* bytes that are back of what is in flight */
};

struct lines {
    char *bytes;    /* different messages, one after the other */
    size_t message; /* bytes of one, at least 2 */
    size_t piece;   /* bytes of those that are sent at once */
};

_Noreturn void client_fail(const char *what, const char *why);

/* Milliseconds on the monotonic clock; and doing nothing for so many. */
long long client_now_ms(void);
void client_pause_ms(int ms);

/* The processor time that a process, with all of its threads, has used. It is
 * brought up to date when a thread stops running, so it should sleep by now. */
unsigned long long client_cpu_ns(int pid);

/* Makes lines for pieces of `depth` messages. The caller frees `bytes`. */
struct lines client_lines(size_t message, size_t depth);

/* Connects; the socket blocks. */
void client_dial(struct client *client, const struct address *server);

/* Sends the next piece; the one before must be back. */
void client_send(struct client *client, const struct lines *lines);

/* Takes what has come. True when the whole piece is back. */
bool client_receive(struct client *client, const struct lines *lines);

/* Fails if there is anything that was not asked for. */
void client_check_silent(const struct client *client);

/* A reset: it leaves nothing behind that would keep the port for a minute. */
void client_hang_up(const struct client *client);

#endif
