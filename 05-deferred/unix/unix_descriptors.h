/* SPDX-License-Identifier: MIT
 *
 * unix_descriptors.h - open files as part of a stream: what a connection over
 * a UNIX socket can do, and no other. Twisted calls it sendFileDescriptor and
 * IFileDescriptorReceiver.
 *
 * A descriptor travels with one byte of the stream. The connection owns those
 * that wait to be sent; those that have come are the program's.
 */
#ifndef UNIX_DESCRIPTORS_H
#define UNIX_DESCRIPTORS_H

#include "protocol/protocol.h"

enum { UNIX_DESCRIPTORS_MAX = 64 }; /* that wait to be sent */

/* Lets a connection send and receive descriptors; call it in connection_made.
 * `received` gets each that comes, before the byte that it came with is
 * delivered, and owns it: it is close-on-exec, and blocks or not as it did at
 * the sender's. NULL: they are closed, as they are on a connection that has
 * not been enabled. To enable it again only changes `received`.
 *
 * The bytes that were read with a descriptor are delivered even if `received`
 * pauses or loses the connection, as in Twisted. When it aborts it, they are
 * dropped and further descriptors closed. When there is no number left for
 * one that came, the connection is lost.
 *
 * Returns 0, or -1 with errno: EINVAL when it is no connection over a UNIX
 * socket; ENOMEM, then nothing has changed. */
int unix_descriptors_enable(struct transport *transport,
                            void (*received)(struct protocol *self, int fd));

/* Queues a copy of `fd`, which stays the caller's and may be closed. It goes
 * with the first byte that is neither sent nor taken by a descriptor before
 * it. That byte must have been written before the loop's next wait: when there
 * are more descriptors than bytes, the connection is lost.
 *
 * Returns 0, or -1 with errno: EAGAIN when UNIX_DESCRIPTORS_MAX wait; EINVAL
 * when it was not enabled; ENOTCONN when nothing can be written any more;
 * EBADF, EMFILE. */
int unix_descriptors_send(struct transport *transport, int fd);

#endif
