/* SPDX-License-Identifier: MIT
 *
 * thread_tools.h - for the thread_*_test.c and resolver_test.c: an end for
 * cases that wait for ever, a gate at which threads wait until the case lets
 * them through, and how many threads there are.
 *
 * Only static functions, so that no other unit program needs to know.
 */
#ifndef THREAD_TOOLS_H
#define THREAD_TOOLS_H

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

static inline void sleep_ms(long ms)
{
    const struct timespec pause = { .tv_sec = ms / 1000,
                                    .tv_nsec = ms % 1000 * 1000000 };

    nanosleep(&pause, NULL);
}

/* A case that waits for ever fails: after a while that is short where it is
 * expected to, which TALK_DEADLINE tells. */
static inline void waited_in_vain(int signal)
{
    static const char text[] = "it waits for ever\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)ignored;
    (void)signal;
    _exit(1);
}

static inline int threads_main(const struct unit_case *cases, int argc,
                               char **argv)
{
    const struct sigaction action = { .sa_handler = waited_in_vain };

    sigaction(SIGALRM, &action, NULL);
    if (getenv("TALK_DEADLINE"))
        setenv("DEADLINE", "2", 1); /* seconds; unit_main sets the alarm */
    return unit_main(cases, argc, argv);
}

/* --- the gate --- */

struct gate {
    sem_t sem;
    atomic_int inside, most, passed; /* who waits, at most at a time */
};

static inline void gate_open(struct gate *gate)
{
    *gate = (struct gate){ .inside = 0 };
    CHECK(sem_init(&gate->sem, 0, 0) == 0);
}

/* For threads: waits to be let through. */
static inline void gate_wait(struct gate *gate)
{
    int now = atomic_fetch_add(&gate->inside, 1) + 1;
    int most = atomic_load(&gate->most);

    while (most < now && !atomic_compare_exchange_weak(&gate->most, &most, now))
        ;
    while (sem_wait(&gate->sem) < 0)
        ;
    atomic_fetch_sub(&gate->inside, 1);
    atomic_fetch_add(&gate->passed, 1);
}

static inline void gate_let(struct gate *gate, int count)
{
    while (count-- > 0)
        sem_post(&gate->sem);
}

/* Waits until so many wait there. The deadline is the test's. */
static inline void gate_until(struct gate *gate, int count)
{
    while (atomic_load(&gate->inside) < count)
        sleep_ms(1);
}

static inline void gate_close(struct gate *gate)
{
    sem_destroy(&gate->sem);
}

/* How many threads the process has. */
static inline int threads_now(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *entry;
    int count = 0;

    CHECK(tasks != NULL);
    while ((entry = readdir(tasks)))
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static inline void *nothing(void *argument)
{
    return argument;
}

/* The same, when none of ours is left. The thread sanitizer adds one of its
 * own to the first that we make, and one that was joined stays in /proc for a
 * moment. */
static inline int threads_at_first(void)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    int before = threads_now();
    for (int same = 0; same < 3; same++) {
        sleep_ms(1);
        if (threads_now() != before)
            same = 0;
        before = threads_now();
    }
    return before;
}

static inline bool threads_become(int count)
{
    for (int i = 0; i < 1000 && threads_now() != count; i++)
        sleep_ms(1);
    return threads_now() == count;
}

#endif
