/* SPDX-License-Identifier: MIT
 *
 * Nothing dies in the middle of a turn: any callback may lose any descriptor,
 * itself included, and what comes of it. Every probe checks by itself that it
 * is told once, while its number is open, and disposed of once, when it is
 * closed; the address sanitizer checks the rest. What connection_lost itself
 * may do is in loop_told_test.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* --- closing oneself, and closing for several reasons --- */

static int lose_self_twice(struct probe *self)
{
    probe_lose(self, ECONNABORTED);
    probe_lose(self, ETIMEDOUT);
    CHECK(self->losses == 0 && fcntl(self->fd, F_GETFD) >= 0);
    /* No more than a wish of the dead. */
    CHECK(reactor_add_reader(self->reactor, self->descriptor) == 0);
    CHECK(reactor_add_writer(self->reactor, self->descriptor) == 0);
    reactor_remove_reader(self->reactor, self->descriptor);
    CHECK(reactor_add_reader(self->reactor, self->descriptor) == 0);
    return EIO;
}

static void first_reason_counts(const char *poller)
{
    struct trio trio;

    open_trio(&trio, poller);
    trio.a.on_read = lose_self_twice;
    watch_trio(&trio);
    poke_trio(&trio);
    loop_turns(trio.a.reactor, 3);
    CHECK(trio.a.reads == 1 && trio.a.writes == 0);
    CHECK(trio.b.reads == 1 && trio.c.reads == 1);
    probe_check_lost(&trio.a, ECONNABORTED);
    reactor_free(trio.a.reactor);
    probe_check_lost(&trio.b, REASON_LOST);
    probe_check_lost(&trio.c, REASON_LOST);
}

static int fail(struct probe *self)
{
    (void)self;
    return EIO;
}

static void failing_alone(const char *poller)
{
    struct trio trio;

    open_trio(&trio, poller);
    trio.b.on_read = fail;
    watch_trio(&trio);
    poke_trio(&trio);
    loop_turns(trio.a.reactor, 2);
    CHECK(trio.a.reads == 1 && trio.b.reads == 1 && trio.c.reads == 1);
    probe_check_lost(&trio.b, EIO);
    CHECK(trio.a.losses == 0 && trio.c.losses == 0);
    reactor_free(trio.a.reactor);
    probe_check_lost(&trio.a, REASON_LOST);
    probe_check_lost(&trio.c, REASON_LOST);
}

static int lose_in_write(struct probe *self)
{
    probe_lose(self->friend, ETIMEDOUT);
    return EPIPE;
}

/* The write before the wait is a callback like any other. */
static void lost_while_writing(const char *poller)
{
    struct trio trio;

    open_trio(&trio, poller);
    trio.a.on_write = trio.b.on_write = trio.c.on_write = lose_in_write;
    watch_trio(&trio);
    probe_add_writer(&trio.c);
    probe_add_writer(&trio.a);
    probe_add_writer(&trio.b);
    loop_turns(trio.a.reactor, 3);
    CHECK(trio.c.writes == 1 && trio.a.writes == 0 && trio.b.writes == 1);
    probe_check_lost(&trio.a, ETIMEDOUT);
    probe_check_lost(&trio.b, EPIPE);
    probe_check_lost(&trio.c, EPIPE);
    reactor_free(trio.a.reactor);
}

static void never_registered(const char *poller)
{
    struct trio trio;

    open_trio(&trio, poller);
    probe_lose(&trio.a, EIO);
    probe_lose(&trio.a, EPIPE);
    CHECK(trio.a.losses == 0);
    loop_turns(trio.a.reactor, 1);
    probe_check_lost(&trio.a, EIO);
    probe_lose(&trio.b, EIO);
    reactor_free(trio.a.reactor);
    probe_check_lost(&trio.b, EIO);
    probe_open(&trio.a, NULL, 'a'); /* b's number; c was never the loop's */
    free(trio.a.descriptor);
    free(trio.c.descriptor);
    close(trio.a.fd);
    close(trio.a.other);
    close(trio.c.fd);
    close(trio.c.other);
}

/* --- numbers --- */

struct replacement {
    struct probe a, b; /* a must stand here: see replace */
    struct probe fresh;
};

/* Loses both and opens a new one: neither number may be given to it. */
static void replace(struct probe *self, struct probe *fresh)
{
    probe_lose(self, EIO);
    probe_lose(self->friend, EIO);
    probe_open(fresh, self->reactor, 'f');
    CHECK(fresh->fd != self->fd && fresh->fd != self->friend->fd);
    probe_add_reader(fresh);
}

static int replace_from_a(struct probe *self)
{
    replace(self, &((struct replacement *)self)->fresh);
    return REASON_NONE;
}

static int replace_from_b(struct probe *self)
{
    replace(self, &((struct replacement *)self->friend)->fresh);
    return EPIPE; /* too late to be a reason */
}

static void number_not_reused(const char *poller)
{
    struct replacement both = { .fresh = { 0 } };
    struct reactor *reactor = loop_new(poller);

    probe_open(&both.a, reactor, 'a');
    probe_open(&both.b, reactor, 'b');
    both.a.friend = &both.b;
    both.b.friend = &both.a;
    both.a.on_read = replace_from_a;
    both.b.on_read = replace_from_b;
    probe_add_reader(&both.a);
    probe_add_reader(&both.b);
    probe_poke(&both.a);
    probe_poke(&both.b);
    loop_turns(reactor, 3);
    CHECK(both.a.reads + both.b.reads == 1);
    probe_check_lost(&both.a, EIO);
    probe_check_lost(&both.b, EIO);
    CHECK(both.fresh.reads == 0 && both.fresh.losses == 0);
    probe_poke(&both.fresh);
    loop_turns(reactor, 1);
    CHECK(both.fresh.reads == 1);
    /* From the next turn on the numbers are free, and as good as new. */
    probe_open(&both.a, reactor, 'a');
    CHECK(both.a.fd < both.fresh.fd);
    probe_add_reader(&both.a);
    loop_turns(reactor, 1);
    CHECK(both.a.reads == 0);
    probe_poke(&both.a);
    loop_turns(reactor, 1);
    CHECK(both.a.reads == 1);
    reactor_free(reactor);
    probe_check_lost(&both.a, REASON_LOST);
    probe_check_lost(&both.fresh, REASON_LOST);
}

static const struct unit_case cases[] = {
    { "first_reason_counts", first_reason_counts },
    { "failing_alone", failing_alone },
    { "lost_while_writing", lost_while_writing },
    { "never_registered", never_registered },
    { "number_not_reused", number_not_reused },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
