/* SPDX-License-Identifier: MIT
 *
 * file_sender.c - a file as a pull producer: whenever the transport has nothing
 * left to send it asks for more, and gets the next piece.
 */
#include "protocol/file_sender.h"

#include <errno.h>
#include <unistd.h>

/* Unregisters first: `done` may start the next file on the same transport. */
static void end(struct file_sender *self, int error)
{
    transport_unregister_producer(self->transport);
    self->done(self->argument, error);
}

/* The loop is blocked while the disk is read. A file has no readiness to wait
 * for, and a piece is mostly in the kernel's cache; a disk that is slow makes
 * all other connections wait for a piece at a time. */
static void resume_producing(struct producer *base)
{
    struct file_sender *self = (struct file_sender *)base;
    char piece[FILE_SENDER_PIECE];
    size_t most =
        self->left < FILE_SENDER_PIECE ? (size_t)self->left : sizeof(piece);

    if (most == 0) { /* the last piece has gone, too */
        end(self, 0);
        return;
    }
    ssize_t length = read(self->file, piece, most);
    if (length <= 0) { /* somebody has made it shorter meanwhile */
        end(self, length < 0 ? errno : ENODATA);
        return;
    }
    self->left -= length;
    transport_write(self->transport, piece, (size_t)length);
}

/* The connection is lost, and has dropped us already. */
static void stop_producing(struct producer *base)
{
    struct file_sender *self = (struct file_sender *)base;

    self->done(self->argument, ECANCELED);
}

int file_sender_start(struct file_sender *self, struct transport *transport,
                      int file, int64_t size,
                      void (*done)(void *argument, int error), void *argument)
{
    self->base = (struct producer){ .resume_producing = resume_producing,
                                    .stop_producing = stop_producing };
    self->transport = transport;
    self->file = file;
    self->left = size;
    self->done = done;
    self->argument = argument;
    return transport_register_producer(transport, &self->base, false);
}
