/* SPDX-License-Identifier: MIT
 *
 * What connection_lost may do: lose others, stop the loop, add descriptors,
 * and what it may not when the loop is being freed. And owners that do not
 * want to be told at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/net.h"
#include "probe.h"
#include "unit.h"

struct trio {
    struct probe a, b, c;
};

static void open_trio(struct trio *trio, const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    probe_open(&trio->a, reactor, 'a');
    probe_open(&trio->b, reactor, 'b');
    probe_open(&trio->c, reactor, 'c');
    trio->a.friend = &trio->b;
    trio->b.friend = &trio->c;
    trio->c.friend = &trio->a;
}

static void watch_trio(struct trio *trio)
{
    probe_add_reader(&trio->a);
    probe_add_reader(&trio->b);
    probe_add_reader(&trio->c);
    loop_turns(trio->a.reactor, 1);
}

static void poke_trio(struct trio *trio)
{
    probe_poke(&trio->a);
    probe_poke(&trio->b);
    probe_poke(&trio->c);
}

static int lose_self(struct probe *self)
{
    probe_lose(self, ECONNABORTED);
    return EIO;
}

static void lose_friend(struct probe *self)
{
    if (self->friend->descriptor)
        probe_lose(self->friend, ECONNABORTED);
}

static void losing_others(const char *poller)
{
    struct trio trio;

    for (int first = 0; first < 3; first++) {
        open_trio(&trio, poller);
        struct probe *all[] = { &trio.a, &trio.b, &trio.c };
        trio.a.on_lost = trio.b.on_lost = trio.c.on_lost = lose_friend;
        watch_trio(&trio);
        poke_trio(&trio);
        all[first]->on_read = lose_self;
        loop_turns(trio.a.reactor, 4);
        for (int i = 0; i < 3; i++)
            probe_check_lost(all[i], ECONNABORTED);
        reactor_free(trio.a.reactor);
    }
}

static void stop_loop(struct probe *self)
{
    loop_stop(self->reactor);
}

static void stopping(const char *poller)
{
    struct trio trio;

    open_trio(&trio, poller);
    trio.a.on_lost = stop_loop;
    watch_trio(&trio);
    probe_hang_up(&trio.a);
    probe_poke(&trio.b);
    CHECK(reactor_run(trio.a.reactor) == 0);
    CHECK(trio.b.reads == 1);
    probe_check_lost(&trio.a, REASON_DONE);
    probe_check_lost(&trio.b, REASON_LOST);
    probe_check_lost(&trio.c, REASON_LOST);
    reactor_free(trio.a.reactor);
}

static int fail(struct probe *self)
{
    (void)self;
    return EPIPE;
}

static void crash_loop(struct probe *self)
{
    loop_crash(self->reactor);
}

/* Whoever fails in the write before the wait is told without a wait, and
 * whatever is asked for by then counts as well. */
static void told_at_once(const char *poller)
{
    struct delayed_call far = { 0 };
    double start = reactor_seconds();
    struct trio trio;

    open_trio(&trio, poller);
    watch_trio(&trio);
    trio.a.on_write = fail;
    trio.a.on_lost = crash_loop;
    probe_add_writer(&trio.a);
    CHECK(reactor_call_later(trio.a.reactor, &far, 4, loop_crash,
                             trio.a.reactor) == 0);
    CHECK(reactor_run(trio.a.reactor) == 0);
    CHECK(reactor_seconds() - start < 2);
    probe_check_lost(&trio.a, EPIPE);
    reactor_free(trio.a.reactor);
    probe_check_lost(&trio.b, REASON_LOST);
    probe_check_lost(&trio.c, REASON_LOST);
}

/* friend is a probe that was not opened yet. */
static void open_friend(struct probe *self)
{
    probe_open(self->friend, self->reactor, 'n');
    probe_add_reader(self->friend);
    probe_add_writer(self->friend);
    probe_poke(self->friend);
}

static void adding(const char *poller)
{
    struct trio trio;
    struct probe fresh;

    open_trio(&trio, poller);
    watch_trio(&trio);
    trio.a.friend = &fresh;
    trio.a.on_lost = open_friend;
    probe_hang_up(&trio.a);
    loop_turns(trio.a.reactor, 3);
    probe_check_lost(&trio.a, REASON_DONE);
    CHECK(fresh.reads == 1 && fresh.writes == 1 && fresh.losses == 0);
    reactor_free(trio.a.reactor);
    probe_check_lost(&trio.b, REASON_LOST);
    probe_check_lost(&trio.c, REASON_LOST);
    probe_check_lost(&fresh, REASON_LOST);
}

static void refuse_friend(struct probe *self)
{
    CHECK(reactor_add_reader(self->reactor, self->friend->descriptor) == -1);
    CHECK(errno == ECANCELED);
}

/* While it is being freed, the loop lets nobody in any more. */
static void freeing(const char *poller)
{
    struct trio trio;
    struct probe fresh;

    open_trio(&trio, poller);
    watch_trio(&trio);
    probe_open(&fresh, trio.a.reactor, 'n');
    trio.a.friend = &fresh;
    trio.a.on_lost = refuse_friend;
    trio.b.on_lost = lose_friend;
    trio.c.on_lost = lose_friend;
    reactor_free(trio.a.reactor);
    probe_check_lost(&trio.a, REASON_LOST);
    probe_check_lost(&trio.b, REASON_LOST);
    probe_check_lost(&trio.c, REASON_LOST);
    CHECK(fresh.losses == 0); /* so it is still ours */
    free(fresh.descriptor);
    close(fresh.fd);
    close(fresh.other);
}

static int count_read(struct descriptor *self)
{
    char byte;

    unit_note("r");
    return read(self->fd, &byte, 1) == 1 ? REASON_NONE : REASON_DONE;
}

/* A class that leaves out what may be left out. */
static const struct descriptor_class Taciturn = {
    .name = "Taciturn",
    .do_read = count_read,
};

/* What is not disposed of can be used again, as good as new. */
static void used_again(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct descriptor descriptor = { .class = &Taciturn, .fd = -1 };
    int ends[2];

    errno = 0;
    CHECK(reactor_add_reader(reactor, &descriptor) == -1 && errno == EBADF);
    for (int i = 0; i < 3; i++) {
        CHECK(net_pipe(ends, NET_NONBLOCKING) == 0);
        descriptor.fd = ends[0];
        CHECK(reactor_add_reader(reactor, &descriptor) == 0);
        CHECK(write(ends[1], "x", 1) == 1);
        loop_turns(reactor, 1);
        CHECK(unit_noted("r"));
        close(ends[1]);
        loop_turns(reactor, 2);
        CHECK(unit_noted("r"));
        CHECK(fcntl(ends[0], F_GETFD) < 0);
    }
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "losing_others", losing_others },
    { "stopping", stopping },
    { "told_at_once", told_at_once },
    { "adding", adding },
    { "freeing", freeing },
    { "used_again", used_again },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
