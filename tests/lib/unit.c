/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

enum {
    NOTES_MAX = 4096,     /* bytes of words */
    NUMBERS_MAX = 4096,   /* descriptors below this are counted */
    NUMBERS_AT_ONCE = 64, /* poll takes no more than may be open */
    DEADLINE = 30,        /* seconds */
    FAILED = 1,
    NO_SUCH_CASE = 2,
    SKIPPED = 77
};

/* The C library's own, behind the ones below. */
int __real_poll(struct pollfd *watched, nfds_t count, int timeout);

static const char *running = "unit"; /* the case */
static char notes[NOTES_MAX];

/* --- cases and checks --- */

static int open_descriptors(void)
{
    struct pollfd asked[NUMBERS_AT_ONCE];
    int count = 0;

    for (int fd = 0; fd < NUMBERS_MAX; fd += NUMBERS_AT_ONCE) {
        for (int i = 0; i < NUMBERS_AT_ONCE; i++)
            asked[i] = (struct pollfd){ .fd = fd + i };
        CHECK(__real_poll(asked, NUMBERS_AT_ONCE, 0) >= 0);
        for (int i = 0; i < NUMBERS_AT_ONCE; i++)
            count += !(asked[i].revents & POLLNVAL);
    }
    return count;
}

static void run_case(const struct unit_case *row, const char *poller)
{
    int before = open_descriptors();

    running = row->name;
    row->run(poller);
    unit_stop_clock(-1);
    CHECK(open_descriptors() == before);
}

int unit_main(const struct unit_case *cases, int argc, char **argv)
{
    const char *seconds = getenv("DEADLINE");
    bool found = argc == 1;

    alarm(seconds ? (unsigned)atoi(seconds) : DEADLINE); /* SIGALRM ends us */
    for (const struct unit_case *row = cases; row->name; row++) {
        if (argc == 1) {
            puts(row->name);
        } else if (argc == 3 && !strcmp(row->name, argv[2])) {
            run_case(row, argv[1]);
            found = true;
        }
    }
    if (!found)
        fprintf(stderr, "%s: no such case\n", argv[argc - 1]);
    return found ? 0 : NO_SUCH_CASE;
}

void unit_failed(const char *text, const char *file, int line)
{
    fprintf(stderr, "%s: not so: %s (%s:%d)\n", running, text, file, line);
    /* Not exit: a leak at this point is no news. */
    _exit(FAILED);
}

int unit_often(int proof, int otherwise)
{
    const char *set = getenv("PROOF");

    return set && *set ? proof : otherwise;
}

/* Makes *best what run(size) takes of the processor, if that is less. */
static void measure(double *best, void (*run)(size_t), size_t size)
{
    clock_t start = clock();

    run(size);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (seconds < *best)
        *best = seconds;
}

bool unit_linear(void (*run)(size_t), size_t size)
{
    enum { TIMES = 8, BOUND = 3 * TIMES, FEWEST = 3, MOST = 15 };
    double once = DEADLINE, more = DEADLINE;

    for (int i = 1; i <= MOST; i++) {
        measure(&once, run, size);
        measure(&more, run, TIMES * size);
        if (i >= FEWEST && more < BOUND * once)
            return true;
    }
    fprintf(stderr, "%s: %.4f s, %d times as much %.4f s\n", running, once,
            TIMES, more);
    return false;
}

void unit_needs_descriptors(int count)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_max < (rlim_t)count)
        _exit(SKIPPED);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

void unit_note(void *word)
{
    size_t length = strlen(notes);

    CHECK(length + strlen(word) < sizeof(notes));
    strcpy(notes + length, word);
}

bool unit_noted(const char *words)
{
    bool same = strcmp(words, notes) == 0;

    if (!same)
        fprintf(stderr, "%s: noted %s instead of %s\n", running, notes, words);
    notes[0] = '\0';
    return same;
}

/* --- the C library, wrapped: ld makes every call of X one of __wrap_X --- */

static int allocations_left = -1;
static bool allocation_failed;
static int64_t stopped_at = -1;
static int waits, controls;
static int waits_to_fail, wait_error;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __real_select(int top, fd_set *readable, fd_set *writable, fd_set *other,
                  struct timeval *timeout);
int __real_epoll_wait(int epoll, struct epoll_event *events, int most,
                      int timeout);
int __real_epoll_ctl(int epoll, int operation, int fd,
                     struct epoll_event *event);

/* The other half of the pact; these are not called by name. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_select(int top, fd_set *readable, fd_set *writable, fd_set *other,
                  struct timeval *timeout);
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout);
int __wrap_epoll_wait(int epoll, struct epoll_event *events, int most,
                      int timeout);
int __wrap_epoll_ctl(int epoll, int operation, int fd,
                     struct epoll_event *event);

void unit_fail_allocation(int after)
{
    allocations_left = after;
    allocation_failed = false;
}

bool unit_allocation_failed(void)
{
    return allocation_failed;
}

static bool fails_now(void)
{
    if (allocations_left < 0 || allocations_left-- > 0)
        return false;
    allocation_failed = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __real_realloc(memory, size);
}

void unit_stop_clock(int64_t nanoseconds)
{
    stopped_at = nanoseconds;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    /* An administrator may set any other clock while the program runs. */
    CHECK(clock == CLOCK_MONOTONIC);
    if (stopped_at < 0)
        return __real_clock_gettime(clock, time);
    *time = (struct timespec){ .tv_sec = stopped_at / 1000000000,
                               .tv_nsec = stopped_at % 1000000000 };
    return 0;
}

void unit_fail_waits(int times, int error)
{
    waits_to_fail = times;
    wait_error = error;
}

static bool wait_fails(void)
{
    waits++;
    if (waits_to_fail == 0)
        return false;
    waits_to_fail--;
    errno = wait_error;
    return true;
}

int unit_waits(void)
{
    return waits;
}

int unit_controls(void)
{
    return controls;
}

int __wrap_select(int top, fd_set *readable, fd_set *writable, fd_set *other,
                  struct timeval *timeout)
{
    return wait_fails()
               ? -1
               : __real_select(top, readable, writable, other, timeout);
}

int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout)
{
    return wait_fails() ? -1 : __real_poll(watched, count, timeout);
}

int __wrap_epoll_wait(int epoll, struct epoll_event *events, int most,
                      int timeout)
{
    return wait_fails() ? -1 : __real_epoll_wait(epoll, events, most, timeout);
}

int __wrap_epoll_ctl(int epoll, int operation, int fd,
                     struct epoll_event *event)
{
    controls++;
    return __real_epoll_ctl(epoll, operation, fd, event);
}
