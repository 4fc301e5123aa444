/* SPDX-License-Identifier: MIT
 *
 * reactor.c - the loop itself: run, turn, stop; and each function of reactor.h,
 * which hands what it is asked to the part that knows.
 */
#include "reactor/reactor.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/dispatch.h"
#include "reactor/signals.h"
#include "reactor/trace.h"
#include "reactor/waker.h"

enum reactor_state {
    IDLE,     /* not run yet, or crashed */
    STARTING, /* the first startup triggers run */
    RUNNING,
    STOPPING, /* asked to stop; the turn, and the holds, come first */
    HELD,     /* the first shutdown triggers have run */
    ENDING,   /* everything is being disconnected */
    ENDED
};

struct reactor {
    enum reactor_state state;
    struct dispatch dispatch;   /* the descriptors, and the poller */
    struct delayed_calls calls; /* by the time they are due */
    pthread_mutex_t lock;       /* the only one: of the next two */
    struct thread_call *queue, **queue_end; /* what other threads asked for */
    /* What is to run, the first of each event and phase. */
    struct trigger *triggers[REACTOR_FREE + 1][TRIGGER_AFTER + 1];
    struct waker waker;             /* ends the wait, from outside */
    int holds;                      /* triggers that the shutdown waits for */
    int stop_signal;                /* the one that stopped us */
    bool crashed;                   /* reactor_run returns, without an end */
    struct attachment *attachments; /* what upper layers keep here */
    unsigned long turn;             /* counted for the trace */
};

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

    trace_start();
    if (!reactor || dispatch_open(&reactor->dispatch, class) < 0) {
        free(reactor);
        return NULL;
    }
    if (waker_open(&reactor->waker) < 0) {
        dispatch_close(&reactor->dispatch);
        free(reactor);
        return NULL;
    }
    pthread_mutex_init(&reactor->lock, NULL);
    reactor->queue_end = &reactor->queue;
    /* The poller is told when a turn ends; end one now, for it may not be able
     * to watch this number, and without the waker no signal would be heard. */
    if (reactor_add_reader(reactor, &reactor->waker.reader) < 0 ||
        dispatch_end_turn(&reactor->dispatch)) {
        int error = reactor->waker.reader.reason; /* 0: not even added */
        /* So that its number is closed in either case; twice is once. */
        reactor_disconnect(reactor, &reactor->waker.reader, errno);
        reactor_free(reactor);
        errno = error ? error : ENOMEM;
        return NULL;
    }
    return reactor;
}

/* Runs the triggers of one phase. Each is out of the list before: its function
 * may free it, add it again, or remove the next one. */
static void fire(struct reactor *reactor, enum reactor_event event,
                 enum trigger_phase phase)
{
    struct trigger *trigger;

    while ((trigger = reactor->triggers[event][phase])) {
        reactor_remove_trigger(reactor, trigger);
        trigger->function(trigger->argument);
    }
}

/* What the loop has is given back in the order in which it could still be used:
 * the triggers of upper layers first, the descriptors' last callbacks, and only
 * then the tables that these may look into. */
void reactor_free(struct reactor *reactor)
{
    fire(reactor, REACTOR_FREE, TRIGGER_BEFORE);
    fire(reactor, REACTOR_FREE, TRIGGER_DURING);
    fire(reactor, REACTOR_FREE, TRIGGER_AFTER);
    /* Before the pipe is closed: a handler would write to a number that is
     * somebody else's by then. */
    signals_restore(&reactor->waker);
    dispatch_close(&reactor->dispatch);
    waker_close(&reactor->waker);
    /* Not before: connection_lost may cancel a call, which is in this heap. */
    delayed_calls_clear(&reactor->calls);
    pthread_mutex_destroy(&reactor->lock);
    for (struct attachment *it = reactor->attachments, *next; it; it = next) {
        next = it->next; /* it goes with what its layer keeps */
        if (it->free)
            it->free(it);
    }
    free(reactor);
}

/* A second signal finds the loop stopping already: reactor_stop refuses, and
 * the first one stays the one that stopped us. */
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

/* SIGPIPE would end the program when a peer is gone, and SIGXFSZ when a log has
 * reached the largest size it may have. Ignored, both are an errno of the write
 * that failed, EPIPE and EFBIG. A SIGINT that whoever started us has ignored
 * (a shell does, for a program in the background) stays ignored. */
static void start(struct reactor *reactor)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, interrupt;

    reactor->state = STARTING;
    fire(reactor, REACTOR_STARTUP, TRIGGER_BEFORE);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    /* EBUSY is no failure here: somebody else has asked for the signal, or it
     * is ours from a run that reactor_crash has ended. */
    if (sigaction(SIGINT, NULL, &interrupt) == 0 &&
        interrupt.sa_handler == SIG_DFL)
        reactor_on_signal(reactor, SIGINT, stop_on_sigint, reactor);
    reactor_on_signal(reactor, SIGTERM, stop_on_sigterm, reactor);
    reactor->state = RUNNING; /* from here on a trigger may stop the loop */
    fire(reactor, REACTOR_STARTUP, TRIGGER_DURING);
    fire(reactor, REACTOR_STARTUP, TRIGGER_AFTER);
}

/* Called once a turn after reactor_stop, until the loop has ended: the triggers
 * before, then a wait for who holds the shutdown, then the end of every
 * descriptor, which may take several rounds, then the other triggers. The waker
 * stays: a thread may still call. */
static void shut_down(struct reactor *reactor)
{
    if (reactor->state == STOPPING) {
        reactor->state = HELD;
        fire(reactor, REACTOR_SHUTDOWN, TRIGGER_BEFORE);
    }
    if (reactor->holds > 0)
        return;
    trace("  shutdown: what is left is disconnected");
    reactor->state = ENDING;
    dispatch_disconnect_all(&reactor->dispatch, &reactor->waker.reader);
    fire(reactor, REACTOR_SHUTDOWN, TRIGGER_DURING);
    fire(reactor, REACTOR_SHUTDOWN, TRIGGER_AFTER);
    reactor->state = ENDED;
}

/* The second part: the last release has come. Between the two the loop turns
 * as ever, so that whoever holds the shutdown gets its events. */
static bool wants_shutdown(const struct reactor *reactor)
{
    return reactor->state == STOPPING ||
           (reactor->state == HELD && reactor->holds == 0);
}

/* Those that are queued at this moment. The lock is never held while a function
 * runs: one that asks for another call would wait for itself. */
static void run_thread_calls(struct reactor *reactor)
{
    pthread_mutex_lock(&reactor->lock);
    struct thread_call *call = reactor->queue, *next;
    reactor->queue = NULL;
    reactor->queue_end = &reactor->queue;
    pthread_mutex_unlock(&reactor->lock);
    for (; call; call = next) {
        next = call->next; /* it may free itself, or be queued again */
        trace("  call of a thread");
        call->function(call->argument);
    }
}

/* One turn, in the order of Twisted's mainLoop: calls of other threads,
 * signals, delayed calls, the end of the turn before, and the wait with the
 * callbacks of what is ready. What the first of these ask for is done before
 * the wait, or it would sleep over it. The first three take what is there when
 * they begin, so that no call that asks for another can keep the loop here. */
static int turn(struct reactor *reactor)
{
    reactor->turn++;
    trace("turn %lu", reactor->turn);
    run_thread_calls(reactor);
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
    reactor->crashed = false; /* or the next run would end at once */
    return result;
}

/* A note, and no wake: whoever asks is a callback, and turn looks at the state
 * again before it waits. The turn that is going on goes on. */
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

/* Not while STARTING: reactor_call_when_running can still add to the triggers
 * that are about to run. */
bool reactor_running(const struct reactor *reactor)
{
    return reactor->state == RUNNING || reactor->state == STOPPING ||
           reactor->state == HELD;
}

int reactor_stop_signal(const struct reactor *reactor)
{
    return reactor->stop_signal;
}

/* Each of these four is a note, and the poller hears of it when the turn is
 * over. From the first wish on the loop has the number, and closes it. */
int reactor_add_reader(struct reactor *reactor, struct descriptor *descriptor)
{
    return dispatch_want(&reactor->dispatch, descriptor,
                         descriptor->wanted | POLLER_READ);
}

int reactor_add_writer(struct reactor *reactor, struct descriptor *descriptor)
{
    return dispatch_want(&reactor->dispatch, descriptor,
                         descriptor->wanted | POLLER_WRITE);
}

void reactor_remove_reader(struct reactor *reactor,
                           struct descriptor *descriptor)
{
    dispatch_want(&reactor->dispatch, descriptor,
                  descriptor->wanted & ~POLLER_READ);
}

void reactor_remove_writer(struct reactor *reactor,
                           struct descriptor *descriptor)
{
    dispatch_want(&reactor->dispatch, descriptor,
                  descriptor->wanted & ~POLLER_WRITE);
}

/* Calls nobody: so it is safe in every callback, the descriptor's own too. */
void reactor_disconnect(struct reactor *reactor, struct descriptor *descriptor,
                        int reason)
{
    dispatch_disconnect(&reactor->dispatch, descriptor, reason);
}

/* `call` lives in its owner, so this cannot fail, not even for an object that
 * ends for want of memory. */
void reactor_at_turn_end(struct reactor *reactor, struct turn_end *call,
                         void (*function)(void *), void *argument)
{
    *call = (struct turn_end){ reactor->dispatch.calls, function, argument };
    reactor->dispatch.calls = call;
}

struct running reactor_enter(struct reactor *reactor, struct running running)
{
    struct running before = reactor->dispatch.running;

    reactor->dispatch.running = running;
    return before;
}

struct running reactor_running_now(const struct reactor *reactor)
{
    return reactor->dispatch.running;
}

/* The key is an address because two layers that do not know each other cannot
 * choose the same one. */
void reactor_attach(struct reactor *reactor, struct attachment *attachment,
                    const void *key)
{
    attachment->key = key;
    attachment->next = reactor->attachments;
    reactor->attachments = attachment;
}

struct attachment *reactor_attached(const struct reactor *reactor,
                                    const void *key)
{
    struct attachment *attachment = reactor->attachments;

    while (attachment && attachment->key != key)
        attachment = attachment->next;
    return attachment;
}

double reactor_seconds(void)
{
    return (double)delayed_calls_now() / 1e9;
}

int reactor_call_later(struct reactor *reactor, struct delayed_call *call,
                       double seconds, void (*function)(void *), void *argument)
{
    return delayed_calls_add(&reactor->calls, call, seconds, function,
                             argument);
}

/* Queued first, then woken: the other way round the loop could wake, find
 * nothing, and sleep again. A queue that was not empty has woken it already. */
void reactor_call_from_thread(struct reactor *reactor, struct thread_call *call,
                              void (*function)(void *), void *argument)
{
    *call = (struct thread_call){ function, argument, NULL };
    pthread_mutex_lock(&reactor->lock);
    bool was_empty = !reactor->queue;
    *reactor->queue_end = call;
    reactor->queue_end = &call->next;
    pthread_mutex_unlock(&reactor->lock);
    if (was_empty)
        waker_wake(&reactor->waker);
}

int reactor_on_signal(struct reactor *reactor, int signal,
                      void (*function)(void *), void *argument)
{
    return signals_watch(signal, &reactor->waker, function, argument);
}

/* A trigger hangs in its owner's memory, so this cannot fail for want of it.
 * One that is waiting is refused: to hang it up once more would cut off those
 * behind it. */
int reactor_add_trigger(struct reactor *reactor, enum trigger_phase phase,
                        enum reactor_event event, struct trigger *trigger,
                        void (*function)(void *), void *argument)
{
    if (phase < TRIGGER_BEFORE || phase > TRIGGER_AFTER || trigger->link) {
        errno = trigger->link ? EALREADY : EINVAL;
        return -1;
    }
    struct trigger **end = &reactor->triggers[event][phase];
    while (*end)
        end = &(*end)->next;
    *trigger = (struct trigger){ function, argument, NULL, end };
    *end = trigger;
    return 0;
}

int reactor_remove_trigger(struct reactor *reactor, struct trigger *trigger)
{
    (void)reactor; /* the trigger knows where it hangs */
    if (!trigger->link) {
        errno = ENOENT;
        return -1;
    }
    *trigger->link = trigger->next;
    if (trigger->next)
        trigger->next->link = trigger->link;
    trigger->link = NULL;
    return 0;
}

int reactor_call_when_running(struct reactor *reactor, struct trigger *trigger,
                              void (*function)(void *), void *argument)
{
    if (!reactor_running(reactor))
        return reactor_add_trigger(reactor, TRIGGER_AFTER, REACTOR_STARTUP,
                                   trigger, function, argument);
    function(argument);
    return 0;
}

void reactor_hold_shutdown(struct reactor *reactor)
{
    reactor->holds++;
}

/* One release too many does not make up for a hold to come. */
void reactor_release_shutdown(struct reactor *reactor)
{
    if (reactor->holds > 0)
        reactor->holds--;
}
