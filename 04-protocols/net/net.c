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
#include <sys/socket.h>
#include <unistd.h>

/* For setsockopt, which wants to be pointed to the value. */
static const int on = 1;

/* The kernel's calls take addresses of any family through this type. */
static const struct sockaddr *raw(const struct address *address)
{
    return (const struct sockaddr *)&address->bytes;
}

/* Closes `fd` without losing the errno that made us give up: close may set
 * another, and the caller would explain the wrong one. Returns -1. */
static int give_up(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* The other flags of the descriptor stay as they are. */
int net_set_blocking(int fd, bool blocking)
{
    int flags = fcntl(fd, F_GETFL);

    return fcntl(fd, F_SETFL,
                 blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

#ifndef NET_PORTABLE

/* The flags come with the descriptor. Set afterwards, a thread that starts a
 * program between the two calls would hand it a copy of our connection, and the
 * peer would not see it end before that program does. */
static int open_socket(int family, int type, enum net_mode mode)
{
    if (mode == NET_NONBLOCKING)
        type |= SOCK_NONBLOCK;
    return socket(family, type | SOCK_CLOEXEC, 0);
}

/* The new descriptor inherits nothing of the listener's: not that it does not
 * block, and not that it is closed on exec. */
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
        return give_up(ends[1]); /* ends[0] is closed already */
    if (with_flags(ends[1], mode) < 0)
        return give_up(ends[0]);
    return 0;
}

#endif

/* Binds a socket that others shall find. A server at :: would otherwise take
 * the IPv4 port of that number as well. A client's socket must not have this
 * option: it could no longer reach ::ffff:127.0.0.1. */
static int bind_to(int fd, const struct address *address)
{
    if (address->bytes.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    return bind(fd, raw(address), address->length);
}

/* Between bind and listen whoever connects is refused, as if nobody were
 * there. */
int net_listen_tcp(const struct address *address, int backlog,
                   enum net_mode mode)
{
    int fd = open_socket(address->bytes.ss_family, SOCK_STREAM, mode);

    if (fd < 0)
        return -1;
    /* The kernel keeps the port of a closed connection for a minute, in case a
     * late segment comes: without this a restarted server is told "in use". */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind_to(fd, address) < 0 || listen(fd, backlog) < 0)
        return give_up(fd);
    return fd;
}

/* Linux passes on errors that lie in wait for the new connection; they say
 * nothing of the next client. */
int net_accept(int listener, struct address *peer, enum net_mode mode)
{
    struct address ignored;
    int fd;

    if (!peer)
        peer = &ignored;
    do {
        /* In: the room there is; out: the length of the address. */
        peer->length = sizeof(peer->bytes);
        fd = accept_once(listener, peer, mode);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED ||
                        errno == EPROTO || errno == EPERM));
    return fd;
}

/* accept takes nobody out of the queue then, so the next one fails as well:
 * without a rest in between, that is a loop at full speed. */
bool net_accept_exhausted(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS ||
           error == ENOMEM;
}

int net_connect_tcp(const struct address *address, const struct address *local)
{
    int fd =
        open_socket(address->bytes.ss_family, SOCK_STREAM, NET_NONBLOCKING);

    if (fd < 0)
        return -1;
    /* Our own end first: connect would choose one, and that is for good. */
    if (local && bind(fd, raw(local), local->length) < 0)
        return give_up(fd);
    /* Under way: whoever waits for the descriptor hears how it went. */
    if (connect(fd, raw(address), address->length) < 0 &&
        errno != EINPROGRESS && errno != EINTR)
        return give_up(fd);
    return fd;
}

/* To ask clears it: whoever asks first is the only one to know. */
int net_error(int fd)
{
    int error;
    socklen_t length = sizeof(error);

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        return errno;
    return error;
}

/* UDP listens as soon as it is bound: there is nobody to be accepted. No
 * SO_REUSEADDR here: with it a second server could take our datagrams. */
int net_bind_udp(const struct address *address, enum net_mode mode)
{
    int fd = open_socket(address->bytes.ss_family, SOCK_DGRAM, mode);

    if (fd >= 0 && bind_to(fd, address) < 0)
        return give_up(fd);
    return fd;
}

/* Sockets that share a port must agree on that before they are bound. */
int net_bind_datagram(const struct address *address, enum net_mode mode,
                      int (*prepare)(int fd))
{
    int fd = open_socket(address->bytes.ss_family, SOCK_DGRAM, mode);

    if (fd >= 0 && (prepare(fd) < 0 || bind_to(fd, address) < 0))
        return give_up(fd);
    return fd;
}

/* No packet is sent. But the kernel now knows whose answers we want, and tells
 * us when there is nobody: a refusal reaches a connected socket only. */
int net_connect_udp(const struct address *address, enum net_mode mode)
{
    int fd = open_socket(address->bytes.ss_family, SOCK_DGRAM, mode);

    if (fd >= 0 && connect(fd, raw(address), address->length) < 0)
        return give_up(fd);
    return fd;
}

/* A file that is there already is EADDRINUSE, even if nobody listens on it any
 * more: to remove it is the caller's business. */
int net_bind_unix(const struct address *address, enum net_mode mode)
{
    int fd = open_socket(address->bytes.ss_family, SOCK_STREAM, mode);

    if (fd >= 0 && bind(fd, raw(address), address->length) < 0)
        return give_up(fd);
    return fd;
}
