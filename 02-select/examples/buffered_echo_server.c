/* SPDX-License-Identifier: MIT
 *
 * buffered_echo_server - sends back what comes, and never waits for a client
 * that does not read: what the kernel does not take now stays in the client's
 * buffer, and while that is full the client is not read either. Then its own
 * sending comes to a halt, and it costs us one buffer for as long as it likes.
 *
 * It waits with poll. A server with buffers changes its mind about what to
 * wait for all the time: here that is a store into an array, with epoll it
 * would be a system call; and select ends at 1024.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/buffer.h"
#include "program/endpoint.h"

enum { PAUSE_MS = 1000 }; /* without a descriptor, accept again after this */

struct connection {
    bool ended; /* the client sends nothing more */
    struct buffer buffer;
};

/* Both arrays are indexed by descriptor. A place in `polled` that is not in
 * use says -1, which poll passes over. */
struct server {
    int listener;
    struct pollfd *polled;
    struct connection **connections; /* NULL: not open */
    int size;                        /* places in each of the two */
};

static int make_room(struct server *server, int fd)
{
    size_t size = (size_t)fd + 1;

    if (fd < server->size)
        return 0;
    struct pollfd *polled = realloc(server->polled, size * sizeof(*polled));
    if (polled)
        server->polled = polled;
    struct connection **connections =
        realloc(server->connections, size * sizeof(*connections));
    if (connections)
        server->connections = connections;
    if (!polled || !connections)
        return -1;
    for (; server->size <= fd; server->size++) {
        polled[server->size] = (struct pollfd){ .fd = -1 };
        connections[server->size] = NULL;
    }
    return 0;
}

/* What poll waits for from now on. What it has said before, maybe about the
 * last owner of the number, is forgotten. */
static void watch(struct server *server, int fd, short events)
{
    struct pollfd place = { .fd = events ? fd : -1, .events = events };

    server->polled[fd] = place;
}

/* Takes in the next client. */
static void accept_client(struct server *server)
{
    int fd = net_accept(server->listener, NULL, NET_NONBLOCKING);

    if (fd < 0) {
        /* Without a descriptor for the client the listener stays ready: it
         * sits out the next wait, or we would go round and round. */
        if (net_accept_exhausted(errno))
            watch(server, server->listener, 0);
        return;
    }
    struct connection *connection = malloc(sizeof(*connection));
    if (!connection || make_room(server, fd) < 0) {
        free(connection);
        close(fd);
        return;
    }
    connection->ended = false;
    connection->buffer.in = connection->buffer.out = 0;
    server->connections[fd] = connection;
    watch(server, fd, POLLIN);
}

/* Moves what can be moved now. False when the connection is over: it failed,
 * or the client has ended its stream and has been sent all of it. */
static bool echo(struct connection *connection, int fd)
{
    struct buffer *buffer = &connection->buffer;

    if (!connection->ended && buffer_room(buffer) > 0) {
        ssize_t received = buffer_receive(buffer, fd);
        if (received < 0 && errno != EAGAIN)
            return false;
        if (received == 0)
            connection->ended = true;
    }
    /* Most of the time the kernel takes it at once, and nobody has to wait
     * until it can. */
    if (buffer_length(buffer) > 0 && buffer_send(buffer, fd) < 0 &&
        errno != EAGAIN)
        return false;
    return !connection->ended || buffer_length(buffer) > 0;
}

static void serve(struct server *server, int fd)
{
    struct connection *connection = server->connections[fd];
    const struct buffer *buffer = &connection->buffer;

    if (!echo(connection, fd)) {
        watch(server, fd, 0);
        server->connections[fd] = NULL;
        free(connection);
        close(fd);
        return;
    }
    short events = 0;
    if (!connection->ended && buffer_room(buffer) > 0)
        events |= POLLIN;
    if (buffer_length(buffer) > 0)
        events |= POLLOUT;
    watch(server, fd, events);
}

static int turn(struct server *server)
{
    bool paused = server->polled[server->listener].fd < 0;
    int ready =
        poll(server->polled, (nfds_t)server->size, paused ? PAUSE_MS : -1);

    if (ready < 0)
        return net_wait_failed(errno);
    for (int fd = 0; fd < server->size && ready > 0; fd++) {
        if (server->polled[fd].revents == 0)
            continue;
        if (fd == server->listener)
            accept_client(server);
        else
            serve(server, fd);
    }
    if (paused)
        watch(server, server->listener, POLLIN);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9000,
                               .about = "sends back what comes." };
    struct server server = { .size = 0 };

    options_server(&options, NULL, argc, argv);
    server.listener = endpoint_listen_tcp(&options, SOMAXCONN, NET_NONBLOCKING);
    if (server.listener < 0)
        return 1;
    if (make_room(&server, server.listener) < 0)
        return options_failed(&options, "listener", strerror(errno));
    watch(&server, server.listener, POLLIN);
    while (turn(&server) == 0)
        ;
    /* poll refuses more places than we may have descriptors. */
    const char *why = errno == EINVAL ? "more descriptors than the limit allows"
                                      : strerror(errno);
    return options_failed(&options, "poll", why);
}
