/* SPDX-License-Identifier: MIT
 *
 * What passes, what is lowered under a running loop, and what whoever started
 * us has left behind: the loop goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probe.h"
#include "unit.h"

/* A kernel without memory for a moment: served all the same, and not by
 * asking again and again. */
static void kernel_is_short(const char *poller)
{
    const int passing[] = { ENOMEM, EAGAIN };

    for (size_t i = 0; i < 2; i++) {
        struct reactor *reactor = loop_new(poller);
        struct probe a;

        probe_open(&a, reactor, 'a');
        probe_add_reader(&a);
        unit_fail_waits(3, passing[i]);
        int before = unit_waits();
        loop_run_for(reactor, 0.1);
        CHECK(unit_waits() - before < 12);
        probe_check_served(&a);
        reactor_free(reactor);
        probe_check_lost(&a, REASON_LOST);
    }
}

/* These do not pass: whoever goes on would go on for ever. */
static void kernel_refuses(const char *poller)
{
    const int lasting[] = { EINVAL, EFAULT };

    for (size_t i = 0; i < 2; i++) {
        struct reactor *reactor = loop_new(poller);
        struct delayed_call patience = { 0 };

        reactor_call_later(reactor, &patience, 0.2, loop_crash, reactor);
        unit_fail_waits(1, lasting[i]);
        errno = 0;
        CHECK(reactor_run(reactor) == -1 && errno == lasting[i]);
        reactor_free(reactor);
    }
}

/* Fewer descriptors may be open than are: those that are go on being served. */
static void limit_is_lowered(const char *poller)
{
    enum { MANY = 8 };
    struct reactor *reactor = loop_new(poller);
    struct rlimit before, low;
    struct probe probes[MANY];

    for (int i = 0; i < MANY; i++) {
        probe_open(&probes[i], reactor, 'a');
        probe_add_reader(&probes[i]);
    }
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    low = before;
    low.rlim_cur = 5;
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    for (int i = 0; i < MANY; i++)
        probe_poke(&probes[i]);
    loop_run_for(reactor, 0.05);
    for (int i = 0; i < MANY; i++)
        CHECK(probes[i].received == 1);
    int waits = unit_waits();
    loop_run_for(reactor, 0.1); /* nothing to do: no spin */
    CHECK(unit_waits() - waits < 40);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    reactor_free(reactor);
    for (int i = 0; i < MANY; i++)
        probe_check_lost(&probes[i], REASON_LOST);
}

static int write_once(struct probe *self)
{
    reactor_remove_writer(self->reactor, self->descriptor);
    return REASON_NONE;
}

/* Regular files are always ready, under any poller, and any number of them. */
static void many_files(const char *poller)
{
    enum { MANY = 40 };
    struct reactor *reactor = loop_new(poller);
    struct probe probes[MANY];
    char name[] = "many-files-XXXXXX";
    int file = mkstemp(name);

    CHECK(file >= 0 && write(file, "x", 1) == 1);
    for (int i = 0; i < MANY; i++) {
        probe_adopt(&probes[i], reactor, 'a', open(name, O_RDWR | O_CLOEXEC));
        probes[i].on_write = write_once;
        probe_add_reader(&probes[i]);
        probe_add_writer(&probes[i]);
    }
    unlink(name);
    close(file);
    loop_run_for(reactor, 0.1); /* each is read to its end, and lost */
    for (int i = 0; i < MANY; i++) {
        CHECK(probes[i].received == 1 && probes[i].writes > 0);
        probe_check_lost(&probes[i], REASON_DONE);
    }
    loop_check_quiet(reactor);
    reactor_free(reactor);
}

/* Blocked by whoever started us: the loop lets in what it handles, and leaves
 * the mask as it was. */
static void signal_was_blocked(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct delayed_call patience = { 0 };
    sigset_t blocked, now;

    reactor_call_later(reactor, &patience, 2, loop_crash, reactor);

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &blocked, NULL) == 0);
    CHECK(reactor_on_signal(reactor, SIGUSR1, unit_note, "u") == 0);
    raise(SIGUSR1);
    raise(SIGTERM); /* waits for the loop, and stops it */
    CHECK(reactor_run(reactor) == 0);
    CHECK(reactor_stop_signal(reactor) == SIGTERM && unit_noted("u"));
    reactor_free(reactor);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &blocked, &now) == 0);
    CHECK(sigismember(&now, SIGTERM) && sigismember(&now, SIGUSR1));
}

/* A file that may grow no more is an errno, no signal. */
static void file_too_large(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct rlimit before, low;
    char name[] = "too-large-XXXXXX";
    int file = mkstemp(name);

    CHECK(file >= 0);
    unlink(name);
    loop_turns(reactor, 1);
    CHECK(signal(SIGXFSZ, SIG_IGN) == SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    low = before;
    low.rlim_cur = 1;
    CHECK(setrlimit(RLIMIT_FSIZE, &low) == 0);
    CHECK(write(file, "xy", 2) == 1);
    errno = 0;
    CHECK(write(file, "y", 1) == -1 && errno == EFBIG);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    close(file);
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "kernel_is_short", kernel_is_short },
    { "kernel_refuses", kernel_refuses },
    { "limit_is_lowered", limit_is_lowered },
    { "many_files", many_files },
    { "signal_was_blocked", signal_was_blocked },
    { "file_too_large", file_too_large },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
