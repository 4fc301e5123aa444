/* SPDX-License-Identifier: MIT
 *
 * spawn.h - posix_spawn, and what must be so in a new child: which descriptors
 * it has, and under which numbers; its session, its signals, its directory.
 *
 * No code of ours runs between fork and exec, so it does not matter what other
 * threads are doing, nor how large we are, and a failing exec is an errno.
 */
#ifndef SPAWN_H
#define SPAWN_H

#include "process/process.h"

struct spawn_spec {
    const char *executable; /* with a slash a path, or a name of our PATH */
    const char *const *arguments, *const *environment;
    const char *path;     /* its working directory; NULL: ours */
    const char *terminal; /* what all moves lead from; NULL: their `from` */
    /* The caller's, `count` of them. Each `from` is what spawn_source has
     * returned. */
    struct process_descriptor *moves;
    int count;
};

/* What a move may begin with: `fd`, or a copy of it if a move would overwrite
 * `fd`, close-on-exec. Returns that, or -1 with errno. The moves say already
 * which numbers of the child's they are for. */
int spawn_source(const struct spawn_spec *spec, int fd);

/* Returns the child's pid, or -1 with errno. The child begins with the default
 * action for every signal, none of them blocked, no descriptor but those that
 * the moves give it, and a session of its own. */
pid_t spawn_child(const struct spawn_spec *spec);

/* Opens a pseudo-terminal: we hold one side, and a child that opens the other
 * by its path takes it for a terminal. Sets the path, which is good until the
 * next call; NULL with errno. Returns our side, close-on-exec, or -1. */
int spawn_open_terminal(const char **path);

#endif
