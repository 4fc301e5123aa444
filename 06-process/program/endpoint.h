/* SPDX-License-Identifier: MIT
 *
 * endpoint.h - from a program's options to a reactor that listens or
 * connects.
 *
 * Where something cannot be had, these functions say so on standard error
 * ("NAME: 127.0.0.1:9000: Address already in use") and end the program with
 * status 1: they are for main, before the loop runs.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "program/options.h"
#include "stream/tcp_connector.h"
#include "stream/tcp_port.h"

/* The reactor that -r, or the environment, asks for. From here on SIGINT and
 * SIGTERM wait until the loop runs and can take them, but not for a client,
 * which may have to wait for a name server before. */
struct reactor *endpoint_reactor(const struct options *options);

/* reactor_listen_tcp where -i and -p say. Prints "listening on ADDRESS:PORT"
 * on standard output, the port as the kernel gave it. */
struct port *endpoint_listen_tcp(const struct options *options,
                                 struct reactor *reactor,
                                 struct factory *factory);

/* The same without that line, for programs whose log says it. */
struct port *endpoint_listen_logged(const struct options *options,
                                    struct reactor *reactor,
                                    struct factory *factory);

/* reactor_connect_tcp to HOST and -p. */
struct connector *endpoint_connect_tcp(const struct options *options,
                                       struct reactor *reactor,
                                       struct factory *factory);

/* reactor_run and reactor_free. Returns the status that main then returns: 1
 * if the loop could not go on, and it has said why. */
int endpoint_run(const struct options *options, struct reactor *reactor);

#endif
