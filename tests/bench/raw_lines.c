/* SPDX-License-Identifier: MIT
 *
 * raw_lines - two line servers written around epoll, with nothing in between.
 * One collects the answers and sends them once for each read; with --each the
 * other sends every line as it finds it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program/endpoint.h"
#include "raw.h"

enum {
    EVENTS_MAX = 256,
    LINE_ROOM = 1024 /* bytes of a line, with its end */
};

struct line_client {
    struct raw_client base;
    size_t length; /* bytes of the line that has not ended yet */
    char line[LINE_ROOM];
};

struct server {
    bool each;
    int listener, epoll;
    char input[LINE_ROOM + RAW_ROOM];
    char output[LINE_ROOM + RAW_ROOM];
};

/* Tells the kernel what to watch a client for; -1 if it will not. */
static int watch(const struct server *server, int operation, int fd,
                 struct line_client *client, unsigned events)
{
    struct epoll_event event = { .events = events, .data.ptr = client };

    return epoll_ctl(server->epoll, operation, fd, &event);
}

static void welcome(const struct server *server)
{
    static const int on = 1;
    int fd;

    while ((fd = net_accept(server->listener, NULL, NET_NONBLOCKING)) >= 0) {
        struct line_client *client = calloc(1, sizeof(*client));
        /* Or the second of many lines would wait until the first has been
         * acknowledged, which a client that only reads puts off. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (client) {
            client->base.fd = fd;
            if (watch(server, EPOLL_CTL_ADD, fd, client, EPOLLIN) == 0)
                continue;
        }
        free(client);
        close(fd);
    }
}

/* Answers the lines from `line` on. Returns what the client is to be watched
 * for, and where the line begins that has not ended. */
static enum raw_next answer(struct server *server, struct raw_client *client,
                            const char **line, const char *end)
{
    enum raw_next next = RAW_READ;
    size_t collected = 0;
    const char *newline;

    while (next != RAW_CLOSED &&
           (newline = memchr(*line, '\n', (size_t)(end - *line)))) {
        size_t length = (size_t)(newline + 1 - *line);
        if (server->each) {
            next = raw_send(client, *line, length);
        } else {
            memcpy(server->output + collected, *line, length);
            collected += length;
        }
        *line = newline + 1;
    }
    if (collected > 0)
        next = raw_send(client, server->output, collected);
    return next;
}

static enum raw_next read_lines(struct server *server,
                                struct line_client *client)
{
    char *more = server->input + client->length;
    ssize_t length = recv(client->base.fd, more, RAW_ROOM, 0);
    const char *line = server->input;

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return RAW_READ;
    if (length <= 0)
        return raw_hang_up(&client->base);
    memcpy(server->input, client->line, client->length);
    enum raw_next next = answer(server, &client->base, &line, more + length);
    if (next == RAW_CLOSED)
        return RAW_CLOSED;
    client->length = (size_t)(more + length - line);
    if (client->length > LINE_ROOM)
        return raw_hang_up(&client->base);
    memcpy(client->line, line, client->length);
    return next;
}

static void serve(struct server *server, struct line_client *client)
{
    enum raw_next now = client->base.waiting ? RAW_WRITE : RAW_READ;
    enum raw_next next = now == RAW_WRITE ? raw_write(&client->base)
                                          : read_lines(server, client);

    if (next == RAW_CLOSED)
        free(client); /* its descriptor is closed, so epoll has forgotten it */
    else if (next != now)
        watch(server, EPOLL_CTL_MOD, client->base.fd, client,
              next == RAW_READ ? EPOLLIN : EPOLLOUT);
}

int main(int argc, char **argv)
{
    static struct server server;
    struct options options = { .port = 8000 };
    const struct option extra[] = {
        { "--each", NULL, OPTION_SWITCH, &server.each, 0 },
        { 0 },
    };
    struct epoll_event events[EVENTS_MAX];

    options_server(&options, extra, argc, argv);
    server.listener =
        endpoint_listen_tcp(&options, RAW_BACKLOG, NET_NONBLOCKING);
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server.listener < 0 ||
        watch(&server, EPOLL_CTL_ADD, server.listener, NULL, EPOLLIN) < 0)
        return 1;
    for (;;) {
        int ready = epoll_wait(server.epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++)
            if (events[i].data.ptr)
                serve(&server, events[i].data.ptr);
            else
                welcome(&server);
    }
}
