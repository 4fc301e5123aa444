/* SPDX-License-Identifier: MIT
 *
 * raw_select - an echo server written around select, with nothing in between.
 */
#include <sys/select.h>
#include <unistd.h>

#include "net/net.h"
#include "raw.h"

struct server {
    int listener;
    int top; /* the highest number in either set */
    fd_set reading, writing;
    struct raw_client clients[FD_SETSIZE]; /* by number */
    char room[RAW_ROOM];
};

static void watch(struct server *server, int fd, enum raw_next next)
{
    FD_CLR(fd, &server->reading);
    FD_CLR(fd, &server->writing);
    if (next == RAW_READ)
        FD_SET(fd, &server->reading);
    if (next == RAW_WRITE)
        FD_SET(fd, &server->writing);
    if (next != RAW_CLOSED && fd > server->top)
        server->top = fd;
    while (!FD_ISSET(server->top, &server->reading) &&
           !FD_ISSET(server->top, &server->writing))
        server->top--; /* down to the listener at most */
}

static void welcome(struct server *server)
{
    int fd;

    while ((fd = net_accept(server->listener, NULL, NET_NONBLOCKING)) >= 0) {
        if (fd >= FD_SETSIZE) {
            close(fd);
            continue;
        }
        server->clients[fd] = (struct raw_client){ .fd = fd };
        watch(server, fd, RAW_READ);
    }
}

static void turn(struct server *server)
{
    fd_set readable = server->reading, writable = server->writing;
    int left = select(server->top + 1, &readable, &writable, NULL, NULL);

    for (int fd = 0; left > 0; fd++) {
        struct raw_client *client = &server->clients[fd];
        if (FD_ISSET(fd, &readable)) {
            left--;
            if (fd == server->listener)
                welcome(server);
            else if (raw_read(client, server->room) != RAW_READ)
                watch(server, fd, client->waiting ? RAW_WRITE : RAW_CLOSED);
        } else if (FD_ISSET(fd, &writable)) {
            left--;
            watch(server, fd, raw_write(client));
        }
    }
}

int main(int argc, char **argv)
{
    static struct server server;

    FD_ZERO(&server.reading);
    FD_ZERO(&server.writing);
    server.listener = raw_listen(argc, argv);
    server.top = server.listener;
    watch(&server, server.listener, RAW_READ);
    for (;;)
        turn(&server);
}
