/* SPDX-License-Identifier: MIT
 *
 * epoll_server - answers every message of any number of clients, in one
 * thread: it never waits for one of them, it waits for all of them at once.
 * Each turn prints how many are in inputs, rlist, wlist and outputs.
 * With --edge the kernel tells of a client's bytes once, when they arrive.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "examples/clients.h"
#include "program/endpoint.h"

enum {
    TURN_SECONDS = 1, /* a turn ends after this, if nobody is ready */
    READY_MAX = 1024, /* descriptors of a turn; the others are in the next */
    /* An edge is reported once: a client is read until there is nothing left.
     * One that never stops sending must not keep us, though. After so many
     * messages it waits for the next turn, and watch has it reported again. */
    MESSAGES_MAX = 64
};

struct server {
    struct clients clients;
    int epoll; /* the two lists, which the kernel keeps */
    bool edge;
};

/* Notes what `fd` is waited for from now on. Returns -1 if it cannot be waited
 * for: the kernel's memory or its limit is used up. MOD counts as a new edge:
 * a descriptor that is ready at that moment is reported again. */
static int watch(struct server *server, int fd)
{
    const struct client *client = &server->clients.table[fd];
    struct epoll_event event = { .data.fd = fd };
    bool listener = fd == server->clients.listener;

    if (client->input)
        event.events |= EPOLLIN;
    if (client->owed > 0)
        event.events |= EPOLLOUT;
    if (event.events == 0 && !listener)
        return 0; /* it was closed, and the kernel has forgotten it */
    if (server->edge && !listener)
        event.events |= EPOLLET;
    if (epoll_ctl(server->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Waits until somebody is ready, and is told who. An error or a hang-up,
 * reported unasked, makes ready whatever we wait for. */
static int wait_ready(struct server *server)
{
    struct epoll_event told[READY_MAX];
    int timeout = 1000 * TURN_SECONDS;

    clients_none_ready(&server->clients);
    int ready = epoll_wait(server->epoll, told, READY_MAX, timeout);
    if (ready < 0)
        return net_wait_failed(errno);
    for (int i = 0; i < ready; i++) {
        uint32_t events = told[i].events;
        clients_ready(&server->clients, told[i].data.fd, events & ~EPOLLOUT,
                      events & ~EPOLLIN);
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
            clients_read(clients, fd, server->edge ? MESSAGES_MAX : 1);
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
    struct server server = { .edge = false };
    const struct option extra[] = {
        { "--edge", NULL, OPTION_SWITCH, &server.edge, 0 },
        { 0 },
    };

    options_server(&options, extra, argc, argv);
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server.epoll < 0)
        return options_failed(&options, "epoll", strerror(errno));
    int listener = endpoint_listen_tcp(&options, SOMAXCONN, NET_NONBLOCKING);
    if (listener < 0)
        return 1;
    server.clients.listener = listener;
    if (clients_add(&server.clients, listener) < 0 ||
        watch(&server, listener) < 0)
        return options_failed(&options, "listener", strerror(errno));
    while (wait_ready(&server) == 0)
        turn(&server);
    return options_failed(&options, "epoll", strerror(errno));
}
