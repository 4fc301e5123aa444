/* SPDX-License-Identifier: MIT
 *
 * endpoint.h - from a program's options to a socket that is ready to use.
 *
 * Each function resolves the address, makes the socket and says on standard
 * error what went wrong ("NAME: 127.0.0.1:9000: Address already in use");
 * then it returns -1 and the program ends with status 1. The caller owns the
 * descriptor.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "net/net.h"
#include "program/options.h"

/* A server's listening socket. Prints "listening on ADDRESS:PORT" on standard
 * output, the port as the kernel gave it: who reads that line can connect. */
int endpoint_listen_tcp(const struct options *options, int backlog,
                        enum net_mode mode);

/* Blocks until a client is there and returns its connection; `peer`, its
 * address, may be NULL. While the process has no descriptor or memory left,
 * clients stay in the backlog and are tried again ten times a second. -1 with
 * errno for anything else, and nothing is printed: EAGAIN, at once, if nobody
 * is there and the listener does not block. */
int endpoint_accept(int listener, struct address *peer);

/* A client's connection, made when this returns. It blocks. */
int endpoint_connect_tcp(const struct options *options);

/* The same two for UDP. */
int endpoint_listen_udp(const struct options *options, enum net_mode mode);
int endpoint_connect_udp(const struct options *options);

#endif
