/* SPDX-License-Identifier: MIT */
/* For posix_spawn_file_actions_addchdir_np and POSIX_SPAWN_SETSID: POSIX has
 * them since 2024, the C libraries had them before. */
#define _GNU_SOURCE
#include "process/process_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "process/process_files.h"

struct spawning {
    const struct process_start *start;
    posix_spawn_file_actions_t actions; /* done in the child, in this order */
    posix_spawnattr_t attributes;
};

/* glibc has one call for all numbers from a given one on, newer than POSIX;
 * with -DPROCESS_PORTABLE this file does without. */
#if defined(__GLIBC__) && !defined(PROCESS_PORTABLE)
#if __GLIBC_PREREQ(2, 34)
#define HAVE_CLOSEFROM
#endif
#endif

static bool is_target(const struct process_start *start, int fd)
{
    if (start->terminal[0] && fd <= STDERR_FILENO)
        return true;
    for (int i = 0; i < start->count; i++)
        if (start->moves[i].to == fd)
            return true;
    return false;
}

/* The first number above all targets. */
static int above_targets(const struct process_start *start)
{
    int above = start->terminal[0] ? STDERR_FILENO + 1 : 0;

    for (int i = 0; i < start->count; i++)
        if (start->moves[i].to >= above)
            above = start->moves[i].to + 1;
    return above;
}

/* The child moves one after the other, and no move may overwrite what a later
 * one needs; nor does every dup2 of a number onto itself clear close-on-exec.
 * So a source that is a target too is first copied to above all targets. */
static int copy_away(struct process_start *start)
{
    int above = above_targets(start);

    for (int i = 0; i < start->count; i++)
        start->moves[i].source = start->moves[i].from;
    for (int i = 0; i < start->count; i++) {
        struct process_move *move = &start->moves[i];
        if (!is_target(start, move->from))
            continue;
        move->source = fcntl(move->from, F_DUPFD_CLOEXEC, above);
        if (move->source < 0)
            return errno;
    }
    return 0;
}

static void close_copies(const struct process_start *start)
{
    for (int i = 0; i < start->count; i++) {
        const struct process_move *move = &start->moves[i];
        if (move->source != move->from && move->source >= 0)
            close(move->source);
    }
}

static int close_in_child(void *argument, int fd)
{
    struct spawning *self = argument;

    if (is_target(self->start, fd))
        return 0;
    int error = posix_spawn_file_actions_addclose(&self->actions, fd);
    /* Above the limit, which was lowered, a number cannot be named; but the
     * mark can be made up for. */
    if (error == EBADF && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
        error = 0;
    return error;
}

/* exec closes what is marked so. The rest, which somebody has opened without
 * the mark, would keep pipes of other children open. */
static int close_others(struct spawning *self)
{
    int end = -1, error = 0;

#ifdef HAVE_CLOSEFROM
    end = above_targets(self->start);
    error = posix_spawn_file_actions_addclosefrom_np(&self->actions, end);
#endif
    return error ? error : process_files_each(end, close_in_child, self);
}

/* The first terminal that the leader of a session opens controls it. */
static int add_terminal(posix_spawn_file_actions_t *actions, const char *path)
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, path,
                                                 O_RDWR, 0);

    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, STDIN_FILENO,
                                                 STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, STDIN_FILENO,
                                                 STDERR_FILENO);
    return error;
}

static int add_actions(struct spawning *self)
{
    const struct process_start *start = self->start;
    int error = 0;

    if (start->path)
        error =
            posix_spawn_file_actions_addchdir_np(&self->actions, start->path);
    if (!error && start->terminal[0])
        error = add_terminal(&self->actions, start->terminal);
    for (int i = 0; i < start->count && !error; i++)
        error = posix_spawn_file_actions_adddup2(
            &self->actions, start->moves[i].source, start->moves[i].to);
    return error ? error : close_others(self);
}

/* What we ignore or block is our affair: the child begins with the defaults
 * and an empty mask. */
static int set_attributes(struct spawning *self)
{
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t all, none;

    if (self->start->terminal[0])
        flags |= POSIX_SPAWN_SETSID;
    else if (self->start->own_group)
        flags |= POSIX_SPAWN_SETPGROUP;
    /* sigfillset leaves out those that glibc has for itself, and these would
     * be ignored in the child. */
    memset(&all, 0xff, sizeof(all));
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&self->attributes, &all);
    posix_spawnattr_setsigmask(&self->attributes, &none);
    return posix_spawnattr_setflags(&self->attributes, flags);
}

static int spawn(struct process_start *start, pid_t *pid)
{
    struct spawning self = { .start = start };
    int error = posix_spawn_file_actions_init(&self.actions);

    if (error)
        return error;
    error = posix_spawnattr_init(&self.attributes);
    if (!error) {
        error = add_actions(&self);
        if (!error)
            error = set_attributes(&self);
        if (!error)
            error =
                posix_spawnp(pid, start->executable, &self.actions,
                             &self.attributes, (char *const *)start->arguments,
                             (char *const *)start->environment);
        posix_spawnattr_destroy(&self.attributes);
    }
    posix_spawn_file_actions_destroy(&self.actions);
    return error;
}

pid_t process_spawn(struct process_start *start)
{
    pid_t pid = -1;
    int error = copy_away(start);

    if (!error)
        error = spawn(start, &pid);
    close_copies(start);
    errno = error;
    return error ? -1 : pid;
}
