/* SPDX-License-Identifier: MIT
 *
 * unix_datagram.h - datagrams between programs of one machine: a udp_port
 * whose addresses are paths of socket files. Nothing is lost on the way, only
 * at a receiver who is full: a write to one is EAGAIN, and the datagram is
 * dropped. A sender without a file cannot be answered: ENOTCONN.
 *
 * Ports and protocols are owned as in udp.h, and all that it says of a port
 * holds. address_from_path makes the addresses.
 * The port makes its socket file, and removes it when it stops; what a program
 * that was killed leaves behind is in the way (EADDRINUSE) until somebody
 * removes it. Functions return NULL or -1 with errno.
 */
#ifndef UNIX_DATAGRAM_H
#define UNIX_DATAGRAM_H

#include "udp/udp.h"

/* Zeroes are the defaults. */
struct unix_datagram_options {
    const char *bind_path; /* clients: our own file; NULL: one is invented */
    int max_packet_size;   /* bytes; 0: UDP_PACKET_SIZE */
    int mode;              /* of the file, whatever the umask; 0: 0666 */
};

/* Twisted's listenUNIXDatagram. ENAMETOOLONG; ENOENT for an empty path. */
struct udp_port *reactor_listen_unix_datagram(
    struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options);

/* Twisted's connectUNIXDatagram: a port connected to the server at `path`. It
 * needs a file of its own, or the server could not answer; the invented ones
 * are in TMPDIR, or /tmp. ENOENT: there is no such file; ECONNREFUSED: its
 * server is dead. When the server goes, and another comes to that path, the
 * port does not find it: connect again. */
struct udp_port *reactor_connect_unix_datagram(
    struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options);

#endif
