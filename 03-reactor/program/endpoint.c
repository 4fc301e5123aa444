/* SPDX-License-Identifier: MIT
 *
 * endpoint.c - what every main would do between its options and its first recv.
 * Where a socket cannot be had, it is said here: main only has to end.
 */
#include "program/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Returns 0, or -1 when it has been said why there is no address. */
static int resolve(const struct options *options, struct address *address,
                   const char *host)
{
    const char *why = address_resolve(address, host, options->port);

    if (!why)
        return 0;
    options_failed(options, host, why);
    return -1;
}

/* Passes `fd` on; -1 is explained first, with the address it is about. By then
 * nothing may have changed errno: net.c's functions close without losing it. */
static int check(const struct options *options, const struct address *address,
                 int fd)
{
    char text[ADDRESS_TEXT_MAX];

    if (fd < 0)
        options_failed(options, address_text(address, text), strerror(errno));
    return fd;
}

/* Asks the socket itself: the option may have been port 0. Passes `fd` on. */
static int announce(int fd)
{
    struct address local;
    char text[ADDRESS_TEXT_MAX];

    if (fd >= 0 && address_local(&local, fd) == 0)
        printf("listening on %s\n", address_text(&local, text));
    return fd;
}

/* Announced last: whoever has read that line is let into the backlog. */
int endpoint_listen_tcp(const struct options *options, int backlog,
                        enum net_mode mode)
{
    struct address address;

    if (resolve(options, &address, options->interface) < 0)
        return -1;
    return announce(
        check(options, &address, net_listen_tcp(&address, backlog, mode)));
}

/* Not announced: a client that connects has nobody waiting for its port. */
int endpoint_connect_tcp(const struct options *options)
{
    struct address address;

    if (resolve(options, &address, options->host) < 0)
        return -1;
    return check(options, &address, net_connect_tcp(&address, NET_BLOCKING));
}
