/* SPDX-License-Identifier: MIT
 *
 * process_pipe.h - our end of one of a child's pipes: a connection, and the
 * protocol that hands on to the process what the connection hears.
 *
 * The process has the list of its pipes; a pipe leaves it when it is lost,
 * and is freed by the connection.
 */
#ifndef PROCESS_PIPE_H
#define PROCESS_PIPE_H

#include "process/process_parts.h"
#include "stream/connection.h"

struct process_pipe {
    struct protocol base;
    struct connection *connection;
    struct process *process;
    struct process_pipe *next;
    int number;                    /* the child's */
    bool writes;                   /* we do */
    struct descriptor_class class; /* of the connection, if we write */
};

/* Adds a pipe over `fd`, which does not block, to the process; `fd` is the
 * pipe's then. Returns 0, or -1 with ENOMEM. */
int process_pipe_add(struct process *process, int number, int fd, bool writes);

/* The loop has it from then on; before that it can only be discarded. */
void process_pipe_start(struct process_pipe *pipe);
void process_pipe_discard(struct process_pipe *pipe);

/* Ends it: at once if we read, after what is queued if we write. */
void process_pipe_close(struct process_pipe *pipe);

struct process_pipe *process_pipe_find(const struct process *process,
                                       int number);

#endif
