/* SPDX-License-Identifier: MIT
 *
 * address.h - the address of one end of a socket: an IP address and a port, or
 * the path of a UNIX socket.
 *
 * A plain value: copy it, keep it, forget it. Functions that write text want
 * room for ADDRESS_TEXT_MAX bytes and return that text.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <sys/socket.h>

/* Bytes for any address as text: "[IPv6%interface]:port" is the longest; of a
 * path that is longer the end is left out, with a mark (net/text.h). */
enum { ADDRESS_TEXT_MAX = 80 };

enum {
    ADDRESS_PORT_MAX = 65535, /* the largest TCP or UDP port */
    ADDRESS_PATH_MAX = 107    /* bytes of a UNIX path, without its NUL */
};

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

/* The address of a numeric host: "127.0.0.1", "::1". It asks no name server,
 * so it never blocks. Returns 0, or -1 with errno: EINVAL for a name, and for a
 * port that does not exist. */
int address_numeric(struct address *address, const char *host, int port);

/* The address of a UNIX socket. Returns 0, or -1 with errno: ENAMETOOLONG for a
 * path that does not fit, ENOENT for an empty one. */
int address_from_path(struct address *address, const char *path);

/* The two ends of a socket: getsockname and getpeername. Return 0, or -1 with
 * errno; the peer of a connection that was reset is ENOTCONN. */
int address_local(struct address *address, int fd);
int address_peer(struct address *address, int fd);

/* "127.0.0.1", 9000, and both as "127.0.0.1:9000" or "[::1]:9000". Of a UNIX
 * socket the first and the last are its path, fit to be printed. A client of
 * one usually has no name: then they are empty. */
char *address_host(const struct address *address, char *text);
int address_port(const struct address *address);
char *address_text(const struct address *address, char *text);

#endif
