/* SPDX-License-Identifier: MIT
 *
 * file_sender.h - sends a file over a transport, a piece at a time: Twisted's
 * FileSender. It is a pull producer: the next piece is read when the last one
 * is gone, so that a large file to a slow peer costs one piece of memory.
 *
 * It lives inside a struct of yours, and the file stays yours.
 */
#ifndef FILE_SENDER_H
#define FILE_SENDER_H

#include <stdint.h>

#include "protocol/transport.h"

/* Bytes in memory at a time. Pieces of 16 KiB cost a tenth more of the
 * processor, those of 256 KiB a tenth less; but as much is kept for every
 * client that is slow, and lies on the stack while it is read. */
enum { FILE_SENDER_PIECE = 64 << 10 };

struct file_sender {
    struct producer base;
    struct transport *transport;
    int file;
    int64_t left; /* bytes that are not read yet */
    void (*done)(void *argument, int error);
    void *argument;
};

/* Sends the next `size` bytes of `file`, not one more or less. Calls `done`
 * once, perhaps before it returns: with 0 when all of them are on their way,
 * with the errno of a read, ENODATA when the file has less, or ECANCELED when
 * the connection is lost. Returns 0, or -1 with EBUSY when the transport has
 * another producer. */
int file_sender_start(struct file_sender *self, struct transport *transport,
                      int file, int64_t size,
                      void (*done)(void *argument, int error), void *argument);

#endif
