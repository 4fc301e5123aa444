/* SPDX-License-Identifier: MIT */
#include "unix/unix_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/net.h"
#include "protocol/log.h"
#include "reactor/trace.h"
#include "stream/listener.h"

enum {
    MODE = 0666,
    LOCK_MODE = 0600, /* who can open it can lock it, and lock us out */
    LOCK_NAME_MAX = ADDRESS_PATH_MAX + sizeof(".lock"),
    LOCK_TRIES = 100 /* whoever loses so many races has a peer that plays */
};

struct unix_port {
    struct listener base;
    int lock;     /* locked; -1: nobody wanted it */
    dev_t device; /* which file is ours */
    ino_t inode;
    char path[];
};

/* Not if somebody else has put a file of his own there. The descriptor is
 * still open: as long as it is, no other file has the number of ours. */
static void remove_file(const struct unix_port *self)
{
    struct stat status;

    if (lstat(self->path, &status) == 0 && status.st_dev == self->device &&
        status.st_ino == self->inode)
        unlink(self->path);
}

static const char *lock_name(char *name, const char *path)
{
    snprintf(name, LOCK_NAME_MAX, "%s.lock", path);
    return name;
}

/* Whether `fd` is the file of that name, and not one that its owner has removed
 * between our open and our lock: two could hold a lock each. */
static bool is_file(int fd, const char *name, struct stat *ours)
{
    struct stat there;

    return fstat(fd, ours) == 0 && lstat(name, &there) == 0 &&
           ours->st_dev == there.st_dev && ours->st_ino == there.st_ino;
}

/* Locks PATH.lock until the descriptor that it returns is closed, if only by
 * our death. Returns -1 with errno. flock is not in POSIX, but fcntl's locks
 * belong to the process: a second port of ours would get the lock that the
 * first one holds, and lose it for both when it closes its descriptor. */
static int take_lock(const char *path)
{
    char name[LOCK_NAME_MAX];
    struct stat file;

    for (int i = 0; i < LOCK_TRIES; i++) {
        int fd = open(lock_name(name, path),
                      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                      LOCK_MODE);
        if (fd < 0)
            return -1;
        int error = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
        if (!error && is_file(fd, name, &file))
            return fd;
        close(fd);
        if (error) {
            errno = error == EWOULDBLOCK ? EADDRINUSE : error;
            return -1;
        }
    }
    errno = EADDRINUSE;
    return -1;
}

/* Ours is empty; a file with something in it was there before us, and its owner
 * wants it back. */
static void release_lock(const struct unix_port *self)
{
    char name[LOCK_NAME_MAX];
    struct stat file;

    if (self->lock < 0)
        return;
    if (is_file(self->lock, lock_name(name, self->path), &file) &&
        S_ISREG(file.st_mode) && file.st_size == 0)
        unlink(name);
    close(self->lock);
}

/* The file first: as long as the socket is open, it answers who looks whether
 * we are dead. Then the lock, so that whoever gets it finds no file of ours. */
static void unix_port_connection_lost(struct descriptor *base, int reason)
{
    struct unix_port *self = (struct unix_port *)base;

    (void)reason;
    remove_file(self);
    release_lock(self);
    port_log_closed(&self->base.base, "UNIX", self->path);
    listener_lost(&self->base);
}

static const struct descriptor_class Port = {
    .name = "Port",
    .describe = listener_describe,
    .do_read = listener_do_read,
    .connection_lost = unix_port_connection_lost,
    .dispose = port_dispose,
};

/* Whether nobody listens there. A server that takes no lock answers, too. */
static bool is_dead(const struct address *address)
{
    int fd = net_connect_tcp(address, NULL);

    if (fd >= 0)
        close(fd);
    return fd < 0 && errno == ECONNREFUSED;
}

/* With the lock in our hands. Returns 0 when the path is free now. */
static int remove_stale(const char *path, const struct address *address)
{
    struct stat status;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : -1;
    if (S_ISSOCK(status.st_mode) && is_dead(address))
        return unlink(path);
    errno = EADDRINUSE;
    return -1;
}

/* Binds and listens. In between nobody can connect, so that is when the file
 * gets its mode. Returns the descriptor or -1 with errno, and no file. */
static int open_socket(struct unix_port *self, const struct address *address,
                       const struct unix_port_options *options)
{
    struct stat status;
    int fd = net_bind_unix(address, NET_NONBLOCKING);

    if (fd < 0)
        return -1;
    if (chmod(self->path, options->mode ? (mode_t)options->mode : MODE) == 0 &&
        lstat(self->path, &status) == 0 &&
        listen(fd, options->backlog ? options->backlog : LISTENER_BACKLOG) ==
            0) {
        self->device = status.st_dev;
        self->inode = status.st_ino;
        return fd;
    }
    int error = errno;
    unlink(self->path);
    close(fd);
    errno = error;
    return -1;
}

/* Everything that can fail. Returns 0, or -1 with errno: then nothing is left
 * of it but the memory. */
static int unix_port_start(struct unix_port *self,
                           const struct address *address,
                           const struct unix_port_options *options)
{
    int fd = -1;

    if (options->want_pid && ((self->lock = take_lock(self->path)) < 0 ||
                              remove_stale(self->path, address) < 0))
        goto fail;
    fd = open_socket(self, address, options);
    if (fd < 0)
        goto fail;
    self->base.base.base = (struct descriptor){ .class = &Port, .fd = fd };
    if (listener_start(&self->base) == 0)
        return 0;
fail:;
    int error = errno;
    if (fd >= 0) {
        remove_file(self);
        close(fd);
    }
    release_lock(self);
    errno = error;
    return -1;
}

/* Listens before it returns; NULL with errno, and then nothing is left. */
struct port *reactor_listen_unix(struct reactor *reactor, const char *path,
                                 struct factory *factory,
                                 const struct unix_port_options *options)
{
    const struct unix_port_options defaults = { 0 };
    struct address address;

    if (address_from_path(&address, path) < 0)
        return NULL;
    struct unix_port *self = calloc(1, sizeof(*self) + strlen(path) + 1);
    if (!self)
        return NULL;
    strcpy(self->path, path);
    self->lock = -1;
    self->base.base.reactor = reactor;
    self->base.factory = factory;
    if (unix_port_start(self, &address, options ? options : &defaults) < 0) {
        int error = errno;
        free(self);
        errno = error;
        return NULL;
    }
    trace("  listenUNIX: %s %d", factory->name, self->base.base.base.fd);
    log_message("%s starting on %s", factory->name, path);
    factory_do_start(factory);
    return &self->base.base;
}

const char *unix_port_cannot_listen(char *text, const char *path, int error)
{
    snprintf(text, UNIX_PORT_TEXT_MAX,
             "Couldn't listen on any:%.120s: [Errno %d] %s.", path, error,
             strerror(error));
    return text;
}
