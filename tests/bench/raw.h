/* SPDX-License-Identifier: MIT
 *
 * raw.h - what the hand-written echo loops share: what to do with one client
 * that is ready. The loops are the floor that the reactor is measured against,
 * so there is nothing here that an echo server can do without.
 */
#ifndef RAW_H
#define RAW_H

#include <stddef.h>

enum {
    RAW_BACKLOG = 50,
    RAW_ROOM = 64 * 1024 /* bytes of one read; all clients share the room */
};

/* What a client is to be watched for next. RAW_CLOSED: it is no more. */
enum raw_next { RAW_CLOSED, RAW_READ, RAW_WRITE };

struct raw_client {
    int fd;
    char *waiting; /* what it has not taken yet; NULL nearly always */
    size_t length; /* bytes of that */
    size_t sent;
};

/* The listening socket, as -p says; announces it. Ends the program if there
 * is none. */
int raw_listen(int argc, char **argv);

/* Sends the bytes, after those that wait; what the kernel does not take is
 * copied. */
enum raw_next raw_send(struct raw_client *client, const char *bytes,
                       size_t length);

/* Reads into `room` and sends it back at once. */
enum raw_next raw_read(struct raw_client *client, char *room);

/* Sends what is waiting; the client is not read until it is gone. */
enum raw_next raw_write(struct raw_client *client);

/* Closes it and frees what is waiting. Returns RAW_CLOSED. */
enum raw_next raw_hang_up(struct raw_client *client);

#endif
