/* SPDX-License-Identifier: MIT
 *
 * streams - keeps echo servers busy with large messages, one server at a time
 * and in turns, and says what that has cost them.
 *
 *   streams [-c CONNECTIONS] [-b BYTES] [-d DEPTH] [-t MS] [-n TURNS]
 *           PORT/PID/IDLE...
 *
 * Each of CONNECTIONS has DEPTH messages of BYTES bytes in flight at any time,
 * and sends while it receives: neither side waits for the other. Prints what
 * load prints, and the nanoseconds that have passed until the last byte was
 * back. Exit 1 if a byte is missing, wrong or unasked for.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "net/net.h"

enum {
    SERVERS_MAX = 32,
    STREAMS_MAX = 64,
    CHUNK = 256 * 1024, /* bytes of one send or recv */
    PERIOD = 65521, /* of the pattern: a prime, so no piece is like another */
    WARM_UP_MS = 20,
    SETTLE_MS = 1 /* after the last byte the server goes to sleep */
};

struct streams {
    int count, ms, turns;
    uint64_t message, window; /* bytes */
};

struct stream {
    int fd;
    uint64_t sent, received;
};

struct server {
    int pid;
    struct stream streams[STREAMS_MAX];
};

static char pattern[PERIOD + CHUNK];

static void make_pattern(void)
{
    unsigned random = 1;

    for (size_t i = 0; i < PERIOD; i++) {
        random = random * 1664525 + 1013904223; /* Numerical Recipes' */
        pattern[i] = (char)(random >> 16);
    }
    for (size_t i = 0; i < CHUNK; i++)
        pattern[PERIOD + i] = pattern[i % PERIOD];
}

/* Sends up to `limit`, as much as the kernel takes. */
static void fill(struct stream *stream, uint64_t limit)
{
    while (stream->sent < limit) {
        uint64_t left = limit - stream->sent;
        ssize_t n = send(stream->fd, pattern + stream->sent % PERIOD,
                         left < CHUNK ? left : CHUNK, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            client_fail("send", strerror(errno));
        stream->sent += (uint64_t)n;
    }
}

static void drain(struct stream *stream)
{
    static char bytes[CHUNK];
    ssize_t n = recv(stream->fd, bytes, CHUNK, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        client_fail("receive", n < 0 ? strerror(errno) : "the server hung up");
    if ((uint64_t)n > stream->sent - stream->received)
        client_fail("receive", "more than was sent");
    if (memcmp(bytes, pattern + stream->received % PERIOD, (size_t)n))
        client_fail("receive", "not what was sent");
    stream->received += (uint64_t)n;
}

/* Where the stream may send up to: whole messages, DEPTH of them not back; when
 * it is over, the message that was begun. */
static uint64_t limit_of(const struct streams *streams,
                         const struct stream *stream, bool over)
{
    uint64_t base = over ? stream->sent + streams->message - 1
                         : stream->received + streams->window;

    return base / streams->message * streams->message;
}

/* Keeps the server busy for `ms` milliseconds, then waits for what is still in
 * flight: `took` milliseconds in all. Returns how many messages are back. */
static unsigned long long run(const struct streams *streams,
                              struct server *server, int ms, long long *took)
{
    long long begun = client_now_ms(), end = begun + ms;
    struct pollfd ready[STREAMS_MAX];
    uint64_t before = 0, after = 0;
    int busy = streams->count;

    for (int i = 0; i < streams->count; i++)
        before += server->streams[i].received;
    while (busy > 0) {
        bool over = client_now_ms() >= end;
        busy = 0;
        for (int i = 0; i < streams->count; i++) {
            struct stream *stream = &server->streams[i];
            uint64_t limit = limit_of(streams, stream, over);
            fill(stream, limit);
            bool more = stream->sent < limit;
            busy += !over || more || stream->received < stream->sent;
            ready[i] =
                (struct pollfd){ .fd = stream->fd,
                                 .events = POLLIN | (more ? POLLOUT : 0) };
        }
        if (busy == 0)
            break;
        if (poll(ready, (nfds_t)streams->count, STALL_MS) == 0)
            client_fail("poll", "the server does not answer");
        for (int i = 0; i < streams->count; i++)
            if (ready[i].revents & ~POLLOUT)
                drain(&server->streams[i]);
    }
    *took = client_now_ms() - begun;
    client_pause_ms(SETTLE_MS);
    for (int i = 0; i < streams->count; i++)
        after += server->streams[i].received;
    return (after - before) / streams->message;
}

static void take_turn(const struct streams *streams, struct server *server,
                      int number)
{
    long long took;

    run(streams, server, WARM_UP_MS, &took);
    unsigned long long before = client_cpu_ns(server->pid);
    unsigned long long messages = run(streams, server, streams->ms, &took);

    printf("%d %llu %llu %lld\n", number, messages,
           client_cpu_ns(server->pid) - before, took * 1000000);
}

static struct streams parse(int argc, char **argv)
{
    struct streams streams = { .count = 4, .ms = 100, .turns = 10 };
    int option;
    uint64_t bytes = 1 << 20, depth = 2;

    while ((option = getopt(argc, argv, "c:b:d:t:n:")) != -1) {
        int value = atoi(optarg);
        if (option == 'c')
            streams.count = value;
        else if (option == 'b')
            bytes = (uint64_t)value;
        else if (option == 'd')
            depth = (uint64_t)value;
        else if (option == 't')
            streams.ms = value;
        else if (option == 'n')
            streams.turns = value;
        else
            exit(2);
    }
    if (streams.count < 1 || streams.count > STREAMS_MAX || bytes < 1 ||
        depth < 1)
        client_fail("-c, -b, -d", "too few or too many");
    streams.message = bytes;
    streams.window = bytes * depth;
    return streams;
}

static void meet(const struct streams *streams, struct server *server,
                 const char *text)
{
    struct address address;
    int port;

    if (sscanf(text, "%d/%d", &port, &server->pid) != 2)
        client_fail(text, "not PORT/PID/IDLE");
    const char *why = address_resolve(&address, "127.0.0.1", port);
    if (why)
        client_fail(text, why);
    for (int i = 0; i < streams->count; i++) {
        struct client client = { 0 };
        client_dial(&client, &address);
        if (net_set_blocking(client.fd, false) < 0)
            client_fail("connect", strerror(errno));
        server->streams[i].fd = client.fd;
    }
}

int main(int argc, char **argv)
{
    const struct streams streams = parse(argc, argv);
    static struct server servers[SERVERS_MAX];
    int count = 0;

    make_pattern();
    for (; optind < argc && count < SERVERS_MAX; optind++)
        meet(&streams, &servers[count++], argv[optind]);
    for (int turn = 0; turn < streams.turns; turn++)
        for (int i = 0; i < count; i++) {
            /* There and back again, so that no neighbour is always first. */
            int number = turn % 2 ? count - 1 - i : i;
            take_turn(&streams, &servers[number], number + 1);
        }
    return 0;
}
