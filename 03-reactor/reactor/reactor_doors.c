/* SPDX-License-Identifier: MIT
 *
 * reactor_doors.c - where programs come in: each function of reactor.h that
 * registers or asks something, and hands it to the part that knows.
 */
#include "reactor/reactor_parts.h"
#include "reactor/signals.h"

bool reactor_running(const struct reactor *reactor)
{
    return reactor->state == RUNNING || reactor->state == STOPPING ||
           reactor->state == HELD;
}

int reactor_stop_signal(const struct reactor *reactor)
{
    return reactor->stop_signal;
}

int reactor_add_reader(struct reactor *reactor, struct descriptor *descriptor)
{
    return dispatch_want(&reactor->dispatch, descriptor, POLLER_READ);
}

int reactor_add_writer(struct reactor *reactor, struct descriptor *descriptor)
{
    return dispatch_want(&reactor->dispatch, descriptor, POLLER_WRITE);
}

void reactor_remove_reader(struct reactor *reactor,
                           struct descriptor *descriptor)
{
    dispatch_ignore(&reactor->dispatch, descriptor, POLLER_READ);
}

void reactor_remove_writer(struct reactor *reactor,
                           struct descriptor *descriptor)
{
    dispatch_ignore(&reactor->dispatch, descriptor, POLLER_WRITE);
}

void reactor_disconnect(struct reactor *reactor, struct descriptor *descriptor,
                        int reason)
{
    dispatch_disconnect(&reactor->dispatch, descriptor, reason);
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

void reactor_call_from_thread(struct reactor *reactor, struct thread_call *call,
                              void (*function)(void *), void *argument)
{
    if (thread_calls_add(&reactor->thread_calls, call, function, argument))
        waker_wake(&reactor->waker);
}

int reactor_on_signal(struct reactor *reactor, int signal,
                      void (*function)(void *), void *argument)
{
    return signals_watch(signal, &reactor->waker, function, argument);
}

static struct triggers *triggers_for(struct reactor *reactor,
                                     enum reactor_event event)
{
    return event == REACTOR_STARTUP    ? &reactor->startup
           : event == REACTOR_SHUTDOWN ? &reactor->shutdown
                                       : &reactor->end;
}

int reactor_add_trigger(struct reactor *reactor, enum trigger_phase phase,
                        enum reactor_event event, struct trigger *trigger,
                        void (*function)(void *), void *argument)
{
    return triggers_add(triggers_for(reactor, event), phase, trigger, function,
                        argument);
}

int reactor_remove_trigger(struct reactor *reactor, struct trigger *trigger)
{
    if (triggers_remove(&reactor->startup, trigger) == 0 ||
        triggers_remove(&reactor->shutdown, trigger) == 0)
        return 0;
    return triggers_remove(&reactor->end, trigger);
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

void reactor_release_shutdown(struct reactor *reactor)
{
    if (reactor->holds > 0)
        reactor->holds--;
}
