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

/* A client's connection, made when this returns. It blocks. */
int endpoint_connect_tcp(const struct options *options);

#endif
