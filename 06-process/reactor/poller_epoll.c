/* SPDX-License-Identifier: MIT
 *
 * poller_epoll.c - the kernel keeps the set and returns only what is ready,
 * so a turn costs the same with ten watched descriptors and ten thousand.
 *
 * Two of its manners need care. It refuses regular files, which never block:
 * those are marked and are always ready. And it watches open files, not
 * numbers: a number that was closed behind our back, while a copy of it is
 * open elsewhere, goes on being reported and cannot be removed any more. Then
 * we throw the whole set away and make a new one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "reactor/poller.h"

enum {
    EVENTS_MAX = 256, /* events a turn; the kernel keeps the rest in order */
    IS_FILE = 8       /* beside POLLER_ events: a number that epoll refused */
};

struct epoll_poller {
    struct poller base;
    int epoll;
    unsigned char *watched;     /* fd -> events, to make the set anew */
    int numbers;                /* that watched has room for */
    int files;                  /* how many of them are IS_FILE */
    struct poller_event *ready; /* room for EVENTS_MAX and all files */
};

static int epoll_poller_open(struct poller *poller)
{
    struct epoll_poller *self = (struct epoll_poller *)poller;

    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->ready = malloc(EVENTS_MAX * sizeof(*self->ready));
    return self->epoll < 0 || !self->ready ? -1 : 0;
}

static void epoll_poller_close(struct poller *poller)
{
    struct epoll_poller *self = (struct epoll_poller *)poller;

    if (self->epoll >= 0)
        close(self->epoll);
    free(self->watched);
    free(self->ready);
}

/* What is wanted of `fd` must stand in self->watched before. Without EPOLLET
 * it is level-triggered. */
static int control(struct epoll_poller *self, int operation, int fd)
{
    struct epoll_event event = { .data.fd = fd };

    if (self->watched[fd] & POLLER_READ)
        event.events |= EPOLLIN;
    if (self->watched[fd] & POLLER_WRITE)
        event.events |= EPOLLOUT;
    return epoll_ctl(self->epoll, operation, fd, &event);
}

static int reserve(struct epoll_poller *self, int fd)
{
    if (fd < self->numbers)
        return 0;
    int numbers = fd * 2 + 64;
    unsigned char *grown = realloc(self->watched, (size_t)numbers);
    if (!grown)
        return -1;
    memset(grown + self->numbers, 0, (size_t)(numbers - self->numbers));
    self->watched = grown;
    self->numbers = numbers;
    return 0;
}

/* A number that cannot be added any more is left out: it is closed. If there
 * can be no new set, self->epoll is -1: the wait fails with EBADF and the loop
 * ends, where it would be deaf for ever. */
static void rebuild_epoll_set(struct epoll_poller *self)
{
    close(self->epoll);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int fd = 0; fd < self->numbers; fd++)
        if (self->watched[fd] && !(self->watched[fd] & IS_FILE))
            control(self, EPOLL_CTL_ADD, fd);
}

/* The kernel refuses to delete a number that is closed (EBADF) or is another
 * file by now (ENOENT). The one that it still watches, if a copy of it is open,
 * goes with the whole set only. */
static void forget(struct epoll_poller *self, int fd)
{
    bool file = self->watched[fd] & IS_FILE;

    self->watched[fd] = 0; /* first, or the new set would have it again */
    if (file)
        self->files--;
    else if (control(self, EPOLL_CTL_DEL, fd) < 0)
        rebuild_epoll_set(self);
}

/* A regular file never blocks, so epoll has nothing to tell of it and says
 * EPERM. We say in each turn that it is ready, and need room for that. */
static int add_file(struct epoll_poller *self, int fd)
{
    size_t wanted = EVENTS_MAX + (size_t)self->files + 1;
    void *grown = realloc(self->ready, wanted * sizeof(*self->ready));

    if (!grown)
        return -1;
    self->ready = grown;
    self->watched[fd] |= IS_FILE;
    self->files++;
    return 0;
}

/* Adds, or changes, whatever the kernel thinks of the number already. */
static int watch(struct epoll_poller *self, int fd, unsigned before)
{
    if (control(self, before ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd) == 0)
        return 0;
    if (errno == EEXIST)
        return control(self, EPOLL_CTL_MOD, fd);
    /* What was watched has been closed, and another file has its number now:
     * to the old owner that is a number that is no longer its own. */
    if (errno == ENOENT)
        errno = EBADF;
    return errno == EPERM ? add_file(self, fd) : -1;
}

static int epoll_poller_change(struct poller *poller, int fd, unsigned before,
                               unsigned after)
{
    struct epoll_poller *self = (struct epoll_poller *)poller;

    if (!after) {
        forget(self, fd);
        return 0;
    }
    if (reserve(self, fd) < 0)
        return -1;
    bool file = self->watched[fd] & IS_FILE;
    self->watched[fd] = (unsigned char)(after | (file ? IS_FILE : 0));
    if (file || watch(self, fd, before) == 0)
        return 0;
    self->watched[fd] = (unsigned char)before; /* as the kernel has it */
    return -1;
}

/* An error or a hang-up is reported whatever was asked for. The call that was
 * asked for will find out which it is, so that is what is ready. A peer that
 * has only ended its stream is EPOLLIN: there is a 0 to be received. */
static unsigned events_of(const struct epoll_event *event, unsigned wanted)
{
    unsigned events = 0;

    if (event->events & (EPOLLERR | EPOLLHUP))
        return wanted;
    if (event->events & EPOLLIN)
        events |= POLLER_READ;
    if (event->events & EPOLLOUT)
        events |= POLLER_WRITE;
    return events & wanted;
}

static int epoll_poller_wait(struct poller *poller, int milliseconds,
                             const struct poller_event **ready)
{
    struct epoll_poller *self = (struct epoll_poller *)poller;
    struct epoll_event events[EVENTS_MAX];

    if (self->files > 0)
        milliseconds = 0; /* they are ready, and the kernel does not know */
    *ready = self->ready;
    int count = epoll_wait(self->epoll, events, EVENTS_MAX, milliseconds);
    if (count < 0 && errno != EINTR)
        return -1;
    if (count < 0)
        count = 0; /* a signal; the files are ready all the same */
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        self->ready[i] =
            (struct poller_event){ fd,
                                   events_of(&events[i], self->watched[fd]) };
    }
    for (int fd = 0, left = self->files; left > 0; fd++)
        if (self->watched[fd] & IS_FILE) {
            self->ready[count++] =
                (struct poller_event){ fd, self->watched[fd] & ~IS_FILE };
            left--;
        }
    return count;
}

const struct poller_class poller_epoll = {
    .name = "epoll",
    .size = sizeof(struct epoll_poller),
    .open = epoll_poller_open,
    .change = epoll_poller_change,
    .wait = epoll_poller_wait,
    .close = epoll_poller_close,
};
