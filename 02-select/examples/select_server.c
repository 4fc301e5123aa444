/* SPDX-License-Identifier: MIT
 *
 * select_server - answers every message of any number of clients, in one
 * thread: it never waits for one of them, it waits for all of them at once.
 * Each turn prints how many are in inputs, rlist, wlist and outputs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>

#include "examples/clients.h"
#include "program/endpoint.h"

enum { TURN_SECONDS = 1 }; /* a turn ends after this, if nobody is ready */

struct server {
    struct clients clients;
    fd_set inputs, outputs; /* the two lists, as select takes them */
    int end;                /* one more than the highest there has ever been */
};

/* Notes what `fd` is waited for from now on. Returns -1 if it cannot be waited
 * for: an fd_set is an array of FD_SETSIZE bits, and FD_SET with a higher
 * number writes into whatever comes behind it. */
static int watch(struct server *server, int fd)
{
    const struct client *client = &server->clients.table[fd];

    if (fd >= FD_SETSIZE) {
        errno = EMFILE;
        return -1;
    }
    FD_CLR(fd, &server->inputs);
    FD_CLR(fd, &server->outputs);
    if (client->input)
        FD_SET(fd, &server->inputs);
    if (client->owed > 0)
        FD_SET(fd, &server->outputs);
    if (fd >= server->end)
        server->end = fd + 1;
    return 0;
}

/* Waits until somebody is ready, and finds out who by asking for all. */
static int wait_ready(struct server *server)
{
    fd_set readable = server->inputs, writable = server->outputs;
    struct timeval timeout = { .tv_sec = TURN_SECONDS };

    /* Copies, because select writes its answer into the sets it is given. */
    clients_none_ready(&server->clients);
    int ready = select(server->end, &readable, &writable, NULL, &timeout);
    if (ready < 0)
        return net_wait_failed(errno);
    for (int fd = 0; ready > 0 && fd < server->end; fd++)
        clients_ready(&server->clients, fd, FD_ISSET(fd, &readable),
                      FD_ISSET(fd, &writable));
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

    FD_ZERO(&server.inputs);
    FD_ZERO(&server.outputs);
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
    return options_failed(&options, "select", strerror(errno));
}
