/* SPDX-License-Identifier: MIT */
/* accept4, pipe2 and the SOCK_ flags of socket are POSIX only since 2024, so
 * the C library must be asked for them. With -DNET_PORTABLE this file does
 * without; then a fork by another thread can slip in between two calls. */
#ifndef NET_PORTABLE
#define _GNU_SOURCE
#endif
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const int on = 1;

/* Closes `fd` without losing the errno that made us give up. */
static int give_up(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int net_set_blocking(int fd, bool blocking)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -1;
    flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags);
}

#ifndef NET_PORTABLE

static int open_socket(int family, int type, enum net_mode mode)
{
    if (mode == NET_NONBLOCKING)
        type |= SOCK_NONBLOCK;
    return socket(family, type | SOCK_CLOEXEC, 0);
}

static int accept_once(int listener, struct address *peer, enum net_mode mode)
{
    return accept4(listener, (struct sockaddr *)&peer->bytes, &peer->length,
                   mode == NET_NONBLOCKING ? SOCK_CLOEXEC | SOCK_NONBLOCK
                                           : SOCK_CLOEXEC);
}

int net_pipe(int ends[2], enum net_mode mode)
{
    return pipe2(ends,
                 mode == NET_NONBLOCKING ? O_CLOEXEC | O_NONBLOCK : O_CLOEXEC);
}

#else

/* Passes on -1; a descriptor gets its two flags or is closed. */
static int with_flags(int fd, enum net_mode mode)
{
    if (fd >= 0 && (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
                    net_set_blocking(fd, mode == NET_BLOCKING) < 0))
        return give_up(fd);
    return fd;
}

static int open_socket(int family, int type, enum net_mode mode)
{
    return with_flags(socket(family, type, 0), mode);
}

static int accept_once(int listener, struct address *peer, enum net_mode mode)
{
    return with_flags(
        accept(listener, (struct sockaddr *)&peer->bytes, &peer->length), mode);
}

int net_pipe(int ends[2], enum net_mode mode)
{
    if (pipe(ends) < 0)
        return -1;
    if (with_flags(ends[0], mode) < 0)
        return give_up(ends[1]);
    if (with_flags(ends[1], mode) < 0)
        return give_up(ends[0]);
    return 0;
}

#endif

static int socket_for(const struct address *address, int type,
                      enum net_mode mode)
{
    int fd = open_socket(address->bytes.ss_family, type, mode);

    /* Without this an IPv6 socket may take the IPv4 port of the same number. */
    if (fd >= 0 && address->bytes.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    return fd;
}

static int bind_to(int fd, const struct address *address)
{
    return bind(fd, (const struct sockaddr *)&address->bytes, address->length);
}

static int connect_to(int fd, const struct address *address)
{
    return connect(fd, (const struct sockaddr *)&address->bytes,
                   address->length);
}

int net_listen_tcp(const struct address *address, int backlog,
                   enum net_mode mode)
{
    int fd = socket_for(address, SOCK_STREAM, mode);

    if (fd < 0)
        return -1;
    /* A server that restarts may bind while old connections time out. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind_to(fd, address) < 0 || listen(fd, backlog) < 0)
        return give_up(fd);
    return fd;
}

int net_accept(int listener, struct address *peer, enum net_mode mode)
{
    struct address ignored;
    int fd;

    if (!peer)
        peer = &ignored;
    do {
        peer->length = sizeof(peer->bytes);
        fd = accept_once(listener, peer, mode);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED ||
                        errno == EPROTO || errno == EPERM));
    return fd;
}

bool net_accept_exhausted(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS ||
           error == ENOMEM;
}

int net_connect_tcp(const struct address *address, enum net_mode mode)
{
    int fd = socket_for(address, SOCK_STREAM, mode);

    if (fd < 0)
        return -1;
    if (connect_to(fd, address) == 0)
        return fd;
    if (mode == NET_NONBLOCKING && (errno == EINPROGRESS || errno == EINTR))
        return fd;
    if (errno != EINTR)
        return give_up(fd);
    /* Interrupted, yet the handshake goes on: a second connect is wrong. */
    struct pollfd wait = { .fd = fd, .events = POLLOUT };
    while (poll(&wait, 1, -1) < 0 && errno == EINTR)
        ;
    errno = net_error(fd);
    return errno ? give_up(fd) : fd;
}

int net_error(int fd)
{
    int error;
    socklen_t length = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return errno;
    return error;
}

int net_bind_udp(const struct address *address, enum net_mode mode)
{
    int fd = socket_for(address, SOCK_DGRAM, mode);

    if (fd >= 0 && bind_to(fd, address) < 0)
        return give_up(fd);
    return fd;
}

int net_connect_udp(const struct address *address, enum net_mode mode)
{
    int fd = socket_for(address, SOCK_DGRAM, mode);

    if (fd >= 0 && connect_to(fd, address) < 0)
        return give_up(fd);
    return fd;
}

int net_send_all(int fd, const void *data, size_t length)
{
    const char *next = data;

    while (length > 0) {
        ssize_t sent = send(fd, next, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        next += sent;
        length -= (size_t)sent;
    }
    return 0;
}

ssize_t net_receive(int fd, void *data, size_t size)
{
    ssize_t received;

    do {
        received = recv(fd, data, size, 0);
    } while (received < 0 && errno == EINTR);
    return received;
}

ssize_t net_receive_all(int fd, void *data, size_t length)
{
    size_t received = 0;

    while (received < length) {
        ssize_t n = net_receive(fd, (char *)data + received, length - received);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        received += (size_t)n;
    }
    return (ssize_t)received;
}

int net_set_timeout(int fd, double seconds)
{
    struct timeval timeout = { .tv_sec = (time_t)seconds };

    timeout.tv_usec = (suseconds_t)((seconds - (double)timeout.tv_sec) * 1e6);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
        return -1;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
}
