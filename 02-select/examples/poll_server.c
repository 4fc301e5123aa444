/* SPDX-License-Identifier: MIT
 *
 * poll_server - answers every message of any number of clients, in one
 * thread: it never waits for one of them, it waits for all of them at once.
 * Each turn prints how many are in inputs, rlist, wlist and outputs.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "examples/clients.h"
#include "program/endpoint.h"

enum { TURN_SECONDS = 1 }; /* a turn ends after this, if nobody is ready */

struct server {
    struct clients clients;
    struct pollfd *polled; /* the two lists, as poll takes them */
    int end;               /* how many of them there are */
};

/* Notes what `fd` is waited for from now on. Returns -1 if it cannot be waited
 * for: there is no memory. The array has a place for each descriptor, and poll
 * passes over the places that say -1. */
static int watch(struct server *server, int fd)
{
    const struct client *client = &server->clients.table[fd];

    if (fd >= server->end) {
        size_t count = (size_t)fd + 1;
        struct pollfd *polled =
            realloc(server->polled, count * sizeof(*polled));
        if (!polled)
            return -1;
        server->polled = polled;
        while (server->end <= fd)
            polled[server->end++] = (struct pollfd){ .fd = -1 };
    }
    struct pollfd *place = &server->polled[fd];
    place->events = 0;
    if (client->input)
        place->events |= POLLIN;
    if (client->owed > 0)
        place->events |= POLLOUT;
    place->fd = place->events ? fd : -1;
    return 0;
}

/* Waits until somebody is ready, and finds out who by asking all. An error or
 * a hang-up, reported unasked, makes ready whatever we wait for. */
static int wait_ready(struct server *server)
{
    int timeout = 1000 * TURN_SECONDS;

    clients_none_ready(&server->clients);
    int ready = poll(server->polled, (nfds_t)server->end, timeout);
    if (ready < 0)
        return net_wait_failed(errno);
    for (int fd = 0; ready > 0 && fd < server->end; fd++) {
        int events = server->polled[fd].revents;
        clients_ready(&server->clients, fd, events & ~POLLOUT,
                      events & ~POLLIN);
    }
    return 0;
}

/* The listener is ready. After each change of a client comes watch, or the
 * next wait would not know of it. */
static void accept_client(struct server *server)
{
    int fd = clients_accept(&server->clients);

    if (fd < 0)
        watch(server, server->clients.listener);
    else if (watch(server, fd) < 0)
        clients_drop(&server->clients, fd);
    else
        clients_greet(fd);
}

static void turn(struct server *server)
{
    struct clients *clients = &server->clients;

    printf("%d %d %d %d\n", clients->inputs, clients->rcount, clients->wcount,
           clients->outputs);
    if (clients_accept_again(clients))
        watch(server, clients->listener);
    /* One recv a client and turn: nobody keeps the others waiting. */
    for (int i = 0; i < clients->rcount; i++) {
        int fd = clients->rlist[i];
        if (fd == clients->listener) {
            accept_client(server);
        } else {
            clients_read(clients, fd, 1);
            watch(server, fd);
        }
    }
    /* A descriptor in wlist may have been closed just now, its number may
     * even be a new client's already. Neither is owed anything. */
    for (int i = 0; i < clients->wcount; i++) {
        int fd = clients->wlist[i];
        clients_answer(clients, fd);
        watch(server, fd);
    }
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9000,
                               .about = "answers the messages of clients." };
    struct server server = { .end = 0 };

    options_server(&options, NULL, argc, argv);
    int listener = endpoint_listen_tcp(&options, SOMAXCONN, NET_NONBLOCKING);
    if (listener < 0)
        return 1;
    server.clients.listener = listener;
    if (clients_add(&server.clients, listener) < 0 ||
        watch(&server, listener) < 0)
        return options_failed(&options, "listener", strerror(errno));
    while (wait_ready(&server) == 0)
        turn(&server);
    /* poll refuses more places than we may have descriptors. */
    const char *why = errno == EINVAL ? "more descriptors than the limit allows"
                                      : strerror(errno);
    return options_failed(&options, "poll", why);
}
