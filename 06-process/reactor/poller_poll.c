/* SPDX-License-Identifier: MIT
 *
 * poller_poll.c - an array of numbers and events instead of bit sets: any
 * number fits, and the array is copied to the kernel in every turn.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

#include "reactor/poller.h"

struct poll_poller {
    struct poller base;
    struct pollfd *watched;     /* what the kernel sees, without gaps */
    struct poller_event *ready; /* room for as many events */
    int count, capacity;        /* of both */
    int *place;                 /* fd -> its index in watched */
    int places;                 /* numbers that place has room for */
};

static struct poller *create(void)
{
    struct poll_poller *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->base.class = &poller_poll;
    return &self->base;
}

static void destroy(struct poller *poller)
{
    struct poll_poller *self = (struct poll_poller *)poller;

    free(self->watched);
    free(self->ready);
    free(self->place);
    free(self);
}

/* Makes room for one more descriptor, and for the number `fd`. An array that
 * did grow stays grown when the next one cannot. */
static int reserve(struct poll_poller *self, int fd)
{
    if (self->count == self->capacity) {
        size_t wanted = self->capacity ? (size_t)self->capacity * 2 : 16;
        void *grown = realloc(self->watched, wanted * sizeof(*self->watched));
        if (!grown)
            return -1;
        self->watched = grown;
        grown = realloc(self->ready, wanted * sizeof(*self->ready));
        if (!grown)
            return -1;
        self->ready = grown;
        self->capacity = (int)wanted;
    }
    if (fd >= self->places) {
        size_t wanted = (size_t)fd * 2 + 16;
        void *grown = realloc(self->place, wanted * sizeof(*self->place));
        if (!grown)
            return -1;
        self->place = grown;
        self->places = (int)wanted;
    }
    return 0;
}

static int change(struct poller *poller, int fd, unsigned before,
                  unsigned after)
{
    struct poll_poller *self = (struct poll_poller *)poller;

    if (!before && !after)
        return 0;
    if (!before) {
        if (reserve(self, fd) < 0)
            return -1;
        self->place[fd] = self->count++;
    }
    int place = self->place[fd];
    if (!after) {
        /* The last one fills the gap. */
        self->watched[place] = self->watched[--self->count];
        self->place[self->watched[place].fd] = place;
        return 0;
    }
    self->watched[place] = (struct pollfd){ .fd = fd };
    if (after & POLLER_READ)
        self->watched[place].events |= POLLIN;
    if (after & POLLER_WRITE)
        self->watched[place].events |= POLLOUT;
    return 0;
}

/* An error or a hang-up is reported whatever was asked for. The call that was
 * asked for will find out which it is, so that is what is ready. */
static unsigned events_of(const struct pollfd *watched)
{
    unsigned events = 0;
    short alarm = watched->revents & (POLLERR | POLLHUP);

    if (watched->revents & POLLNVAL)
        return POLLER_BAD;
    if (watched->events & POLLIN && (watched->revents & POLLIN || alarm))
        events |= POLLER_READ;
    if (watched->events & POLLOUT && (watched->revents & POLLOUT || alarm))
        events |= POLLER_WRITE;
    return events;
}

static int wait_for(struct poller *poller, int64_t nanoseconds,
                    const struct poller_event **ready)
{
    struct poll_poller *self = (struct poll_poller *)poller;
    int64_t milliseconds =
        nanoseconds < 0 ? -1
                        : nanoseconds / 1000000 + !!(nanoseconds % 1000000);
    int count = 0;

    *ready = self->ready;
    int left = poll(self->watched, (nfds_t)self->count,
                    milliseconds > INT_MAX ? INT_MAX : (int)milliseconds);
    if (left < 0)
        return errno == EINTR ? 0 : -1;
    for (int i = 0; i < self->count && left > 0; i++) {
        if (!self->watched[i].revents)
            continue;
        left--;
        self->ready[count++] =
            (struct poller_event){ self->watched[i].fd,
                                   events_of(&self->watched[i]) };
    }
    return count;
}

const struct poller_class poller_poll = {
    .name = "poll",
    .call = "poll",
    .create = create,
    .change = change,
    .wait = wait_for,
    .destroy = destroy,
};
