/* SPDX-License-Identifier: MIT
 *
 * datagram.h - what both ends of a UDP conversation do with a datagram.
 *
 * UDP keeps messages apart: one recvfrom brings one datagram, whole or cut
 * off, never two. The socket stays the caller's.
 */
#ifndef DATAGRAM_H
#define DATAGRAM_H

#include <stddef.h>
#include <sys/types.h>

#include "net/address.h"

/* Bytes; no UDP datagram carries more, so that none is ever cut off. */
enum { DATAGRAM_MAX = 65535 };

/* recvfrom, again after a signal: waits for a datagram, puts it into `data`
 * (DATAGRAM_MAX bytes) and its sender into `from`. Returns its length; 0 is an
 * empty datagram, for UDP has no end of stream. -1 with errno: EAGAIN after
 * net_set_timeout's time; on a connected socket ECONNREFUSED when one that we
 * sent came back. */
ssize_t datagram_receive(int fd, char *data, struct address *from);

/* Prints "DATA HOST PORT" on standard output, the data as net/text.h says, so
 * that whatever a stranger sends stays on one line. */
void datagram_print(const char *data, size_t length,
                    const struct address *from);

#endif
