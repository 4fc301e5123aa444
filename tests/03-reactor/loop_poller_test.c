/* SPDX-License-Identifier: MIT
 *
 * The three pollers without a loop: what poller.h promises, and each of them
 * must keep.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "reactor/delayed_call.h"
#include "reactor/poller.h"
#include "unit.h"

enum { BOTH = POLLER_READ | POLLER_WRITE };

static struct poller *create(const char *name)
{
    const struct poller_class *class = !strcmp(name, "select") ? &poller_select
                                       : !strcmp(name, "poll") ? &poller_poll
                                                               : &poller_epoll;
    struct poller *poller = calloc(1, class->size);

    CHECK(poller != NULL && !strcmp(class->name, name));
    poller->class = class;
    CHECK(!class->open || class->open(poller) == 0);
    return poller;
}

static void destroy(struct poller *poller)
{
    if (poller->class->close)
        poller->class->close(poller);
    free(poller);
}

static void open_pair(int ends[2])
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(net_set_blocking(ends[0], false) == 0);
}

static void change(struct poller *poller, int fd, unsigned before,
                   unsigned after)
{
    CHECK(poller->class->change(poller, fd, before, after) == 0);
}

/* What is ready now of `fd`, when nothing else can be. */
static unsigned ready(struct poller *poller, int fd)
{
    const struct poller_event *events;
    int count = poller->class->wait(poller, 0, &events);

    CHECK(count == 0 || (count == 1 && events[0].fd == fd));
    return count ? events[0].events : 0;
}

/* Ready is what is ready of what is wanted, and goes on being so. */
static void wanted_and_ready(const char *name)
{
    struct poller *poller = create(name);
    int ends[2];

    open_pair(ends);
    change(poller, ends[0], 0, POLLER_READ);
    CHECK(ready(poller, ends[0]) == 0);
    CHECK(write(ends[1], "x", 1) == 1);
    CHECK(ready(poller, ends[0]) == POLLER_READ);
    CHECK(ready(poller, ends[0]) == POLLER_READ);
    change(poller, ends[0], POLLER_READ, POLLER_WRITE);
    CHECK(ready(poller, ends[0]) == POLLER_WRITE);
    change(poller, ends[0], POLLER_WRITE, BOTH);
    CHECK(ready(poller, ends[0]) == BOTH);
    close(ends[1]); /* a hang-up is what was asked for */
    CHECK(ready(poller, ends[0]) == BOTH);
    change(poller, ends[0], BOTH, POLLER_WRITE);
    CHECK(ready(poller, ends[0]) == POLLER_WRITE);
    change(poller, ends[0], POLLER_WRITE, POLLER_READ);
    CHECK(ready(poller, ends[0]) == POLLER_READ);
    change(poller, ends[0], POLLER_READ, 0);
    CHECK(ready(poller, ends[0]) == 0); /* or nothing at all */
    destroy(poller);
    close(ends[0]);
}

static void times_out(const char *name)
{
    const int waits[] = { 0, 1, 20 };
    struct poller *poller = create(name);
    const struct poller_event *events;

    for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        int64_t start = delayed_calls_now();
        CHECK(poller->class->wait(poller, waits[i], &events) == 0);
        CHECK(delayed_calls_now() - start >= waits[i] * INT64_C(1000000));
    }
    destroy(poller);
}

/* Those that are left must not suffer from the gap. */
static void others_leave(const char *name)
{
    enum { MANY = 40 };
    struct poller *poller = create(name);
    const struct poller_event *events;
    int ends[MANY][2], count;

    for (int i = 0; i < MANY; i++) {
        open_pair(ends[i]);
        CHECK(write(ends[i][1], "x", 1) == 1);
        change(poller, ends[i][0], 0, POLLER_READ);
    }
    for (int left = MANY; left > 0; left--) {
        bool seen[MANY] = { false };
        count = poller->class->wait(poller, 0, &events);
        CHECK(count == left);
        for (int i = 0; i < count; i++)
            for (int j = 0; j < MANY; j++)
                seen[j] = seen[j] || events[i].fd == ends[j][0];
        /* The leavers are spread: 7 and 40 have no common factor. */
        for (int i = 0; i < MANY; i++)
            CHECK(seen[i * 7 % MANY] == (i >= MANY - left));
        change(poller, ends[(MANY - left) * 7 % MANY][0], POLLER_READ, 0);
    }
    destroy(poller);
    for (int i = 0; i < MANY; i++) {
        close(ends[i][0]);
        close(ends[i][1]);
    }
}

/* epoll knows at once that a number is closed, the others when they wait. */
static void closed_number(const char *name)
{
    struct poller *poller = create(name);
    int ends[2];

    open_pair(ends);
    close(ends[0]);
    errno = 0;
    if (poller->class->change(poller, ends[0], 0, POLLER_READ) < 0) {
        CHECK(poller->class == &poller_epoll && errno == EBADF);
    } else {
        CHECK(ready(poller, ends[0]) == POLLER_BAD);
        change(poller, ends[0], POLLER_READ, 0);
    }
    /* It is as if it had never been there. */
    CHECK(ready(poller, ends[0]) == 0);
    CHECK(dup(ends[1]) == ends[0]);
    change(poller, ends[0], 0, POLLER_WRITE);
    CHECK(ready(poller, ends[0]) == POLLER_WRITE);
    destroy(poller);
    close(ends[0]);
    close(ends[1]);
}

/* The kernel's idea of epoll's set may be older than ours. */
static void known_already(const char *name)
{
    struct poller *poller = create(name);
    int ends[2];

    open_pair(ends);
    change(poller, ends[0], 0, POLLER_READ);
    if (poller->class == &poller_epoll)
        change(poller, ends[0], 0, POLLER_WRITE);
    else
        change(poller, ends[0], POLLER_READ, POLLER_WRITE);
    CHECK(ready(poller, ends[0]) == POLLER_WRITE);
    destroy(poller);
    close(ends[0]);
    close(ends[1]);
}

static void beyond_select(const char *name)
{
    struct poller *poller = create(name);

    if (poller->class == &poller_select) {
        errno = 0;
        CHECK(poller->class->change(poller, FD_SETSIZE, 0, BOTH) == -1);
        CHECK(errno == ERANGE);
        change(poller, FD_SETSIZE, BOTH, 0);
        CHECK(ready(poller, FD_SETSIZE) == 0);
    }
    destroy(poller);
}

static const struct unit_case cases[] = {
    { "wanted_and_ready", wanted_and_ready },
    { "times_out", times_out },
    { "others_leave", others_leave },
    { "closed_number", closed_number },
    { "known_already", known_already },
    { "beyond_select", beyond_select },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
