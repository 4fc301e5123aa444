/* SPDX-License-Identifier: MIT */
#include "unix/unix_datagram.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/net.h"

enum {
    MODE = 0666,
    NAMES_MAX = 10000 /* invented ones that are tried */
};

struct file_port {
    struct udp_port base; /* its `where` is the path */
    dev_t device;         /* these two: which file is ours */
    ino_t inode;
};

/* Not if somebody else's file is there by now. */
static void remove_file(struct udp_port *base)
{
    const struct file_port *self = (const struct file_port *)base;
    struct stat now;

    if (lstat(base->where, &now) == 0 && now.st_dev == self->device &&
        now.st_ino == self->inode)
        unlink(base->where);
}

/* Nobody may send before the file has its mode: unlike a listening socket this
 * one hears at once. Linux gives it the mode of the socket, and that is none;
 * POSIX has only umask for this, which is that of all threads. */
static int shut(int fd)
{
    return fchmod(fd, 0);
}

/* Makes the file, which must not be there yet, and remembers it. */
static int bind_to(struct udp_port *base, const char *path)
{
    struct file_port *self = (struct file_port *)base;
    struct address address;
    struct stat file;

    if (address_from_path(&address, path) < 0)
        return -1;
    int fd = net_bind_datagram(&address, NET_NONBLOCKING, shut);
    if (fd < 0)
        return -1;
    base->base.base.fd = fd;
    memcpy(base->where, path, strlen(path) + 1);
    if (lstat(path, &file) < 0)
        return -1;
    self->device = file.st_dev;
    self->inode = file.st_ino;
    base->undo = remove_file;
    return 0;
}

/* To bind is to create, and fails if there is such a file: so a free name is
 * found by trying, and nobody can be faster. */
static int bind_anywhere(struct udp_port *base)
{
    const char *folder = getenv("TMPDIR");
    char path[UDP_WHERE_MAX];

    if (!folder || !*folder)
        folder = "/tmp";
    for (int i = 0; i < NAMES_MAX; i++) {
        int length = snprintf(path, sizeof(path), "%s/untwist-%ld-%d", folder,
                              (long)getpid(), i);
        errno = ENAMETOOLONG;
        if (length >= (int)sizeof(path))
            return -1;
        if (bind_to(base, path) == 0)
            return 0;
        if (errno != EADDRINUSE)
            return -1;
    }
    return -1;
}

/* A port with a socket and a file, not yet started. */
static struct udp_port *open_port(struct reactor *reactor, const char *path,
                                  struct datagram_protocol *protocol,
                                  const struct unix_datagram_options *options)
{
    struct udp_port *self = udp_port_new(sizeof(struct file_port), reactor,
                                         protocol, options->max_packet_size);

    if (!self)
        return NULL;
    self->type = "UNIX";
    self->family = AF_UNIX;
    if ((path ? bind_to(self, path) : bind_anywhere(self)) < 0 ||
        chmod(self->where, options->mode ? (mode_t)options->mode : MODE) < 0)
        return udp_port_give_up(self);
    return self;
}

struct udp_port *reactor_listen_unix_datagram(
    struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options)
{
    const struct unix_datagram_options defaults = { 0 };
    struct udp_port *self =
        open_port(reactor, path, protocol, options ? options : &defaults);

    return self ? udp_port_start(self) : NULL;
}

struct udp_port *reactor_connect_unix_datagram(
    struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options)
{
    const struct unix_datagram_options defaults = { 0 };
    struct address server;

    if (!options)
        options = &defaults;
    if (address_from_path(&server, path) < 0)
        return NULL;
    struct udp_port *self =
        open_port(reactor, options->bind_path, protocol, options);
    if (!self)
        return NULL;
    if (udp_port_connect_to(self, &server) < 0)
        return udp_port_give_up(self);
    return udp_port_start(self);
}
