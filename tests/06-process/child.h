/* SPDX-License-Identifier: MIT
 *
 * child.h - a process protocol that writes down what happens to it. For the
 * process_*_test.c beside this file.
 *
 * A struct child is the case's, on its stack. The protocol is the framework's,
 * so that the address sanitizer sees it used too late.
 */
#ifndef CHILD_H
#define CHILD_H

#include "probe.h"
#include "process/process.h"
#include "unit.h"

enum { CHILD_TEXT_MAX = 8192 }; /* bytes that are remembered of each stream */

struct child {
    struct process *process; /* NULL: not spawned, or ended */
    int made, exited, ended;
    int losts[3], other_losts;      /* of 0, 1 and 2, and of all others */
    size_t received;                /* bytes, of all streams */
    char out[CHILD_TEXT_MAX];       /* the first bytes from 1 */
    char err[CHILD_TEXT_MAX];       /* from 2 */
    char other[CHILD_TEXT_MAX];     /* from all others */
    int other_number;               /* the last of them */
    struct failure reason;          /* of the exit */
    char message[FAILURE_TEXT_MAX]; /* the same as text */

    /* What to do beyond that; NULL: nothing. */
    void (*on_made)(struct child *self);
    void (*on_out)(struct child *self);
    void (*on_other)(struct child *self);
    void (*on_exited)(struct child *self);
    void (*on_ended)(struct child *self);
    bool notes; /* unit_note "made ", "out ", "lost1 " and so on */
    void *data; /* for these */
};

/* Runs a shell script; a program with options. `child` is all zeroes, but for
 * what the case has set. Fails the case if it is not spawned. */
void child_run(struct child *child, struct reactor *reactor,
               const char *script);
void child_run_with(struct child *child, struct reactor *reactor,
                    const char *script, const struct process_options *options);

/* reactor_spawn_process, which may fail. */
struct process *child_spawn(struct child *child, struct reactor *reactor,
                            const char *executable,
                            const struct process_options *options);

/* Turns the loop until something is so, or the case has failed: after so many
 * seconds as TALK_DEADLINE says in the environment, or 8. */
#define CHILD_UNTIL(reactor, truth)                                            \
    for (double child_end = child_deadline(); !(truth);)                       \
    child_turn(reactor, child_end, #truth)
double child_deadline(void);
void child_turn(struct reactor *reactor, double end, const char *what);

/* A pipe that a script can wait for: `read x <&3`. */
struct gate {
    int ours, childs;
};
void gate_open(struct gate *gate);
void gate_release(struct gate *gate); /* closes both */

#endif
