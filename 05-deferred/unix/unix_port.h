/* SPDX-License-Identifier: MIT
 *
 * unix_port.h - TCP without the network: a port and a connector whose address
 * is a file. The connections, their protocols and factories are the same.
 *
 * The framework owns the port, as tcp_port.h says, and the connector, as
 * tcp_connector.h says. The file of a port is there while it listens.
 */
#ifndef UNIX_PORT_H
#define UNIX_PORT_H

#include "stream/tcp_connector.h"

struct unix_port;

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
 * locked while the port is there, keeps two that do so from replacing each
 * other: the second gets EADDRINUSE. The lock file stays, or somebody could
 * lock a new one while another holds the old one. */
struct unix_port *reactor_listen_unix(struct reactor *reactor, const char *path,
                                      struct factory *factory,
                                      const struct unix_port_options *options);

/* "Couldn't listen on any:/tmp/s: [Errno 98] Address already in use." Writes
 * it into UNIX_PORT_TEXT_MAX bytes, returns them. */
enum { UNIX_PORT_TEXT_MAX = 250 };
const char *unix_port_cannot_listen(char *text, const char *path, int error);

/* Stops listening at the end of this turn, and removes the file if it is still
 * ours; connections stay. `stopped`, which may be NULL, is called once that
 * has happened and the factory was stopped; the port is gone then. Twice is
 * once. */
void unix_port_stop_listening(struct unix_port *port,
                              void (*stopped)(void *argument), void *argument);

/* `stopped` will be called when the port has stopped, whatever ends it, and
 * not what unix_port_stop_listening is given. */
void unix_port_on_stopped(struct unix_port *port,
                          void (*stopped)(void *argument), void *argument);

/* Twisted's connectUNIX, in all as reactor_connect_tcp; of the options it is
 * the timeout that counts. A server whose queue is full is tried again until
 * then. connector_host is the path, connector_port 0. In unix_connector.c. */
struct connector *reactor_connect_unix(struct reactor *reactor,
                                       const char *path,
                                       struct factory *factory,
                                       const struct connector_options *options);

#endif
