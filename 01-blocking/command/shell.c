/* SPDX-License-Identifier: MIT */
/* For POSIX_SPAWN_SETSID: POSIX has it since 2024, the C libraries longer. */
#define _GNU_SOURCE
#include "command/shell.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

/* Done in the child, in this order. Its ends of the pipes are close-on-exec, as
 * all our descriptors are; the copies that dup2 makes are not. */
static int set_files(posix_spawn_file_actions_t *actions, int out, int err)
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
                                                 "/dev/null", O_RDONLY, 0);

    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
    return error;
}

/* A child inherits which signals are ignored and which are blocked: it gets
 * none of either. We end it by its process group. Were that a group of our own
 * terminal's session, it would be in the background there: who reads /dev/tty
 * in the background is stopped (SIGTTIN) until somebody types `fg`. A session
 * of its own has no terminal, and /dev/tty cannot be opened. */
static void set_attributes(posix_spawnattr_t *attributes)
{
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t all, none;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setsigmask(attributes, &none);
#ifdef POSIX_SPAWN_SETSID
    flags |= POSIX_SPAWN_SETSID; /* it leads its group as well */
#else
    flags |= POSIX_SPAWN_SETPGROUP; /* it can be stopped by its terminal */
    posix_spawnattr_setpgroup(attributes, 0);
#endif
    posix_spawnattr_setflags(attributes, flags);
}

/* posix_spawn and not fork: this process has threads, and a copy of it would
 * have their locks, held by nobody who could let them go. */
int shell_spawn(pid_t *pid, char *line, int out, int err)
{
    char *const arguments[] = { "sh", "-c", "--", line, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        set_attributes(&attributes);
        error = set_files(&actions, out, err);
        if (!error)
            error = posix_spawn(pid, "/bin/sh", &actions, &attributes,
                                arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}
