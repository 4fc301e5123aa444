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

/* Descriptor `from` of ours is `to` in the child. */
struct spawn_move {
    int from;
    int to;
    int source; /* `from`, or a copy of it: spawn_child's own */
};

struct spawn_spec {
    const char *executable; /* with a slash a path, or a name of our PATH */
    const char *const *arguments, *const *environment;
    const char *path;         /* its working directory; NULL: ours */
    const char *terminal;     /* for its 0, 1 and 2; NULL: it has none */
    struct spawn_move *moves; /* the caller's, `count` of them */
    int count;
};

/* Returns the child's pid, or -1 with errno. The child begins with the default
 * action for every signal, none of them blocked, no descriptor but those that
 * the moves or the terminal give it, and a session of its own. */
int spawn_child(struct spawn_spec *spec);

/* Opens a pseudo-terminal: we hold one side, and a child that opens the other
 * by its path takes it for a terminal. Writes that path, SPAWN_TERMINAL_MAX
 * bytes. Returns our side, close-on-exec, or -1 with errno. */
enum { SPAWN_TERMINAL_MAX = 64 };
int spawn_open_terminal(char *path);

#endif
