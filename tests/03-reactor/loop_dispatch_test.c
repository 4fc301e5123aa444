/* SPDX-License-Identifier: MIT
 *
 * Who is called in a turn, in which order, and who is not: the rules of
 * dispatch.h while everybody stays alive. Who dies is in loop_lost_test.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "probe.h"
#include "unit.h"

/* For on_write: goes on wanting to write. */
static int keep_writing(struct probe *self)
{
    (void)self;
    return REASON_NONE;
}

/* Makes the poller wait for both directions of `probe`. */
static void watch_both(struct probe *probe)
{
    probe->on_write = keep_writing;
    probe_add_reader(probe);
    probe_add_writer(probe);
    loop_turns(probe->reactor, 1);
}

static int lose_self(struct probe *self)
{
    (void)self;
    return EIO;
}

static int stop_writing(struct probe *self)
{
    reactor_remove_writer(self->reactor, self->descriptor);
    return probe_receive(self);
}

static void read_then_write(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct probe a;

    probe_open(&a, reactor, 'a');
    a.notes = true;
    watch_both(&a);
    CHECK(unit_noted("wawa")); /* once before the wait, once after it */
    probe_poke(&a);
    loop_turns(reactor, 1);
    CHECK(unit_noted("rawa"));
    a.on_read = stop_writing;
    probe_poke(&a);
    loop_turns(reactor, 1);
    CHECK(unit_noted("ra"));
    probe_add_writer(&a); /* the poller has not heard of the pause */
    loop_turns(reactor, 1);
    CHECK(unit_noted("wa"));
    a.on_read = lose_self;
    probe_poke(&a);
    loop_turns(reactor, 2);
    CHECK(unit_noted("rala"));
    probe_check_lost(&a, EIO);
    reactor_free(reactor);
}

static int pause_friend(struct probe *self)
{
    reactor_remove_reader(self->reactor, self->friend->descriptor);
    return probe_receive(self);
}

static int swap_friend(struct probe *self)
{
    reactor_remove_reader(self->reactor, self->friend->descriptor);
    probe_add_reader(self->friend);
    return probe_receive(self);
}

static int abort_friend(struct probe *self)
{
    probe_lose(self->friend, ECONNABORTED);
    return probe_receive(self);
}

/* Two that are ready to be read in the same turn; whoever is called first
 * does something to the other. */
static void open_friends(struct probe *a, struct probe *b, const char *poller,
                         int (*on_read)(struct probe *))
{
    struct reactor *reactor = loop_new(poller);

    probe_open(a, reactor, 'a');
    probe_open(b, reactor, 'b');
    a->friend = b;
    b->friend = a;
    a->on_read = b->on_read = on_read;
}

static void close_friends(struct probe *a, struct probe *b)
{
    reactor_free(a->reactor);
    probe_check_lost(a, a->reason);
    probe_check_lost(b, b->reason);
}

static void poke_friends(struct probe *a, struct probe *b)
{
    probe_poke(a);
    probe_poke(b);
    loop_turns(a->reactor, 1);
}

static void paused_by_another(const char *poller)
{
    struct probe a, b;

    open_friends(&a, &b, poller, pause_friend);
    probe_add_reader(&a);
    probe_add_reader(&b);
    poke_friends(&a, &b);
    CHECK(a.reads + b.reads == 1);
    loop_turns(a.reactor, 2);
    CHECK(a.reads + b.reads == 1); /* it stays paused */
    probe_add_reader(a.reads ? &b : &a);
    loop_turns(a.reactor, 1);
    CHECK(a.reads == 1 && b.reads == 1); /* nothing was lost meanwhile */
    close_friends(&a, &b);
}

static void paused_while_writing(const char *poller)
{
    struct probe a, b;

    open_friends(&a, &b, poller, pause_friend);
    watch_both(&a);
    watch_both(&b);
    int a_writes = a.writes, b_writes = b.writes;
    poke_friends(&a, &b);
    CHECK(a.reads + b.reads == 1);
    CHECK(a.writes == a_writes + 1 && b.writes == b_writes + 1);
    close_friends(&a, &b);
}

static void aborted_by_another(const char *poller)
{
    struct probe a, b;

    open_friends(&a, &b, poller, abort_friend);
    watch_both(&a);
    watch_both(&b);
    int writes = a.writes + b.writes;
    poke_friends(&a, &b);
    struct probe *victim = a.reads ? &b : &a;
    CHECK(a.reads + b.reads == 1);
    CHECK(a.writes + b.writes == writes + 1); /* of the one that is left */
    CHECK(victim->losses == 0 && victim->descriptor != NULL);
    loop_turns(a.reactor, 1);
    probe_check_lost(victim, ECONNABORTED);
    CHECK(victim->friend->losses == 0);
    close_friends(&a, &b);
}

static void paused_and_resumed(const char *poller)
{
    struct probe a, b;

    open_friends(&a, &b, poller, swap_friend);
    probe_add_reader(&a);
    probe_add_reader(&b);
    poke_friends(&a, &b);
    CHECK(a.reads == 1 && b.reads == 1);
    close_friends(&a, &b);
}

static void twice_is_once(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct probe a;

    probe_open(&a, reactor, 'a');
    reactor_remove_reader(reactor, a.descriptor);
    reactor_remove_writer(reactor, a.descriptor);
    probe_add_reader(&a);
    probe_add_reader(&a);
    probe_add_writer(&a);
    probe_add_writer(&a);
    loop_turns(reactor, 1);
    CHECK(a.writes == 1 && a.reads == 0);
    int controls = unit_controls();
    for (int i = 0; i < 10; i++) {
        reactor_remove_reader(reactor, a.descriptor);
        reactor_remove_reader(reactor, a.descriptor);
        probe_add_reader(&a);
    }
    probe_poke(&a);
    loop_turns(reactor, 1);
    CHECK(a.reads == 1);
    CHECK(unit_controls() == controls); /* only what came of it counts */
    probe_add_reader(&a);
    reactor_remove_reader(reactor, a.descriptor);
    probe_poke(&a);
    loop_turns(reactor, 2);
    CHECK(a.reads == 1);
    reactor_free(reactor);
    probe_check_lost(&a, REASON_LOST);
}

/* Most writes never need the poller. */
static void write_at_once(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct probe a;

    probe_open(&a, reactor, 'a');
    loop_turns(reactor, 1);
    int controls = unit_controls();
    probe_add_writer(&a);
    loop_turns(reactor, 1);
    CHECK(a.writes == 1);
    CHECK(unit_controls() == controls);
    reactor_free(reactor);
    probe_check_lost(&a, REASON_LOST);
}

static const struct unit_case cases[] = {
    { "read_then_write", read_then_write },
    { "paused_by_another", paused_by_another },
    { "paused_while_writing", paused_while_writing },
    { "aborted_by_another", aborted_by_another },
    { "paused_and_resumed", paused_and_resumed },
    { "twice_is_once", twice_is_once },
    { "write_at_once", write_at_once },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
