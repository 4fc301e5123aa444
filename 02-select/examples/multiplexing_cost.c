/* SPDX-License-Identifier: MIT
 *
 * multiplexing_cost - what one turn of a loop costs with select, poll and
 * epoll, when one descriptor is ready and more and more others are idle. A
 * turn is the call and the search for the one that is ready, as in a server.
 * Its byte is never read, so the next turn finds it again.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/net.h"
#include "program/options.h"

enum {
    IDLE_MAX = 5000,
    BATCH = 100,      /* turns between two looks at the clock */
    CELL_US = 100000, /* microseconds spent on one figure of the table */
    READY_MAX = 16    /* descriptors that epoll may tell of in a turn */
};

/* The idle descriptors and, as the last and highest, the one that is ready.
 * `gate` is the other end of that. */
struct crowd {
    int fds[IDLE_MAX + 1];
    int count;
    int gate;
};

/* Zero it. The fastest batch counts: other programs only ever slow us down. */
struct stopwatch {
    long turns, found; /* how many, and in how many somebody was ready */
    double began_us;   /* the first batch, this batch */
    double batch_us;
    double best_us; /* per turn */
};

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* To be asked before each turn: whether there is to be another one. */
static bool stopwatch_runs(struct stopwatch *watch)
{
    if (watch->turns++ % BATCH != 0)
        return true;
    double now = now_us(), us = (now - watch->batch_us) / BATCH;
    watch->batch_us = now;
    if (watch->turns == 1) {
        watch->began_us = now;
        return true;
    }
    if (watch->best_us == 0 || us < watch->best_us)
        watch->best_us = us;
    return now - watch->began_us < CELL_US;
}

/* Microseconds per turn, or -1 if not every turn has found the one. */
static double stopwatch_result(const struct stopwatch *watch)
{
    return watch->found == watch->turns - 1 ? watch->best_us : -1;
}

static double select_cost(const struct crowd *crowd)
{
    struct stopwatch watch = { 0 };
    int end = crowd->fds[crowd->count - 1] + 1;
    fd_set inputs;

    if (end > FD_SETSIZE)
        return -1;
    FD_ZERO(&inputs);
    for (int i = 0; i < crowd->count; i++)
        FD_SET(crowd->fds[i], &inputs);
    while (stopwatch_runs(&watch)) {
        fd_set readable = inputs;
        select(end, &readable, NULL, NULL, NULL);
        for (int fd = 0; fd < end; fd++)
            if (FD_ISSET(fd, &readable))
                watch.found++;
    }
    return stopwatch_result(&watch);
}

static double poll_cost(const struct crowd *crowd)
{
    struct stopwatch watch = { 0 };
    struct pollfd polled[IDLE_MAX + 1];

    for (int i = 0; i < crowd->count; i++)
        polled[i] = (struct pollfd){ .fd = crowd->fds[i], .events = POLLIN };
    while (stopwatch_runs(&watch)) {
        poll(polled, (nfds_t)crowd->count, -1);
        for (int i = 0; i < crowd->count; i++)
            if (polled[i].revents)
                watch.found++;
    }
    return stopwatch_result(&watch);
}

static double epoll_cost(const struct crowd *crowd)
{
    struct stopwatch watch = { 0 };
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    for (int i = 0; i < crowd->count; i++) {
        struct epoll_event event = { .events = EPOLLIN,
                                     .data.fd = crowd->fds[i] };
        epoll_ctl(epoll, EPOLL_CTL_ADD, crowd->fds[i], &event);
    }
    while (stopwatch_runs(&watch)) {
        struct epoll_event ready[READY_MAX];
        int count = epoll_wait(epoll, ready, READY_MAX, -1);
        for (int i = 0; i < count; i++)
            if (ready[i].events)
                watch.found++;
    }
    close(epoll);
    return stopwatch_result(&watch);
}

static void crowd_leave(struct crowd *crowd)
{
    while (crowd->count > 0)
        close(crowd->fds[--crowd->count]);
    if (crowd->gate >= 0)
        close(crowd->gate);
}

/* Both ends of a pair of sockets wait for the other one: two idle clients.
 * Returns -1 when the process may not have so many descriptors. */
static int crowd_gather(struct crowd *crowd, int idle)
{
    int ends[2];

    crowd->count = 0;
    crowd->gate = -1;
    while (crowd->count < idle) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, &crowd->fds[crowd->count]) < 0)
            goto fail;
        crowd->count += 2;
    }
    if (net_pipe(ends, NET_BLOCKING) < 0)
        goto fail;
    crowd->fds[crowd->count++] = ends[0];
    crowd->gate = ends[1];
    if (write(crowd->gate, "!", 1) == 1)
        return 0;
fail:
    crowd_leave(crowd);
    return -1;
}

static void print_cell(double us)
{
    if (us < 0)
        printf("%10s", "-");
    else
        printf("%10.1f", us);
    fflush(stdout);
}

static void print_row(int idle)
{
    struct crowd crowd;
    bool possible = crowd_gather(&crowd, idle) == 0;

    printf("%10d", idle);
    print_cell(possible ? select_cost(&crowd) : -1);
    print_cell(possible ? poll_cost(&crowd) : -1);
    print_cell(possible ? epoll_cost(&crowd) : -1);
    putchar('\n');
    if (possible)
        crowd_leave(&crowd);
}

int main(int argc, char **argv)
{
    static const int rows[] = { 10, 100, 500, 900, IDLE_MAX };
    struct options options = { .about = "measures a turn of a loop." };
    struct rlimit limit;

    options_plain(&options, NULL, argc, argv);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    puts("microseconds per turn, one descriptor ready");
    printf("%10s%10s%10s%10s\n", "idle", "select", "poll", "epoll");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        print_row(rows[i]);
    return 0;
}
