/* SPDX-License-Identifier: MIT
 *
 * load - keeps echo servers busy, one at a time and in turns, and says what
 * that has cost them.
 *
 *   load [-c CONNECTIONS] [-b BYTES] [-d DEPTH] [-k] [-t MS] [-n TURNS]
 *        PORT/PID/IDLE...
 *
 * Each of CONNECTIONS sends DEPTH messages of BYTES bytes in one piece, waits
 * until all of them are back, and sends the next; IDLE more do nothing. With
 * -k a connection is reset when its messages are back, and the next ones go
 * over a new one. A turn is MS milliseconds for one server; short turns keep
 * whatever else the machine does out of the comparison.
 *
 * Prints for each turn which server it was, counted from 1, how many messages
 * came back, and the nanoseconds of processor time that PID with all of its
 * threads has used for them. Exit 1 if a byte is missing, wrong or unasked for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client.h"

enum {
    SERVERS_MAX = 32,
    EVENTS_MAX = 64,
    WARM_UP_MS = 2,
    SETTLE_MS = 1 /* after the last answer the server goes to sleep */
};

struct load {
    int active, depth, ms, turns;
    bool fresh; /* a connection for each piece */
    struct lines lines;
};

struct server {
    const struct load *load;
    struct address address;
    int pid;
    struct client *clients; /* the active ones come first */
    int count;              /* with the idle ones */
    int epoll;
};

static void dial(const struct server *server, struct client *client)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

    client_dial(client, &server->address);
    if (client - server->clients < server->load->active &&
        epoll_ctl(server->epoll, EPOLL_CTL_ADD, client->fd, &event) < 0)
        client_fail("epoll_ctl", strerror(errno));
}

/* Each connection has its first answer before the next is opened: so the
 * server has accepted it, and no backlog is ever full. */
static void open_all(struct server *server)
{
    const struct lines *lines = &server->load->lines;

    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->clients =
        calloc((size_t)server->count + 1, sizeof(*server->clients));
    if (server->epoll < 0 || !server->clients)
        client_fail("connections", strerror(errno));
    for (int i = 0; i < server->count; i++) {
        struct client *client = &server->clients[i];
        client->line = (unsigned)i; /* so that no two send the same */
        dial(server, client);
        client_send(client, lines);
        while (!client_receive(client, lines))
            ;
    }
}

static void close_all(struct server *server)
{
    for (int i = 0; i < server->count; i++) {
        client_check_silent(&server->clients[i]);
        client_hang_up(&server->clients[i]);
    }
    close(server->epoll);
    free(server->clients);
}

/* A piece is back: what its client does next. */
static void go_on(const struct server *server, struct client *client, bool over)
{
    if (server->load->fresh) {
        client_hang_up(client);
        dial(server, client);
    }
    if (!over)
        client_send(client, &server->load->lines);
}

/* Keeps the server busy for `ms` milliseconds, then waits for what is still in
 * flight. Returns how many messages have come back. */
static unsigned long long run(const struct server *server, int ms)
{
    const struct load *load = server->load;
    struct epoll_event events[EVENTS_MAX];
    long long end = client_now_ms() + ms;
    unsigned long long pieces = 0;
    int busy = load->active;

    if (busy == 0)
        client_pause_ms(ms);
    for (int i = 0; i < busy; i++)
        client_send(&server->clients[i], &load->lines);
    while (busy > 0) {
        int ready = epoll_wait(server->epoll, events, EVENTS_MAX, STALL_MS);
        if (ready == 0)
            client_fail("epoll_wait", "the server does not answer");
        bool over = client_now_ms() >= end;
        for (int i = 0; i < ready; i++) {
            if (!client_receive(events[i].data.ptr, &load->lines))
                continue;
            pieces++;
            busy -= over;
            go_on(server, events[i].data.ptr, over);
        }
    }
    client_pause_ms(SETTLE_MS);
    return pieces * (unsigned long long)load->depth;
}

static void take_turn(const struct server *server, int number)
{
    /* Or it would be cheaper to come after oneself than after another. */
    run(server, WARM_UP_MS);
    unsigned long long before = client_cpu_ns(server->pid);
    unsigned long long messages = run(server, server->load->ms);

    printf("%d %llu %llu\n", number, messages,
           client_cpu_ns(server->pid) - before);
}

static struct load parse(int argc, char **argv)
{
    struct load load = { .active = 50, .depth = 1, .ms = 10, .turns = 10 };
    int option, bytes = 64;

    while ((option = getopt(argc, argv, "c:b:d:t:n:k")) != -1) {
        int value = optarg ? atoi(optarg) : 0;
        if (option == 'c')
            load.active = value;
        else if (option == 'b')
            bytes = value;
        else if (option == 'd')
            load.depth = value;
        else if (option == 't')
            load.ms = value;
        else if (option == 'n')
            load.turns = value;
        else if (option == 'k')
            load.fresh = true;
        else
            exit(2);
    }
    if (bytes < 2 || load.depth < 1 || bytes * load.depth > PIECE_MAX)
        client_fail("-b, -d", "too little or too much at once");
    load.lines = client_lines((size_t)bytes, (size_t)load.depth);
    return load;
}

static struct server meet(const struct load *load, const char *text)
{
    struct server server = { .load = load };
    int port, idle;

    if (sscanf(text, "%d/%d/%d", &port, &server.pid, &idle) != 3)
        client_fail(text, "not PORT/PID/IDLE");
    const char *why = address_resolve(&server.address, "127.0.0.1", port);
    if (why)
        client_fail(text, why);
    server.count = load->active + idle;
    open_all(&server);
    return server;
}

int main(int argc, char **argv)
{
    const struct load load = parse(argc, argv);
    struct server servers[SERVERS_MAX];
    int count = 0;

    for (; optind < argc && count < SERVERS_MAX; optind++)
        servers[count++] = meet(&load, argv[optind]);
    for (int turn = 0; turn < load.turns; turn++)
        for (int i = 0; i < count; i++) {
            /* There and back again, so that no neighbour is always first. */
            int number = turn % 2 ? count - 1 - i : i;
            take_turn(&servers[number], number + 1);
        }
    for (int i = 0; i < count; i++)
        close_all(&servers[i]);
    free(load.lines.bytes);
    return 0;
}
