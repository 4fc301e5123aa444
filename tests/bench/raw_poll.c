/* SPDX-License-Identifier: MIT
 *
 * raw_poll - an echo server written around poll, with nothing in between.
 */
#include <poll.h>
#include <unistd.h>

#include "net/net.h"
#include "raw.h"

enum { PLACES = 16 * 1024 };

/* The two arrays go together and have no gaps; the listener is at 0. */
struct server {
    int count;
    struct pollfd polled[PLACES];
    struct raw_client clients[PLACES];
    char room[RAW_ROOM];
};

static void welcome(struct server *server)
{
    int fd;

    while ((fd = net_accept(server->polled[0].fd, NULL, NET_NONBLOCKING)) >=
           0) {
        if (server->count == PLACES) {
            close(fd);
            continue;
        }
        server->polled[server->count] =
            (struct pollfd){ .fd = fd, .events = POLLIN };
        server->clients[server->count++] = (struct raw_client){ .fd = fd };
    }
}

static void serve(struct server *server, int place)
{
    struct raw_client *client = &server->clients[place];
    enum raw_next next =
        client->waiting ? raw_write(client) : raw_read(client, server->room);

    if (next == RAW_CLOSED) {
        /* The last one fills the gap. */
        server->count--;
        server->polled[place] = server->polled[server->count];
        *client = server->clients[server->count];
        return;
    }
    server->polled[place].events = next == RAW_READ ? POLLIN : POLLOUT;
}

static void turn(struct server *server)
{
    int left = poll(server->polled, (nfds_t)server->count, -1);

    /* Backwards: who fills a gap has had his turn. */
    for (int place = server->count - 1; place > 0 && left > 0; place--) {
        if (!server->polled[place].revents)
            continue;
        left--;
        serve(server, place);
    }
    if (left > 0)
        welcome(server);
}

int main(int argc, char **argv)
{
    static struct server server;

    server.polled[0] =
        (struct pollfd){ .fd = raw_listen(argc, argv), .events = POLLIN };
    server.count = 1;
    for (;;)
        turn(&server);
}
