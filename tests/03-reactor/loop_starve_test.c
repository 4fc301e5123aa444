/* SPDX-License-Identifier: MIT
 *
 * Whoever keeps calling itself must not keep the loop from the others:
 * descriptors, time, other threads' calls, signals.
 */
#include <signal.h>

#include "probe.h"
#include "unit.h"

enum {
    ECHOES = 100,    /* that a peer must get */
    LINKS_MAX = 1000 /* of the chain in the meantime: a turn an echo or so */
};

/* Chains without an end, and a peer whose bytes come one after the other. */
struct chain {
    struct reactor *reactor;
    struct delayed_call call;
    struct thread_call thread_call;
    struct probe peer; /* friend is not used; see echo */
    int links;
};

static void open_chain(struct chain *chain, const char *poller)
{
    *chain = (struct chain){ .reactor = loop_new(poller) };
    probe_open(&chain->peer, chain->reactor, 'p');
    probe_add_reader(&chain->peer);
}

static void close_chain(struct chain *chain)
{
    reactor_free(chain->reactor);
    probe_check_lost(&chain->peer, REASON_LOST);
}

static int echo(struct probe *self)
{
    int reason = probe_receive(self);

    if (self->reads == ECHOES)
        loop_crash(self->reactor);
    else
        probe_poke(self);
    return reason;
}

static void call_again(void *argument)
{
    struct chain *chain = argument;

    CHECK(++chain->links <= LINKS_MAX);
    CHECK(reactor_call_later(chain->reactor, &chain->call, 0, call_again,
                             chain) == 0);
}

static void call_from_thread_again(void *argument)
{
    struct chain *chain = argument;

    CHECK(++chain->links <= LINKS_MAX);
    reactor_call_from_thread(chain->reactor, &chain->thread_call,
                             call_from_thread_again, chain);
}

static void serve(struct chain *chain)
{
    chain->peer.on_read = echo;
    probe_poke(&chain->peer);
    CHECK(reactor_run(chain->reactor) == 0);
    CHECK(chain->peer.reads == ECHOES);
}

static void chain_of_calls(const char *poller)
{
    struct chain chain;

    open_chain(&chain, poller);
    call_again(&chain);
    serve(&chain);
    CHECK(chain.links > 1);
    close_chain(&chain);
}

static void chain_from_threads(const char *poller)
{
    struct chain chain;

    open_chain(&chain, poller);
    call_from_thread_again(&chain);
    serve(&chain);
    CHECK(chain.links > 1);
    close_chain(&chain);
}

/* One that is always ready, and one that always writes. */
static int never_read(struct probe *self)
{
    CHECK(self->reads <= LINKS_MAX);
    return REASON_NONE;
}

static int stay_ready(struct probe *self)
{
    (void)self;
    return REASON_NONE;
}

static int always_write(struct probe *self)
{
    CHECK(self->writes <= LINKS_MAX);
    probe_add_writer(self);
    return REASON_NONE;
}

static void raise_signal(void *argument)
{
    (void)argument;
    raise(SIGUSR1);
}

static void busy_descriptors(const char *poller)
{
    struct delayed_call call = { 0 }, end = { 0 };
    struct thread_call thread_call;
    struct chain chain;
    struct probe busy;

    open_chain(&chain, poller);
    probe_open(&busy, chain.reactor, 'b');
    busy.on_read = never_read;
    busy.on_write = always_write;
    probe_add_reader(&busy);
    probe_add_writer(&busy);
    probe_poke(&busy);
    CHECK(reactor_on_signal(chain.reactor, SIGUSR1, unit_note, "s") == 0);
    CHECK(reactor_call_later(chain.reactor, &call, 0, raise_signal, NULL) == 0);
    reactor_call_from_thread(chain.reactor, &thread_call, unit_note, "t");
    serve(&chain);
    CHECK(unit_noted("ts"));
    /* Time passes for the busy as well. */
    busy.on_read = busy.on_write = stay_ready;
    CHECK(reactor_call_later(chain.reactor, &end, 0.002, loop_crash,
                             chain.reactor) == 0);
    CHECK(reactor_run(chain.reactor) == 0);
    close_chain(&chain);
    probe_check_lost(&busy, REASON_LOST);
}

static const struct unit_case cases[] = {
    { "chain_of_calls", chain_of_calls },
    { "chain_from_threads", chain_from_threads },
    { "busy_descriptors", busy_descriptors },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
