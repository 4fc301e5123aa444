/* SPDX-License-Identifier: MIT
 *
 * process_parts.h - what a process is made of. For process.c, which has its
 * life, process_transport.c, which lets programs in, process_pipe.c and
 * process_reap.c; nobody else looks inside.
 */
#ifndef PROCESS_PARTS_H
#define PROCESS_PARTS_H

#include "process/process.h"

struct process {
    struct process_protocol *protocol;
    struct reactor *reactor;
    struct process *next;       /* among the children that live */
    struct process_pipe *pipes; /* those that are open */
    enum { PROCESS_ALIVE, PROCESS_REAPED, PROCESS_ABANDONED } state;
    pid_t pid;     /* 0 unless it lives */
    int status;    /* what waitpid said */
    bool terminal; /* its pipes, 0 and 1, are the two sides of one */
    bool hangs_up; /* and that is to be closed */
    int master;    /* our side, kept open while the child lives: one that has
                      closed its own and goes on is not to be killed; or -1 */
};

/* waitpid has said `status`. Calls process_exited, and perhaps the end. */
void process_reaped(struct process *process, int status);

/* Nobody will ever reap it: the loop is being freed. */
void process_abandon(struct process *process);

/* Closes our side of its terminal, if it has one. */
void process_hang_up(struct process *process);

/* Bytes have come from a pipe; one that is out of the list was lost. */
void process_child_data_received(struct process *process, int number,
                                 const char *data, size_t length);
void process_child_connection_lost(struct process *process, int number);

#endif
