/* SPDX-License-Identifier: MIT
 *
 * poller_poll.c - an array of numbers and events instead of bit sets: any
 * number fits, and the array is copied to the kernel in every turn.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "reactor/poller.h"

enum { BETWEEN_ROUNDS = 20 }; /* milliseconds, see poll_in_pieces */

struct poll_poller {
    struct poller base;
    struct pollfd *watched;     /* what the kernel sees, without gaps */
    struct poller_event *ready; /* room for as many events */
    int count;                  /* how many are watched */
    int *place;                 /* fd -> its index in watched */
    int size;                   /* numbers that there is room for, in each */
};

static void poll_poller_close(struct poller *poller)
{
    struct poll_poller *self = (struct poll_poller *)poller;

    free(self->watched);
    free(self->ready);
    free(self->place);
}

/* Makes room for the number `fd`. No more can be watched than there are numbers
 * up to it, so the three arrays grow together. One that did grow stays grown
 * when the next one cannot; until then the smaller ones count. */
static int reserve(struct poll_poller *self, int fd)
{
    if (fd < self->size)
        return 0;
    size_t size = (size_t)fd * 2 + 16;
    void *grown = realloc(self->place, size * sizeof(*self->place));
    if (!grown)
        return -1;
    self->place = grown;
    grown = realloc(self->watched, size * sizeof(*self->watched));
    if (!grown)
        return -1;
    self->watched = grown;
    grown = realloc(self->ready, size * sizeof(*self->ready));
    if (!grown)
        return -1;
    self->ready = grown;
    self->size = (int)size;
    return 0;
}

/* self->place is valid for the numbers that are watched, and for no other. */
static int poll_poller_change(struct poller *poller, int fd, unsigned before,
                              unsigned after)
{
    struct poll_poller *self = (struct poll_poller *)poller;

    if (!before) {
        if (reserve(self, fd) < 0)
            return -1;
        self->place[fd] = self->count++;
    }
    int place = self->place[fd];
    if (!after) {
        /* The last one fills the gap: the kernel looks at every place. */
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

/* poll refuses an array longer than the limit of descriptors, and that limit
 * can be lowered below what is open already. Then we ask piece by piece without
 * waiting, and sleep between two rounds. Returns what poll does. */
static int poll_in_pieces(struct poll_poller *self, int milliseconds)
{
    struct rlimit limit;
    int count = 0;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == 0 ||
        limit.rlim_cur >= (rlim_t)self->count)
        return -1; /* it was not that; errno is still EINVAL */
    int piece = (int)limit.rlim_cur;
    for (int i = 0; i < self->count; i += piece) {
        int left = self->count - i;
        int more =
            poll(self->watched + i, (nfds_t)(left < piece ? left : piece), 0);
        if (more < 0)
            return -1;
        count += more;
    }
    if (count == 0 && milliseconds != 0)
        poll(NULL, 0,
             milliseconds < 0 || milliseconds > BETWEEN_ROUNDS ? BETWEEN_ROUNDS
                                                               : milliseconds);
    return count;
}

static int poll_poller_wait(struct poller *poller, int milliseconds,
                            const struct poller_event **ready)
{
    struct poll_poller *self = (struct poll_poller *)poller;

    *ready = self->ready;
    int count = poll(self->watched, (nfds_t)self->count, milliseconds);
    if (count < 0 && errno == EINVAL)
        count = poll_in_pieces(self, milliseconds);
    if (count < 0)
        return errno == EINTR ? 0 : -1; /* a signal: nobody is ready */
    /* So many have something in revents: behind the last of them there is
     * nothing to look for. */
    for (int i = 0, found = 0; found < count; i++)
        if (self->watched[i].revents)
            self->ready[found++] =
                (struct poller_event){ self->watched[i].fd,
                                       events_of(&self->watched[i]) };
    return count;
}

const struct poller_class poller_poll = {
    .name = "poll",
    .size = sizeof(struct poll_poller),
    .change = poll_poller_change,
    .wait = poll_poller_wait,
    .close = poll_poller_close,
};
