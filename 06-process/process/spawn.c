/* SPDX-License-Identifier: MIT
 *
 * spawn.c - a list of what the child shall do before it is another program, for
 * posix_spawn: change directory, open the terminal, move descriptors, close
 * what it should not have.
 */
/* For posix_spawn_file_actions_addchdir_np and POSIX_SPAWN_SETSID, which POSIX
 * has since 2024 and the C libraries had before, and for pseudo-terminals. */
#define _GNU_SOURCE
#include "process/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Without a list of what is open every number below this one is tried. */
enum { OPEN_FDS_TRIED = 65536 };

/* glibc has one call for all numbers from a given one on, newer than POSIX;
 * with -DPROCESS_PORTABLE this file does without. */
#if defined(__GLIBC__) && !defined(PROCESS_PORTABLE)
#if __GLIBC_PREREQ(2, 34)
#define HAVE_CLOSEFROM
#endif
#endif

/* A C library without sessions gives the child a process group at least: then
 * one that reads /dev/tty, while we have a terminal, is stopped for ever, and
 * a terminal of its own does not control it. */
#ifndef POSIX_SPAWN_SETSID
#define POSIX_SPAWN_SETSID POSIX_SPAWN_SETPGROUP
#endif

static bool is_target(const struct spawn_spec *spec, int fd)
{
    for (int i = 0; i < spec->count; i++)
        if (spec->moves[i].child_fd == fd)
            return true;
    return false;
}

/* The first number above all targets. */
static int above_targets(const struct spawn_spec *spec)
{
    int above = 0;

    for (int i = 0; i < spec->count; i++)
        if (spec->moves[i].child_fd >= above)
            above = spec->moves[i].child_fd + 1;
    return above;
}

/* The child moves one after the other, and no move may overwrite what a later
 * one needs: with {0 from 1} and then {1 from 0} both would be our 1. Nor does
 * every dup2 of a number onto itself clear close-on-exec. So a source that is a
 * target too gives way to a copy above all targets. */
int spawn_source(const struct spawn_spec *spec, int fd)
{
    if (!is_target(spec, fd))
        return fd;
    return fcntl(fd, F_DUPFD_CLOEXEC, above_targets(spec));
}

/* Has the child close a number that exec would leave open. The functions from
 * here on return 0 or an errno, as those of posix_spawn do. */
static int close_in_child(const struct spawn_spec *spec,
                          posix_spawn_file_actions_t *actions, int fd)
{
    int flags = fcntl(fd, F_GETFD);

    if (flags < 0 || flags & FD_CLOEXEC || is_target(spec, fd))
        return 0;
    int error = posix_spawn_file_actions_addclose(actions, fd);
    /* Above the limit, which was lowered, a number cannot be named; but the
     * mark can be made up for. */
    if (error == EBADF && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
        error = 0;
    return error;
}

/* Every number below `end` is tried. */
static int close_each(const struct spawn_spec *spec,
                      posix_spawn_file_actions_t *actions, int end)
{
    int error = 0;

    for (int fd = 0; fd < end && !error; fd++)
        error = close_in_child(spec, actions, fd);
    return error;
}

/* What is open is closed in the child, whatever its number. Linux lists it.
 * Without /proc, or without a descriptor for the list, numbers are tried, and
 * not up to the limit, which may be 2^30, or none: that would hold up the loop
 * for seconds. What is above is marked by the kernel, where it can. */
static int close_listed(const struct spawn_spec *spec,
                        posix_spawn_file_actions_t *actions)
{
    DIR *list = opendir("/proc/self/fd");
    const struct dirent *entry;
    int error = 0;

    if (!list) {
#ifdef SYS_close_range /* with CLOSE_RANGE_CLOEXEC, 4 */
        syscall(SYS_close_range, OPEN_FDS_TRIED, ~0U, 4U);
#endif
        return close_each(spec, actions, OPEN_FDS_TRIED);
    }
    while (!error && (entry = readdir(list)))
        if (entry->d_name[0] != '.')
            error = close_in_child(spec, actions, atoi(entry->d_name));
    closedir(list);
    return error;
}

/* exec closes what is marked close-on-exec, and everything of ours is. What is
 * left was opened by somebody else without the mark, and would keep their
 * files, and the pipes of other children, open in this child. */
static int close_others(const struct spawn_spec *spec,
                        posix_spawn_file_actions_t *actions)
{
#ifdef HAVE_CLOSEFROM
    int above = above_targets(spec);

    if (above <= OPEN_FDS_TRIED) {
        int error = posix_spawn_file_actions_addclosefrom_np(actions, above);
        return error ? error : close_each(spec, actions, above);
    }
#endif
    return close_listed(spec, actions);
}

/* The first terminal that the leader of a session opens controls it: Control-C
 * that we write is SIGINT there, and our hang-up SIGHUP. */
static int add_move(const struct spawn_spec *spec,
                    posix_spawn_file_actions_t *actions,
                    const struct process_descriptor *move)
{
    if (spec->terminal)
        return posix_spawn_file_actions_addopen(actions, move->child_fd,
                                                spec->terminal, O_RDWR, 0);
    return posix_spawn_file_actions_adddup2(actions, move->from,
                                            move->child_fd);
}

/* In the order in which the child does them: `close_others` comes last, for the
 * sources of the moves are among what it closes. */
static int add_actions(const struct spawn_spec *spec,
                       posix_spawn_file_actions_t *actions)
{
    int error = 0;

    if (spec->path)
        error = posix_spawn_file_actions_addchdir_np(actions, spec->path);
    for (int i = 0; i < spec->count && !error; i++)
        error = add_move(spec, actions, &spec->moves[i]);
    return error ? error : close_others(spec, actions);
}

/* What we ignore (SIGPIPE, SIGXFSZ) or block is our affair: a child that
 * inherited it would not die where it should. And our terminal is ours: a child
 * in our session, but not in its foreground, that reads /dev/tty is stopped by
 * SIGTTIN, and nobody would ever continue it; in a session of its own there is
 * no /dev/tty, and to open it fails at once. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;

    /* sigfillset leaves out those that glibc has for itself, and these would
     * be ignored in the child. */
    memset(&all, 0xff, sizeof(all));
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setsigmask(attributes, &none);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSID);
}

/* A program that is not there, or must not be run, is an error of posix_spawnp:
 * the C library waits until the child has called exec, or could not. */
pid_t spawn_child(const struct spawn_spec *spec)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid;

    errno = posix_spawn_file_actions_init(&actions);
    if (errno)
        return -1;
    int error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = add_actions(spec, &actions);
        if (!error)
            error = set_attributes(&attributes);
        if (!error)
            error = posix_spawnp(&pid, spec->executable, &actions, &attributes,
                                 (char *const *)spec->arguments,
                                 (char *const *)spec->environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    errno = error;
    return error ? -1 : pid;
}

/* O_NOCTTY: or there are systems where it may become the terminal that controls
 * us. ptsname's path is static: the loop's thread alone spawns. */
int spawn_open_terminal(const char **path)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    bool ready = fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0;

    *path = ready ? ptsname(fd) : NULL;
    return fd;
}
