/* SPDX-License-Identifier: MIT
 *
 * address.h - the address of one end of a socket: an IP address and a port.
 *
 * A plain value: copy it, keep it, forget it. Functions that write text want
 * room for ADDRESS_TEXT_MAX bytes and return that text.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <sys/socket.h>

/* Bytes for any address as text, "[IPv6%interface]:port" the longest. */
enum { ADDRESS_TEXT_MAX = 80 };

enum { ADDRESS_PORT_MAX = 65535 }; /* the largest TCP or UDP port */

struct address {
    struct sockaddr_storage bytes; /* as the kernel wants it */
    socklen_t length;              /* how many of the bytes count */
};

/* Looks up `host`, a name or a numeric address: IPv4 first, IPv6 if there is
 * none. Blocks while a name server is asked. Returns NULL, or a literal text
 * that says why there is no address; errno is then EINVAL for a port that does
 * not exist, and EADDRNOTAVAIL for all else. */
const char *address_resolve(struct address *address, const char *host,
                            int port);

/* The two ends of a socket: getsockname and getpeername. Return 0, or -1 with
 * errno; the peer of a connection that was reset is ENOTCONN. */
int address_local(struct address *address, int fd);
int address_peer(struct address *address, int fd);

/* "127.0.0.1", 9000, and both as "127.0.0.1:9000" or "[::1]:9000". */
char *address_host(const struct address *address, char *text);
int address_port(const struct address *address);
char *address_text(const struct address *address, char *text);

#endif
