/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/reactor_parts.h"
#include "reactor/signals.h"
#include "reactor/trace.h"

static const struct poller_class *find_poller(const char *name)
{
    static const struct poller_class *const all[] = { &poller_select,
                                                      &poller_poll,
                                                      &poller_epoll };

    if (!name)
        name = getenv("REACTOR");
    if (!name || !*name)
        return &poller_select;
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (!strcmp(all[i]->name, name))
            return all[i];
    errno = EINVAL;
    return NULL;
}

struct reactor *reactor_new(const char *poller_name)
{
    const struct poller_class *class = find_poller(poller_name);
    struct reactor *reactor = class ? calloc(1, sizeof(*reactor)) : NULL;
    struct poller *poller = reactor ? class->create() : NULL;

    trace_start();
    if (!poller || waker_open(&reactor->waker) < 0) {
        if (poller)
            class->destroy(poller);
        free(reactor);
        return NULL;
    }
    thread_calls_open(&reactor->thread_calls);
    dispatch_open(&reactor->dispatch, poller);
    /* To settle is to ask the poller: it may not want this number. */
    if (reactor_add_reader(reactor, &reactor->waker.reader) < 0 ||
        dispatch_end_turn(&reactor->dispatch)) {
        int error = reactor->waker.reader.reason;
        reactor_disconnect(reactor, &reactor->waker.reader, errno);
        reactor_free(reactor);
        errno = error ? error : ENOMEM;
        return NULL;
    }
    return reactor;
}

void reactor_free(struct reactor *reactor)
{
    for (int phase = 0; phase < TRIGGER_PHASES; phase++)
        triggers_fire(&reactor->end, (enum trigger_phase)phase);
    signals_restore(&reactor->waker);
    dispatch_close(&reactor->dispatch);
    waker_close(&reactor->waker);
    delayed_calls_clear(&reactor->calls);
    thread_calls_close(&reactor->thread_calls);
    free(reactor);
}

static void stop_on(struct reactor *reactor, int signal, const char *name)
{
    trace("  Received %s, shutting down.", name);
    if (reactor_stop(reactor) == 0)
        reactor->stop_signal = signal;
}

static void stop_on_sigint(void *reactor)
{
    stop_on(reactor, SIGINT, "SIGINT");
}

static void stop_on_sigterm(void *reactor)
{
    stop_on(reactor, SIGTERM, "SIGTERM");
}

static void start(struct reactor *reactor)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    reactor->state = STARTING;
    triggers_fire(&reactor->startup, TRIGGER_BEFORE);
    sigaction(SIGPIPE, &ignore, NULL);
    if (signals_is_default(SIGINT))
        reactor_on_signal(reactor, SIGINT, stop_on_sigint, reactor);
    reactor_on_signal(reactor, SIGTERM, stop_on_sigterm, reactor);
    reactor->state = RUNNING;
    triggers_fire(&reactor->startup, TRIGGER_DURING);
    triggers_fire(&reactor->startup, TRIGGER_AFTER);
}

/* Called once a turn after reactor_stop, until the loop has ended. */
static void shut_down(struct reactor *reactor)
{
    if (reactor->state == STOPPING) {
        reactor->state = HELD;
        triggers_fire(&reactor->shutdown, TRIGGER_BEFORE);
    }
    if (reactor->holds > 0)
        return;
    trace("  shutdown: what is left is lost");
    reactor->state = ENDING;
    dispatch_disconnect_all(&reactor->dispatch, REASON_LOST,
                            &reactor->waker.reader);
    while (dispatch_end_turn(&reactor->dispatch))
        ;
    triggers_fire(&reactor->shutdown, TRIGGER_DURING);
    triggers_fire(&reactor->shutdown, TRIGGER_AFTER);
    reactor->state = ENDED;
}

static bool wants_shutdown(const struct reactor *reactor)
{
    return reactor->state == STOPPING ||
           (reactor->state == HELD && reactor->holds == 0);
}

/* Whoever waits for the loop, then the clock, then the end, then the
 * descriptors: the order of Twisted's mainLoop. */
static int turn(struct reactor *reactor)
{
    reactor->turn++;
    trace("turn %lu", reactor->turn);
    thread_calls_run(&reactor->thread_calls);
    signals_deliver(&reactor->waker);
    delayed_calls_run(&reactor->calls);
    if (wants_shutdown(reactor))
        shut_down(reactor);
    if (reactor->state == ENDED || reactor->crashed)
        return 0;
    bool hurry = dispatch_end_turn(&reactor->dispatch);
    if (hurry || wants_shutdown(reactor) || reactor->crashed)
        return dispatch_wait(&reactor->dispatch, 0);
    return dispatch_wait(&reactor->dispatch,
                         delayed_calls_wait(&reactor->calls));
}

int reactor_run(struct reactor *reactor)
{
    int result = 0;

    if (reactor->state != IDLE) {
        errno = reactor->state == ENDED ? ECANCELED : EALREADY;
        return -1;
    }
    start(reactor);
    while (result == 0 && reactor->state != ENDED && !reactor->crashed)
        result = turn(reactor);
    if (reactor->state != ENDED)
        reactor->state = IDLE;
    reactor->crashed = false;
    return result;
}

int reactor_stop(struct reactor *reactor)
{
    if (reactor->state != RUNNING) {
        errno = EINVAL;
        return -1;
    }
    trace("  stop is asked for");
    reactor->state = STOPPING;
    return 0;
}

int reactor_crash(struct reactor *reactor)
{
    if (reactor->state == IDLE || reactor->state == ENDED) {
        errno = EINVAL;
        return -1;
    }
    reactor->crashed = true;
    return 0;
}
