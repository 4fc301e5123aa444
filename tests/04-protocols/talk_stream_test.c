/* SPDX-License-Identifier: MIT
 *
 * Streams: every byte, in its place, whatever the sizes of the writes around
 * the limits of connection.h, to a peer that stops and goes on; over sockets
 * and over pipes. And what is kept for one that does not read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "stream/connection.h"
#include "talk.h"

enum {
    PERIOD = 65521, /* of the bytes: a prime, so that no size fits it */
    LARGEST = 3 * CONNECTION_READ_MAX,
    WRITES = 250
};

static char pattern[PERIOD + LARGEST];
static unsigned seed;

static unsigned below(unsigned limit)
{
    seed = seed * 1664525 + 1013904223; /* Numerical Recipes' */
    return (seed >> 8) % limit;
}

static void begin(void)
{
    seed = 20260101;
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = i < PERIOD ? (char)below(256) : pattern[i - PERIOD];
}

/* Near a limit, mostly. */
static size_t some_size(void)
{
    static const size_t limits[] = { 1,
                                     512,
                                     16 << 10,
                                     CONNECTION_LOW_WATER,
                                     CONNECTION_HIGH_WATER,
                                     128 << 10,
                                     CONNECTION_SEND_MAX,
                                     2 * CONNECTION_SEND_MAX };
    size_t size = limits[below(sizeof(limits) / sizeof(*limits))];

    return below(4) > 0 ? size - 1 + below(3) : 1 + below((unsigned)size);
}

/* Reads what is there, up to `most`, and checks it. Returns false at the end of
 * the stream. */
static bool peer_reads(int fd, uint64_t *received, size_t most)
{
    static char bytes[LARGEST];
    ssize_t n = read(fd, bytes, most < LARGEST ? most : LARGEST);

    CHECK(n >= 0 || errno == EAGAIN);
    if (n > 0) {
        CHECK(!memcmp(bytes, pattern + *received % PERIOD, (size_t)n));
        *received += (uint64_t)n;
    }
    return n != 0;
}

/* What the kernel takes of ours is soon full, and it takes a part of a write.
 */
static void shrink(struct talk *talk, int bytes)
{
    CHECK(!setsockopt(connection_descriptor(talk_transport(talk)), SOL_SOCKET,
                      SO_SNDBUF, &bytes, sizeof(bytes)));
}

/* As one piece, or as several. */
static void write_some(struct transport *transport, uint64_t sent, size_t size)
{
    char *data = pattern + sent % PERIOD;
    size_t cut = below((unsigned)size + 1);
    const struct iovec pieces[] = { { data, cut }, { data + cut, size - cut } };

    if (below(3) == 0)
        transport_write_sequence(transport, pieces, 2);
    else
        transport_write(transport, data, size);
}

/* Now it reads, now it does not: runs of either, some turns long. */
static void write_and_read(struct talk *talk, int peer)
{
    struct transport *transport = talk_transport(talk);
    uint64_t sent = 0, received = 0;
    bool reads = true;

    for (int i = 0; i < WRITES; i++) {
        size_t size = some_size();
        write_some(transport, sent, size);
        sent += size;
        loop_turns(talk->reactor, (int)below(3));
        if (below(12) == 0)
            reads = !reads;
        while (reads && below(4) > 0)
            peer_reads(peer, &received, 1 + below(LARGEST));
    }
    transport_lose_connection(transport);
    TALK_UNTIL(talk, !peer_reads(peer, &received, LARGEST));
    CHECK(received == sent);
    close(peer);
    TALK_UNTIL(talk, talk->lost == 1);
}

static void order_over_tcp(const char *poller)
{
    struct talk talk;

    begin();
    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    shrink(&talk, 1 << 16);
    write_and_read(&talk, fd);
    talk_free(&talk);
}

static void order_over_a_pipe(const char *poller)
{
    struct talk talk;
    struct failure reason;
    int fds[2];

    begin();
    talk_new(&talk, poller, &Talker);
    talk.base.build_protocol = NULL; /* the one of talk.c wants an address */
    CHECK(pipe(fds) == 0);
    CHECK(!net_set_blocking(fds[0], false) && !net_set_blocking(fds[1], false));
    struct connection *connection = connection_new(talk.reactor, fds[1], NULL);
    CHECK(connection != NULL);
    connection_start(connection,
                     factory_build_protocol(&talk.base, NULL, &reason));
    transport_pause_producing(talk_transport(&talk)); /* it is only written */
    write_and_read(&talk, fds[0]);
    talk_free(&talk);
}

static size_t most_queued;

static void echo(struct protocol *base, const char *data, size_t length)
{
    struct talker *self = (struct talker *)base;

    transport_write(base->transport, data, length);
    self->talk->received += length;
    if (transport_queued(base->transport) > most_queued)
        most_queued = transport_queued(base->transport);
}

/* There and back. The queue never holds more than the mark and one read. */
static void order_of_an_echo(const char *poller)
{
    struct protocol_class Echo = Talker;
    uint64_t sent = 0, received = 0;
    struct talk talk;
    bool reads = true;

    begin();
    most_queued = 0;
    Echo.data_received = echo;
    talk_listen(&talk, poller, &Echo);
    int fd = talk_peer(&talk);
    shrink(&talk, 1 << 16);
    for (int i = 0; i < WRITES; i++) {
        ssize_t n = peer_push(fd, pattern + sent % PERIOD, 1 + some_size());
        CHECK(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (uint64_t)n : 0;
        loop_turns(talk.reactor, (int)below(3));
        if (below(12) == 0)
            reads = !reads;
        while (reads && below(4) > 0)
            peer_reads(fd, &received, 1 + below(LARGEST));
    }
    CHECK(shutdown(fd, SHUT_WR) == 0);
    TALK_UNTIL(&talk, !peer_reads(fd, &received, LARGEST));
    CHECK(received == sent);
    CHECK(sent > 4 << 20); /* how much fits into the kernel varies */
    CHECK(most_queued <= CONNECTION_HIGH_WATER + CONNECTION_READ_MAX);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    talk_free(&talk);
}

/* It is read again before its queue is empty: at the low-water mark. The
 * kernel takes little at a time here, or the queue would go in one piece. */
static void read_again_at_the_low_mark(const char *poller)
{
    struct protocol_class Echo = Talker;
    static char bytes[CONNECTION_READ_MAX];
    struct talk talk;
    bool seen = false;

    Echo.data_received = echo;
    talk_listen(&talk, poller, &Echo);
    int fd = talk_peer(&talk), idle = 0;
    shrink(&talk, 1 << 13);
    while (idle < 20) { /* until nothing is taken any more */
        idle = peer_push(fd, bytes, sizeof(bytes)) > 0 ? 0 : idle + 1;
        loop_turns(talk.reactor, 1);
    }
    for (int i = 0; i < 100000 && !seen; i++) {
        size_t before = talk.received;
        size_t queued = transport_queued(talk_transport(&talk));
        CHECK(read(fd, bytes, 8192) >= 0 || errno == EAGAIN);
        loop_turns(talk.reactor, 1);
        if (talk.received > before && queued > 0)
            seen = true;
    }
    CHECK(seen);
    close(fd);
    talk_free(&talk);
}

static const struct unit_case cases[] = {
    { "order_over_tcp", order_over_tcp },
    { "order_over_a_pipe", order_over_a_pipe },
    { "order_of_an_echo", order_of_an_echo },
    { "read_again_at_the_low_mark", read_again_at_the_low_mark },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
