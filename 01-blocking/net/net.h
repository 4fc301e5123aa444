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

/* socket, connect. Under NET_NONBLOCKING the connection is usually still
 * being made on return; net_error then tells how it went, once the
 * descriptor is writable. */
int net_connect_tcp(const struct address *address, enum net_mode mode);

/* SO_ERROR: 0 or an errno, and forgotten by the kernel once it was told. */
int net_error(int fd);

/* socket, bind: a UDP socket that receives what is sent to `address`. */
int net_bind_udp(const struct address *address, enum net_mode mode);

/* socket, connect: a UDP socket that talks to `address` alone. */
int net_connect_udp(const struct address *address, enum net_mode mode);

/* Python's sendall: returns 0 when every byte is with the kernel. A peer that
 * is gone is EPIPE or ECONNRESET, never a SIGPIPE. For blocking sockets. */
int net_send_all(int fd, const void *data, size_t length);

/* recv, again after a signal: what is there, at least one byte, 0 at the
 * peer's end of stream. */
ssize_t net_receive(int fd, void *data, size_t size);

/* Receives until `length` bytes are there. Returns their number, which is
 * smaller only at the peer's end of stream. For blocking sockets. */
ssize_t net_receive_all(int fd, void *data, size_t length);

/* Python's setblocking and settimeout. After `seconds` without a byte, a
 * blocking call fails with EAGAIN; 0 waits for ever. */
int net_set_blocking(int fd, bool blocking);
int net_set_timeout(int fd, double seconds);

/* What to do when a call that waits (select, poll, epoll_wait, recvfrom) has
 * failed with `error`. 0: call it again; a signal came in between, or the
 * kernel is short of memory for a moment, and then this has slept a tenth of a
 * second. -1: it would fail again, for ever. */
int net_wait_failed(int error);

/* A tenth of a second, for who is told that something is used up: a second try
 * at once is a loop at full speed. */
void net_rest(void);

/* A pipe: ends[0] to read from, ends[1] to write to. */
int net_pipe(int ends[2], enum net_mode mode);

#endif
