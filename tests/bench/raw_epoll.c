/* SPDX-License-Identifier: MIT
 *
 * raw_epoll - an echo server written around epoll, with nothing in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/net.h"
#include "raw.h"

enum { EVENTS_MAX = 256 };

/* Tells the kernel what to watch a client for; -1 if it will not. */
static int watch(int epoll, int operation, struct raw_client *client,
                 unsigned events)
{
    struct epoll_event event = { .events = events, .data.ptr = client };

    return epoll_ctl(epoll, operation, client->fd, &event);
}

static void welcome(int epoll, const struct raw_client *listener)
{
    int fd;

    while ((fd = net_accept(listener->fd, NULL, NET_NONBLOCKING)) >= 0) {
        struct raw_client *client = calloc(1, sizeof(*client));
        if (client) {
            client->fd = fd;
            if (watch(epoll, EPOLL_CTL_ADD, client, EPOLLIN) == 0)
                continue;
        }
        free(client);
        close(fd);
    }
}

static void serve(int epoll, struct raw_client *client, char *room)
{
    enum raw_next now = client->waiting ? RAW_WRITE : RAW_READ;
    enum raw_next next =
        now == RAW_WRITE ? raw_write(client) : raw_read(client, room);

    if (next == RAW_CLOSED)
        free(client); /* its descriptor is closed, so epoll has forgotten it */
    else if (next != now)
        watch(epoll, EPOLL_CTL_MOD, client,
              next == RAW_READ ? EPOLLIN : EPOLLOUT);
}

int main(int argc, char **argv)
{
    struct raw_client listener = { .fd = raw_listen(argc, argv) };
    struct epoll_event events[EVENTS_MAX];
    static char room[RAW_ROOM];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (watch(epoll, EPOLL_CTL_ADD, &listener, EPOLLIN) < 0)
        return 1;
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++)
            if (events[i].data.ptr == &listener)
                welcome(epoll, &listener);
            else
                serve(epoll, events[i].data.ptr, room);
    }
}
