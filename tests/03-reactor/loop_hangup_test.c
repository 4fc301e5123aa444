/* SPDX-License-Identifier: MIT
 *
 * What the loop makes of a peer that goes away, of data without end or at the
 * end, and of more descriptors than one turn serves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "probe.h"
#include "unit.h"

static void check_input_first(struct probe *self)
{
    enum { BYTES = 10000 };
    static const char bytes[BYTES];

    CHECK(write(self->other, bytes, BYTES) == BYTES);
    probe_hang_up(self);
    probe_add_reader(self);
    loop_turns(self->reactor, 6);
    CHECK(self->received == BYTES);
    probe_check_lost(self, REASON_DONE);
}

/* The hang-up is there from the start, and so is what was sent before. */
static void input_before_the_end(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct probe a, b, c;
    int ends[2];

    probe_open(&a, reactor, 'a');
    check_input_first(&a);
    probe_open_tcp(&b, reactor, 'b');
    check_input_first(&b);
    CHECK(net_pipe(ends, NET_NONBLOCKING) == 0);
    probe_adopt(&c, reactor, 'c', ends[0]);
    c.other = ends[1];
    check_input_first(&c);
    reactor_free(reactor);
}

/* A pipe whose writer is gone is hung up and never readable. */
static void hang_up_alone(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct probe a;
    int ends[2];

    CHECK(net_pipe(ends, NET_NONBLOCKING) == 0);
    probe_adopt(&a, reactor, 'a', ends[0]);
    a.other = ends[1];
    probe_add_reader(&a);
    loop_turns(reactor, 1);
    CHECK(a.reads == 0);
    probe_hang_up(&a);
    loop_turns(reactor, 2);
    CHECK(a.reads == 1);
    probe_check_lost(&a, REASON_DONE);
    reactor_free(reactor);
}

static int write_more(struct probe *self)
{
    static const char bytes[4096];

    while (write(self->fd, bytes, sizeof(bytes)) > 0)
        ;
    return errno == EAGAIN ? REASON_NONE : errno;
}

/* A pipe that is full, and whose reader goes away, becomes "writable". */
static void nobody_reads(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct probe a;
    int ends[2];

    CHECK(net_pipe(ends, NET_NONBLOCKING) == 0);
    probe_adopt(&a, reactor, 'a', ends[1]);
    a.other = ends[0];
    a.on_write = write_more;
    probe_add_writer(&a);
    loop_check_quiet(reactor);
    CHECK(a.writes == 1);
    probe_hang_up(&a);
    loop_turns(reactor, 2);
    CHECK(a.writes == 2);
    probe_check_lost(&a, EPIPE);
    reactor_free(reactor);
}

static void reset(struct probe *self)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    CHECK(setsockopt(self->other, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) ==
          0);
    probe_hang_up(self);
}

/* Nobody can ask not to be told of a reset, except by not asking at all. */
static void reset_while_paused(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct probe a, b;

    probe_open_tcp(&a, reactor, 'a');
    probe_open_tcp(&b, reactor, 'b');
    probe_add_reader(&a);
    probe_add_reader(&b);
    loop_turns(reactor, 1);
    reactor_remove_reader(reactor, a.descriptor);
    probe_poke(&a);
    loop_turns(reactor, 1);
    loop_check_quiet(reactor); /* there is something to read */
    reset(&a);
    loop_check_quiet(reactor); /* and to hear */
    CHECK(a.reads == 0 && a.losses == 0);
    probe_poke(&b);
    loop_turns(reactor, 1);
    CHECK(b.reads == 1);
    probe_add_reader(&a);
    loop_turns(reactor, 3);
    CHECK(a.reads > 0);
    probe_check_lost(&a, ECONNRESET);
    reactor_free(reactor);
    probe_check_lost(&b, REASON_LOST);
}

enum { CROWD = 400 };

struct crowd {
    struct probe first; /* must stand here: see gather */
    struct probe rest[CROWD];
};

static int gather(struct probe *self)
{
    struct crowd *crowd = (struct crowd *)self;

    for (int i = 0; i < CROWD; i++) {
        probe_open(&crowd->rest[i], self->reactor, 'c');
        probe_add_reader(&crowd->rest[i]);
    }
    return probe_receive(self);
}

/* Every table in the loop grows in the middle of a turn; then there is more
 * to do than a turn may hold. */
static void crowd(const char *poller)
{
    static struct crowd crowd;
    struct reactor *reactor;

    unit_needs_descriptors(2 * CROWD + 100);
    reactor = loop_new(poller);
    probe_open(&crowd.first, reactor, 'a');
    crowd.first.on_read = gather;
    probe_add_reader(&crowd.first);
    probe_poke(&crowd.first);
    loop_turns(reactor, 1);
    CHECK(crowd.first.reads == 1);
    for (int i = 0; i < CROWD; i++)
        probe_poke(&crowd.rest[i]);
    loop_turns(reactor, 3);
    for (int i = 0; i < CROWD; i++)
        CHECK(crowd.rest[i].reads == 1);
    for (int i = 0; i < CROWD; i += 2)
        probe_hang_up(&crowd.rest[i]);
    loop_turns(reactor, 3);
    for (int i = 0; i < CROWD; i += 2)
        probe_check_lost(&crowd.rest[i], REASON_DONE);
    for (int i = 1; i < CROWD; i += 2)
        probe_poke(&crowd.rest[i]);
    loop_turns(reactor, 3);
    reactor_free(reactor);
    for (int i = 1; i < CROWD; i += 2) {
        CHECK(crowd.rest[i].reads == 2);
        probe_check_lost(&crowd.rest[i], REASON_LOST);
    }
    probe_check_lost(&crowd.first, REASON_LOST);
}

/* A loop that waits for nothing waits, and is not woken by itself. */
static void nothing_to_do(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct probe a;

    probe_open(&a, reactor, 'a');
    loop_check_quiet(reactor);
    probe_add_reader(&a);
    loop_check_quiet(reactor);
    probe_add_writer(&a); /* writes, and has no more to write */
    loop_check_quiet(reactor);
    CHECK(a.writes == 1);
    probe_lose(&a, REASON_DONE);
    loop_check_quiet(reactor);
    probe_check_lost(&a, REASON_DONE);
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "input_before_the_end", input_before_the_end },
    { "hang_up_alone", hang_up_alone },
    { "nobody_reads", nobody_reads },
    { "reset_while_paused", reset_while_paused },
    { "crowd", crowd },
    { "nothing_to_do", nothing_to_do },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
