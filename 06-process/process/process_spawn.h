/* SPDX-License-Identifier: MIT
 *
 * process_spawn.h - posix_spawn, and what must be so in a new child: which
 * descriptors it has, and under which numbers; its signals; its directory.
 *
 * No code of ours runs between fork and exec, so it does not matter what other
 * threads are doing, nor how large we are, and a failing exec is an errno.
 */
#ifndef PROCESS_SPAWN_H
#define PROCESS_SPAWN_H

#include "process/process.h"
#include "process/process_pty.h"

/* Descriptor `from` of ours is `to` in the child. */
struct process_move {
    int from;
    int to;
    bool is_pipe; /* its other end is ours; `from` is closed afterwards */
    int source;   /* `from`, or a copy of it: process_spawn's own */
};

struct process_start {
    const char *executable;
    const char *const *arguments, *const *environment;
    const char *path; /* NULL: our working directory */
    bool own_group;
    char terminal[PROCESS_PTY_PATH_MAX]; /* its path; empty: it has none */
    struct process_move moves[PROCESS_DESCRIPTORS_MAX];
    int count; /* of the moves */
};

/* Returns the child's pid, or -1 with errno. */
pid_t process_spawn(struct process_start *start);

#endif
