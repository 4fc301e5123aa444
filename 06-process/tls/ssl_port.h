/* SPDX-License-Identifier: MIT
 *
 * ssl_port.h - listens with TLS: Twisted's listenSSL. A child, `stunnel`,
 * speaks it, one for each connection.
 *
 * What else a port can do, and who owns it, is in protocol/port.h; who shakes
 * hands when it stops is closed. A client is accepted as in tcp_port.h, and
 * given away: the accepted socket is 0 and 1 of a helper, which shakes hands
 * with the client and then connects to a UNIX socket of ours, made for this
 * one. The factory hears of a client whose helper has come back, and of no
 * other; of these the log has a line.
 */
#ifndef SSL_PORT_H
#define SSL_PORT_H

#include "protocol/port.h"
#include "protocol/protocol.h"

enum {
    SSL_PORT_HANDSHAKE = 10, /* seconds, if nobody says */
    SSL_PORT_CHILDREN = 100  /* helpers at a time, likewise */
};

/* Zeroes are the defaults; there must be a certificate. */
struct ssl_port_options {
    const char *interface;   /* an address; NULL: every IPv4 address */
    int backlog;             /* clients that may wait; 0: 50 */
    const char *certificate; /* with its chain, PEM */
    const char *private_key; /* PEM; NULL: in the same file */
    const char *ca_file;     /* clients must show a certificate of these; NULL:
                                they need none */
    int handshake_timeout;   /* seconds; 0: SSL_PORT_HANDSHAKE */
    int children_max;        /* the clients beyond wait; 0: SSL_PORT_CHILDREN */
    const char *helper;      /* NULL: "stunnel", in our PATH */
};

/* As reactor_listen_tcp; the options are copied. The files are read anew for
 * each client, so a certificate can be replaced. NULL with errno: also that of
 * a file that cannot be read; EINVAL for a name with a line end in it; ENOENT
 * when there is no helper. */
struct port *reactor_listen_ssl(struct reactor *reactor, int port,
                                struct factory *factory,
                                const struct ssl_port_options *options);

/* As tcp_port_cannot_listen; says what to install when that is what is missing.
 */
enum { SSL_PORT_TEXT_MAX = 300 };
const char *ssl_port_cannot_listen(char *text, int port,
                                   const struct ssl_port_options *options,
                                   int error);

#endif
