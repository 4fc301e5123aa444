/* SPDX-License-Identifier: MIT
 *
 * net.h - the boilerplate of sockets, and nothing else.
 *
 * Every descriptor made here is close-on-exec from the moment it exists, and
 * blocks or does not block as the caller's net_mode says. The caller owns it
 * and closes it. Where nothing else is said, a function returns -1 with errno
 * set when it fails.
 */
#ifndef NET_H
#define NET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "net/address.h"

enum net_mode { NET_BLOCKING, NET_NONBLOCKING };

/* socket, SO_REUSEADDR, bind, listen. `backlog` is how many clients may wait
 * to be accepted; the kernel caps it. Returns the listening descriptor. */
int net_listen_tcp(const struct address *address, int backlog,
                   enum net_mode mode);

/* The next waiting client; `peer`, its address, may be NULL. Tries again when
 * a signal interrupts, or when the client has already gone away or a firewall
 * has taken it (EPERM). */
int net_accept(int listener, struct address *peer, enum net_mode mode);

/* True for the errors of net_accept that mean "not now": no descriptor or no
 * memory is left. The client still waits, so the listener stays readable. */
bool net_accept_exhausted(int error);

/* socket, connect, without blocking: the connection is usually still being
 * made on return, and net_error tells how it went, once the descriptor is
 * writable. `local` is to be our own end; NULL: the kernel chooses one. */
int net_connect_tcp(const struct address *address, const struct address *local);

/* SO_ERROR: 0 or an errno, and forgotten by the kernel once it was told. */
int net_error(int fd);

/* socket, bind: a UDP socket that receives what is sent to `address`. */
int net_bind_udp(const struct address *address, enum net_mode mode);

/* The same for any family, and in between `prepare`, which gets the socket
 * before it has its address, and returns 0, or -1 with errno. */
int net_bind_datagram(const struct address *address, enum net_mode mode,
                      int (*prepare)(int fd));

/* socket, connect: a UDP socket that talks to `address` alone. */
int net_connect_udp(const struct address *address, enum net_mode mode);

/* socket, bind: a UNIX stream socket, which makes the file that `address`
 * names. It does not listen yet. */
int net_bind_unix(const struct address *address, enum net_mode mode);

/* Python's setblocking. */
int net_set_blocking(int fd, bool blocking);

/* A pipe: ends[0] to read from, ends[1] to write to. */
int net_pipe(int ends[2], enum net_mode mode);

#endif
