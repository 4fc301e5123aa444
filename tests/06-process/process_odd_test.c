/* SPDX-License-Identifier: MIT
 *
 * Children under odd conditions: maps with numbers that are not open, a blocked
 * SIGCHLD, ends that spawn, a terminal that has hung up.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

/* Our own pipes must not get the number that the map wants to share. */
static void S3_a_number_that_is_not_open(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    int next = fcntl(STDIN_FILENO, F_DUPFD, 3);

    CHECK(next >= 0 && close(next) == 0);
    for (int i = 0; i < 4; i++) {
        const struct process_descriptor rows[] = { { 1, PROCESS_READ },
                                                   { 2, PROCESS_READ },
                                                   { 7, next + i } };
        struct process_options options = { .descriptors = rows,
                                           .descriptor_count = 3 };
        struct child child = { 0 };
        if (fcntl(next + i, F_GETFD) >= 0)
            continue;
        errno = 0;
        CHECK(!child_spawn(&child, reactor, "/bin/true", &options));
        CHECK(errno == EBADF);
    }
    reactor_free(reactor);
}

static void S3_the_largest_number(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    const struct process_descriptor rows[] = { { INT_MAX, PROCESS_READ } };
    struct process_options options = { .descriptors = rows,
                                       .descriptor_count = 1 };
    struct child child = { 0 };

    CHECK(!child_spawn(&child, reactor, "/bin/true", &options));
    CHECK(errno == EINVAL);
    reactor_free(reactor);
}

static void S22_the_signal_was_blocked(const char *poller)
{
    struct child child = { 0 };
    sigset_t blocked, before;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    struct reactor *reactor = loop_new(poller);
    child_run(&child, reactor, "exit 0");
    CHILD_UNTIL(reactor, child.ended == 1);
    reactor_free(reactor);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* --- each end spawns another child, which is dead at once --- */

enum { CHAIN = 200 };

static struct reactor *loop;
static struct child chain[CHAIN];
static int spawned, spawned_when_due;

static void spawn_another(struct child *child)
{
    const struct timespec work = { .tv_nsec = 3 * 1000 * 1000 };

    (void)child;
    if (spawned == CHAIN)
        return;
    struct child *next = &chain[spawned++];
    next->on_exited = spawn_another;
    CHECK(child_spawn(next, loop, "/bin/true", NULL));
    CHECK(process_signal(next->process, "KILL") == 0);
    nanosleep(&work, NULL);
}

static void note_when(void *argument)
{
    (void)argument;
    spawned_when_due = spawned;
}

static void trap13_ends_that_spawn(const char *poller)
{
    struct delayed_call due = { 0 };

    loop = loop_new(poller);
    CHECK(reactor_call_later(loop, &due, 0, note_when, NULL) == 0);
    spawn_another(NULL);
    CHILD_UNTIL(loop, spawned == CHAIN && chain[CHAIN - 1].ended == 1);
    /* The delayed call has had its turn between two of them. */
    CHECK(spawned_when_due < CHAIN / 2);
    for (int i = 0; i < CHAIN; i++)
        CHILD_UNTIL(loop, chain[i].ended == 1);
    reactor_free(loop);
}

/* Our output waits, we do not read, and the child has closed its terminal. */
static void S26_a_terminal_that_has_hung_up(const char *poller)
{
    static char much[100000];
    struct process_options options = { .use_pty = true };
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    memset(much, '\n', sizeof(much));
    child_run_with(&child, reactor,
                   "stty -echo; echo ready; read x; "
                   "exec 0<&- 1>&- 2>&-; exec sleep 1",
                   &options);
    CHILD_UNTIL(reactor, child.received > 0);
    process_pause_producing(child.process);
    process_write(child.process, much, sizeof(much));
    loop_run_for(reactor, 0.2);
    int before = unit_waits();
    loop_run_for(reactor, 0.2);
    CHECK(unit_waits() - before < 100);
    CHILD_UNTIL(reactor, child.exited == 1);
    process_resume_producing(child.process);
    CHILD_UNTIL(reactor, child.ended == 1);
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "S3_a_number_that_is_not_open", S3_a_number_that_is_not_open },
    { "S3_the_largest_number", S3_the_largest_number },
    { "S22_the_signal_was_blocked", S22_the_signal_was_blocked },
    { "trap13_ends_that_spawn", trap13_ends_that_spawn },
    { "S26_a_terminal_that_has_hung_up", S26_a_terminal_that_has_hung_up },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
