/* SPDX-License-Identifier: MIT
 *
 * unit.h - what the unit programs share: cases with names, checks that say
 * what was not so, notes of what happened in which order, and a C library
 * that fails or lies when it is told to.
 *
 *   PROGRAM POLLER CASE
 *
 * runs one case under one poller; without arguments it prints their names.
 * Status 0: it holds; 1: it does not, and the reason is on standard error; 2:
 * there is no such case; 77: it needs more than this process may have. A case
 * must leave as many open descriptors as it has found. For the lies the program
 * is linked with unit.c, and with ld's --wrap=X for each function __wrap_X.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit_case {
    const char *name;
    void (*run)(const char *poller);
};

/* `cases` end with a row of zeroes. Returns what main returns. */
int unit_main(const struct unit_case *cases, int argc, char **argv);

/* Ends the program when `truth` is false. Main thread only. */
#define CHECK(truth)                                                           \
    ((truth) ? (void)0 : unit_failed(#truth, __FILE__, __LINE__))
_Noreturn void unit_failed(const char *text, const char *file, int line);

/* How often something is done: so often in `make proof`, else `otherwise`. */
int unit_often(int proof, int otherwise);

/* Whether run(8 * size) takes about eight times the processor time of
 * run(size); work that grows with the square takes 64 times. A busy machine
 * makes a time longer, never shorter: so the shortest of three count, or of up
 * to fifteen before the answer is no. */
bool unit_linear(void (*run)(size_t size), size_t size);

/* For the beginning of a case that opens many: raises the limit as far as this
 * process may, and ends the program with status 77 if that is below `count`. */
void unit_needs_descriptors(int count);

/* Writes down a word (a const char *; void * so that it can be a callback),
 * and checks that these words, and no others, were written down since the
 * last time: CHECK(unit_noted("abc")) after unit_note("a") and so on. */
void unit_note(void *word);
bool unit_noted(const char *words);

/* The allocation after `after` others fails, and no other; -1: none. The
 * second says whether it has failed by now. */
void unit_fail_allocation(int after);
bool unit_allocation_failed(void);

/* Stops the monotonic clock at so many nanoseconds; -1: the real time. */
void unit_stop_clock(int64_t nanoseconds);

/* The next `times` calls of select, poll or epoll_wait fail with `error`. */
void unit_fail_waits(int times, int error);

/* Calls of select, poll or epoll_wait so far, and of epoll_ctl. */
int unit_waits(void);
int unit_controls(void);

#endif
