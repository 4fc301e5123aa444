/* SPDX-License-Identifier: MIT */
#include "process/process_descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "net/net.h"
#include "process/process_pipe.h"
#include "process/process_pty.h"

static int close_both(int one, int other)
{
    int error = errno;

    close(one);
    close(other);
    errno = error;
    return -1;
}

/* Makes a pipe: one end is ours, the other is the child's, which blocks.
 * Returns that, or -1. */
static int add_pipe(struct process *self, int number, bool writes)
{
    int ends[2];

    if (net_pipe(ends, NET_BLOCKING) < 0)
        return -1;
    int ours = ends[writes], theirs = ends[!writes];
    if (net_set_blocking(ours, false) < 0 ||
        process_pipe_add(self, number, ours, writes) < 0)
        return close_both(ours, theirs);
    return theirs;
}

/* Our side has a number for each direction, so that the one can be full and
 * the other be read. */
static int add_side(struct process *self, int number, bool writes)
{
    int fd = fcntl(self->master, F_DUPFD_CLOEXEC, 0);

    if (fd >= 0 && process_pipe_add(self, number, fd, writes) < 0)
        return close_both(fd, -1);
    return fd;
}

static int add_terminal(struct process *self, struct process_start *start)
{
    self->terminal = true;
    self->master = process_pty_open(start->terminal);
    if (self->master < 0 || add_side(self, STDIN_FILENO, true) < 0 ||
        add_side(self, STDOUT_FILENO, false) < 0)
        return -1;
    return 0;
}

/* Whether the map makes sense. */
static int check(const struct process_options *options)
{
    const struct process_descriptor *rows = options->descriptors;

    errno = EINVAL;
    if (rows && (options->use_pty || options->descriptor_count < 0 ||
                 options->descriptor_count > PROCESS_DESCRIPTORS_MAX))
        return -1;
    for (int i = 0; rows && i < options->descriptor_count; i++) {
        if (rows[i].number < 0 || rows[i].number == INT_MAX ||
            rows[i].from < PROCESS_WRITE)
            return -1;
        for (int j = 0; j < i; j++)
            if (rows[j].number == rows[i].number)
                return -1;
    }
    /* Now, for our pipes are about to take the numbers that are free. */
    for (int i = 0; rows && i < options->descriptor_count; i++)
        if (rows[i].from >= 0 && fcntl(rows[i].from, F_GETFD) < 0)
            return -1;
    return 0;
}

static int add_rows(struct process *self, struct process_start *start,
                    const struct process_descriptor *rows, int count)
{
    for (int i = 0; i < count; i++) {
        bool is_pipe = rows[i].from < 0;
        int from = is_pipe ? add_pipe(self, rows[i].number,
                                      rows[i].from == PROCESS_WRITE)
                           : rows[i].from;
        if (from < 0)
            return -1;
        start->moves[start->count++] = (struct process_move){
            .from = from, .to = rows[i].number, .is_pipe = is_pipe
        };
    }
    return 0;
}

int process_descriptors_open(struct process *process,
                             const struct process_options *options,
                             struct process_start *start)
{
    static const struct process_descriptor usual[] = {
        { STDIN_FILENO, PROCESS_WRITE },
        { STDOUT_FILENO, PROCESS_READ },
        { STDERR_FILENO, PROCESS_READ },
    };

    if (check(options) < 0)
        return -1;
    if (options->use_pty)
        return add_terminal(process, start);
    if (!options->descriptors)
        return add_rows(process, start, usual, 3);
    return add_rows(process, start, options->descriptors,
                    options->descriptor_count);
}

void process_descriptors_close(const struct process_start *start)
{
    int error = errno;

    for (int i = 0; i < start->count; i++)
        if (start->moves[i].is_pipe)
            close(start->moves[i].from);
    errno = error;
}
