/* SPDX-License-Identifier: MIT
 *
 * unix_port.h - TCP without the network: a port and a connector whose address
 * is a file. The connections, their protocols and factories are the same.
 *
 * Who owns the port, and how it is stopped, is in protocol/port.h; the same of
 * the connector is in stream/tcp_connector.h. The file of a port is there while
 * it listens, and removed then if it is still ours.
 */
#ifndef UNIX_PORT_H
#define UNIX_PORT_H

#include "protocol/port.h"
#include "stream/tcp_connector.h"

/* Zeroes are the defaults. */
struct unix_port_options {
    int mode;      /* of the socket file, whatever the umask; 0: 0666 */
    int backlog;   /* clients that may wait; 0: 50 */
    bool want_pid; /* take the place of a server that has died */
};

/* Twisted's listenUNIX: binds, listens and starts the factory before it
 * returns. `path` is copied; a relative one must mean the same when the port
 * stops. Returns NULL with errno, then the factory has not been started:
 * EADDRINUSE when there is a file already; ENAMETOOLONG.
 *
 * With want_pid a socket file that nobody listens at is replaced. PATH.lock,
 * locked while the port is there and removed with it, keeps two that do so from
 * replacing each other: the second gets EADDRINUSE. A server that takes no such
 * lock looks dead between its bind and its listen, and loses its file if we
 * come just then. */
struct port *reactor_listen_unix(struct reactor *reactor, const char *path,
                                 struct factory *factory,
                                 const struct unix_port_options *options);

/* "Couldn't listen on any:/tmp/s: [Errno 98] Address already in use." Writes
 * it into UNIX_PORT_TEXT_MAX bytes, returns them. */
enum { UNIX_PORT_TEXT_MAX = 250 };
const char *unix_port_cannot_listen(char *text, const char *path, int error);

/* Twisted's connectUNIX, in all as reactor_connect_tcp; of the options it is
 * the timeout that counts. A server whose queue is full is tried again until
 * then. connector_host is the path, connector_port 0. In unix_connector.c. */
struct connector *reactor_connect_unix(struct reactor *reactor,
                                       const char *path,
                                       struct factory *factory,
                                       const struct connector_options *options);

#endif
