/* SPDX-License-Identifier: MIT
 *
 * reactor.h - the event loop: register, and be called.
 *
 * It knows descriptors, time and signals, and nothing else. You make it with
 * reactor_new and free it with reactor_free; what you register is yours, and
 * lives inside your own structs: the loop allocates its tables, nothing else.
 * All of it belongs to one thread, the one that calls reactor_run; the one
 * function for others is reactor_call_from_thread. Callbacks return to the
 * loop and do not block. Functions that return int return 0, or -1 and errno.
 */
#ifndef REACTOR_H
#define REACTOR_H

#include <stdbool.h>

#include "reactor/delayed_call.h"
#include "reactor/descriptor.h"

struct reactor;

/* `poller` is "select", "poll" or "epoll"; NULL asks the environment variable
 * REACTOR, and then takes select. NULL with errno: EINVAL for another name. */
struct reactor *reactor_new(const char *poller);

/* Disconnects every descriptor that is still there, forgets delayed calls,
 * gives back the signal handlers that it took (SIGPIPE and SIGXFSZ stay
 * ignored). Not from inside reactor_run. */
void reactor_free(struct reactor *reactor);

/* Runs until somebody stops it. EALREADY while it runs, ECANCELED once it has
 * been stopped; any other errno: the poller cannot wait any more. SIGTERM, and
 * SIGINT if it had its default action, stop it; SIGPIPE and SIGXFSZ are
 * ignored: a write to a peer that is gone fails with EPIPE, one beyond the
 * largest size of a file with EFBIG. */
int reactor_run(struct reactor *reactor);

/* Asks it to stop. The callback goes on, and so does the turn: whatever is
 * ready is called, whatever is due runs. Then come the shutdown triggers, and
 * between the first phase and the second every descriptor is disconnected.
 * EINVAL if the loop is not running or is asked already. */
int reactor_stop(struct reactor *reactor);

/* Ends reactor_run after this turn's delayed calls, no trigger, nothing lost;
 * it can be run again. EINVAL if it is not running. */
int reactor_crash(struct reactor *reactor);

bool reactor_running(const struct reactor *reactor);

/* SIGINT or SIGTERM if that is what stopped it, or else 0. */
int reactor_stop_signal(const struct reactor *reactor);

/* Calls do_read, or do_write, when that would not block, until told not to.
 * What wants to write is tried once before the next wait: if the kernel has
 * room, the poller never hears of it. Adding or removing twice is once.
 * ENOMEM; EBADF for a negative number; ECANCELED inside reactor_free; a number
 * that the poller refuses is disconnected, with the poller's errno. */
int reactor_add_reader(struct reactor *reactor, struct descriptor *descriptor);
int reactor_add_writer(struct reactor *reactor, struct descriptor *descriptor);
void reactor_remove_reader(struct reactor *reactor,
                           struct descriptor *descriptor);
void reactor_remove_writer(struct reactor *reactor,
                           struct descriptor *descriptor);

/* Ends it for `reason`: no event any more, and at the end of the turn
 * connection_lost, close, dispose. Twice is once, the first reason counts. For
 * EBADF the number is not closed: a stranger has done it. */
void reactor_disconnect(struct reactor *reactor, struct descriptor *descriptor,
                        int reason);

/* Calls function(argument) once when this turn is over, where the numbers that
 * were disconnected are closed; in reactor_free at the latest. For an object
 * that has no descriptor and must outlive its turn. `call` lives in it. */
void reactor_at_turn_end(struct reactor *reactor, struct turn_end *call,
                         void (*function)(void *), void *argument);

/* Who is running, see descriptor.h. The loop sets it around do_read, do_write
 * and connection_lost. What is done later on somebody's behalf, in a delayed
 * call say, may enter what was asked for when it began; reactor_enter returns
 * who was running, to be entered again afterwards. */
struct running reactor_running_now(const struct reactor *reactor);
struct running reactor_enter(struct reactor *reactor, struct running running);

/* What an upper layer has one of for each reactor, such as its pool of threads,
 * hangs here: found by `key`, the address of something of that layer's. It must
 * outlive the reactor's last callback, and so `free` is called after that, by
 * reactor_free; NULL: nothing. */
struct attachment {
    void (*free)(struct attachment *attachment); /* yours to set */
    const void *key;
    struct attachment *next;
};
void reactor_attach(struct reactor *reactor, struct attachment *attachment,
                    const void *key);

/* NULL when nothing hangs there. */
struct attachment *reactor_attached(const struct reactor *reactor,
                                    const void *key);

/* Seconds on the monotonic clock. */
double reactor_seconds(void);

/* Calls function(argument) once, in `seconds`. `call` is handled with the
 * functions of delayed_call.h. EINVAL, EALREADY if it is pending, ENOMEM. */
int reactor_call_later(struct reactor *reactor, struct delayed_call *call,
                       double seconds, void (*function)(void *),
                       void *argument);

/* For any thread: calls function(argument) in the loop, in the order asked for.
 * `call` is the caller's and must live until then. Never fails, never blocks
 * for long. */
struct thread_call {
    void (*function)(void *argument);
    void *argument;
    struct thread_call *next;
};
void reactor_call_from_thread(struct reactor *reactor, struct thread_call *call,
                              void (*function)(void *), void *argument);

/* Calls function(argument) in the loop whenever `signal` has come; EINVAL,
 * EBUSY if somebody has it already. */
int reactor_on_signal(struct reactor *reactor, int signal,
                      void (*function)(void *), void *argument);

/* A function that runs when the loop starts or when it stops, in one of three
 * phases. The caller owns it, all zeroes at first; it must live until it has
 * run or was removed. */
struct trigger {
    void (*function)(void *argument);
    void *argument;
    struct trigger *next;  /* in its phase */
    struct trigger **link; /* what points to it; NULL: it does not wait */
};
enum trigger_phase { TRIGGER_BEFORE, TRIGGER_DURING, TRIGGER_AFTER };

/* Twisted's addSystemEventTrigger and removeSystemEventTrigger. The third
 * event is ours: reactor_free is called, whether or not the loop ever ran.
 * Within a phase they run once each, in the order in which they were added;
 * what they add to it runs as well. EINVAL for no such phase, EALREADY when the
 * trigger waits to run already, ENOENT when it does not (any more). */
enum reactor_event { REACTOR_STARTUP, REACTOR_SHUTDOWN, REACTOR_FREE };
int reactor_add_trigger(struct reactor *reactor, enum trigger_phase phase,
                        enum reactor_event event, struct trigger *trigger,
                        void (*function)(void *), void *argument);
int reactor_remove_trigger(struct reactor *reactor, struct trigger *trigger);

/* Calls function(argument) once the loop runs: at once if it does. */
int reactor_call_when_running(struct reactor *reactor, struct trigger *trigger,
                              void (*function)(void *), void *argument);

/* A shutdown trigger of the first phase that needs time holds the shutdown;
 * the loop goes on as ever until as many releases have come as holds. */
void reactor_hold_shutdown(struct reactor *reactor);
void reactor_release_shutdown(struct reactor *reactor);

#endif
