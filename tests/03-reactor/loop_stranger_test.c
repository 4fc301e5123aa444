/* SPDX-License-Identifier: MIT
 *
 * Numbers that a stranger closes behind the loop's back. Where the kernel says
 * so, their owner is told, EBADF, and nobody else; epoll's kernel is silent
 * until the number comes back, is used, or lives on as a copy. No loop spins
 * or ends because of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"
#include "unit.h"

/* `a` is what it is about; `b` must be served all the time. */
struct pair {
    struct reactor *reactor;
    struct probe a, b;
    bool epoll;
};

static void open_pair(struct pair *pair, const char *poller)
{
    pair->reactor = loop_new(poller);
    pair->epoll = !strcmp(poller, "epoll");
    probe_open(&pair->a, pair->reactor, 'a');
    probe_open(&pair->b, pair->reactor, 'b');
    probe_add_reader(&pair->a);
    probe_add_reader(&pair->b);
    loop_turns(pair->reactor, 1);
}

static void close_pair(struct pair *pair)
{
    reactor_free(pair->reactor);
    probe_check_lost(&pair->b, REASON_LOST);
}

/* A stranger takes the number while its old owner is being told. */
static void take_number(struct probe *self)
{
    CHECK(dup(self->friend->other) == self->fd);
}

static void closed_by_stranger(const char *poller)
{
    struct pair pair;

    open_pair(&pair, poller);
    pair.a.friend = &pair.b;
    pair.a.on_lost = take_number;
    close(pair.a.fd);
    probe_poke(&pair.b);
    loop_turns(pair.reactor, 3);
    CHECK(pair.b.reads == 1);
    probe_check_served(&pair.b);
    if (pair.epoll) {
        /* The kernel has forgotten it and said nothing. A write finds out. */
        CHECK(pair.a.losses == 0);
        probe_add_writer(&pair.a);
        pair.a.on_write = probe_receive;
        loop_turns(pair.reactor, 2);
    }
    probe_check_lost(&pair.a, EBADF);
    CHECK(close(pair.a.fd) == 0); /* the stranger's, and left open */
    probe_check_served(&pair.b);
    close_pair(&pair);
}

static void several_at_once(const char *poller)
{
    enum { MANY = 50 };
    struct probe many[MANY];
    struct pair pair;

    open_pair(&pair, poller);
    for (int i = 0; i < MANY; i++) {
        probe_open(&many[i], pair.reactor, 'm');
        probe_add_reader(&many[i]);
    }
    loop_turns(pair.reactor, 1);
    for (int i = 0; i < MANY; i += 2)
        close(many[i].fd);
    probe_check_served(&pair.b);
    for (int i = 1; i < MANY; i += 2) {
        probe_poke(&many[i]);
        loop_turns(pair.reactor, 1);
        CHECK(many[i].reads == 1);
    }
    for (int i = 0; i < MANY; i++)
        CHECK(many[i].losses == (i % 2 == 0 && !pair.epoll));
    /* At the end the silent ones are lost like all, so the loop closes their
     * numbers: have something there. */
    for (int i = 0; i < MANY; i += 2)
        CHECK(!pair.epoll || open("/dev/null", O_RDONLY) == many[i].fd);
    reactor_free(pair.reactor);
    for (int i = 0; i < MANY; i++)
        probe_check_lost(&many[i],
                         i % 2 == 0 && !pair.epoll ? EBADF : REASON_LOST);
    probe_check_lost(&pair.a, REASON_LOST);
    probe_check_lost(&pair.b, REASON_LOST);
}

/* The number comes back with a new owner; `copy`: the old file lives on under
 * another number, which epoll takes for the old one. */
static void come_back(const char *poller, bool copy)
{
    struct pair pair;
    struct probe fresh;

    open_pair(&pair, poller);
    int elsewhere = copy ? fcntl(pair.a.fd, F_DUPFD, 100) : -1;
    close(pair.a.fd);
    probe_open(&fresh, pair.reactor, 'f');
    CHECK(fresh.fd == pair.a.fd);
    probe_add_reader(&fresh);
    if (copy)
        probe_poke(&pair.a);
    loop_turns(pair.reactor, 3);
    probe_check_lost(&pair.a, EBADF);
    probe_check_served(&pair.b);
    CHECK(fresh.reads == 0 && fresh.losses == 0);
    probe_poke(&fresh);
    loop_turns(pair.reactor, 1);
    CHECK(fresh.reads == 1 && fresh.received == 1);
    if (copy)
        close(elsewhere);
    close_pair(&pair);
    probe_check_lost(&fresh, REASON_LOST);
}

static void number_comes_back(const char *poller)
{
    come_back(poller, false);
}

static void number_comes_back_copied(const char *poller)
{
    come_back(poller, true);
}

/* The file is open, but not under the number that is watched. */
static void open_elsewhere(const char *poller)
{
    struct pair pair;

    open_pair(&pair, poller);
    int elsewhere = dup(pair.a.fd);
    close(pair.a.fd);
    probe_poke(&pair.a);
    loop_turns(pair.reactor, 3);
    probe_check_lost(&pair.a, EBADF);
    probe_check_served(&pair.b);
    close(elsewhere);
    close_pair(&pair);
}

/* The same, and it cannot be removed from epoll's set any more either. */
static void paused_elsewhere(const char *poller)
{
    struct pair pair;

    open_pair(&pair, poller);
    int elsewhere = dup(pair.a.fd);
    close(pair.a.fd);
    reactor_remove_reader(pair.reactor, pair.a.descriptor);
    loop_turns(pair.reactor, 1);
    probe_poke(&pair.a);
    probe_check_served(&pair.b);
    CHECK(pair.a.reads == 0 && pair.a.losses == 0);
    probe_add_reader(&pair.a);
    loop_turns(pair.reactor, 3);
    probe_check_lost(&pair.a, EBADF);
    probe_check_served(&pair.b);
    close(elsewhere);
    close_pair(&pair);
}

static int go_on(struct probe *self)
{
    (void)self;
    return REASON_NONE;
}

/* The number is a stranger's by now, and its old owner changes its wish. Only
 * epoll can tell: the others ask about a number, whoever has it. */
static void taken_by_stranger(const char *poller)
{
    struct pair pair;

    open_pair(&pair, poller);
    pair.a.on_write = go_on;
    if (pair.epoll) {
        close(pair.a.fd);
        CHECK(dup(pair.b.other) == pair.a.fd);
        probe_add_writer(&pair.a);
        loop_turns(pair.reactor, 2);
        probe_check_lost(&pair.a, EBADF);
        CHECK(close(pair.a.fd) == 0); /* the stranger's, and left open */
        probe_check_served(&pair.b);
    }
    close_pair(&pair);
    if (!pair.epoll)
        probe_check_lost(&pair.a, REASON_LOST);
}

static void closed_before(const char *poller)
{
    struct pair pair;
    struct probe dead;

    open_pair(&pair, poller);
    probe_open(&dead, pair.reactor, 'd');
    close(dead.fd);
    probe_add_reader(&dead);
    loop_turns(pair.reactor, 3);
    CHECK(dead.reads == 0);
    probe_check_lost(&dead, EBADF);
    probe_check_served(&pair.b);
    close_pair(&pair);
    probe_check_lost(&pair.a, REASON_LOST);
}

static const struct unit_case cases[] = {
    { "closed_by_stranger", closed_by_stranger },
    { "several_at_once", several_at_once },
    { "number_comes_back", number_comes_back },
    { "number_comes_back_copied", number_comes_back_copied },
    { "open_elsewhere", open_elsewhere },
    { "paused_elsewhere", paused_elsewhere },
    { "taken_by_stranger", taken_by_stranger },
    { "closed_before", closed_before },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
