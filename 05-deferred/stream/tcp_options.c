/* SPDX-License-Identifier: MIT
 *
 * tcp_options.c - a transport's descriptor, and setsockopt.
 */
#include "stream/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "stream/connection.h"

/* Not every system answers with 1: some give the bit that the flag is. */
static int get(const struct transport *transport, int level, int name)
{
    int value = 0, fd = connection_descriptor(transport);
    socklen_t length = sizeof(value);

    if (fd < 0 || getsockopt(fd, level, name, &value, &length) < 0)
        return -1;
    return value != 0;
}

static int set(struct transport *transport, int level, int name, int value)
{
    int fd = connection_descriptor(transport);

    if (fd < 0) /* no socket: ENOTSOCK is set */
        return -1;
    return setsockopt(fd, level, name, &value, sizeof(value));
}

/* 0 or 1, or -1 with errno: in an `if` what is no socket would have it on. */
int tcp_options_get_no_delay(const struct transport *transport)
{
    return get(transport, IPPROTO_TCP, TCP_NODELAY);
}

int tcp_options_set_no_delay(struct transport *transport, bool on)
{
    return set(transport, IPPROTO_TCP, TCP_NODELAY, on);
}

int tcp_options_get_keep_alive(const struct transport *transport)
{
    return get(transport, SOL_SOCKET, SO_KEEPALIVE);
}

int tcp_options_set_keep_alive(struct transport *transport, bool on)
{
    return set(transport, SOL_SOCKET, SO_KEEPALIVE, on);
}
