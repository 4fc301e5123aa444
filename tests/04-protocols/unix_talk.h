/* SPDX-License-Identifier: MIT
 *
 * unix_talk.h - a talk over a UNIX socket: a path in the working directory,
 * who listens there, and who comes. For the unix_*_test.c beside this file.
 */
#ifndef UNIX_TALK_H
#define UNIX_TALK_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/net.h"
#include "talk.h"
#include "unix/unix_port.h"

static const char *const path = "unix-test.socket";
static const char *const lock = "unix-test.socket.lock";

/* That of talk.c takes all peers for IP addresses. */
static inline struct protocol *unix_build(struct factory *base,
                                          const struct address *peer,
                                          struct failure *reason)
{
    struct talk *talk = (struct talk *)base;

    (void)reason;
    CHECK(peer->bytes.ss_family == AF_UNIX);
    talk->builds++;
    if (talk->notes)
        unit_note("build ");
    if (talk->on_build)
        talk->on_build(talk);
    return talk->refuses ? NULL : protocol_new(base->protocol);
}

static inline void unix_join(struct talk *talk, struct reactor *reactor)
{
    talk_join(talk, reactor, &Talker);
    talk->base.build_protocol = unix_build;
}

/* A talk with a loop of its own, and nothing at the path or beside it. */
static inline void unix_new(struct talk *talk, const char *poller)
{
    unlink(path);
    unlink(lock);
    unix_join(talk, loop_new(poller));
}

/* A bare socket that listens there, or listens no more. */
static inline int unix_bare_listener(int backlog)
{
    struct address address;

    CHECK(address_from_path(&address, path) == 0);
    int fd = net_bind_unix(&address, NET_NONBLOCKING);
    CHECK(fd >= 0 && listen(fd, backlog) == 0);
    return fd;
}

static inline void unix_leave_stale(void)
{
    close(unix_bare_listener(1));
}

/* A bare client, or -1 with errno. */
static inline int unix_knock(void)
{
    struct address address;

    CHECK(address_from_path(&address, path) == 0);
    return net_connect_tcp(&address, NULL);
}

/* What is at `name`: 's' for a socket, 'l' for a symbolic link, '?' for
 * something else, 0 for nothing. */
static inline char unix_kind(const char *name)
{
    struct stat status;

    if (lstat(name, &status) < 0)
        return 0;
    return S_ISSOCK(status.st_mode)  ? 's'
           : S_ISLNK(status.st_mode) ? 'l'
           : S_ISREG(status.st_mode) ? '-'
                                     : '?';
}

#endif
