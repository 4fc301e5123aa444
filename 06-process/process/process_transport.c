/* SPDX-License-Identifier: MIT
 *
 * process_transport.c - what a program does with a process: it writes to it,
 * closes its pipes, makes it wait, sends it signals.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "process/process_pipe.h"

struct transport *process_get_transport(const struct process *process,
                                        int number)
{
    const struct process_pipe *pipe = process_pipe_find(process, number);

    return pipe ? pipe->base.transport : NULL;
}

struct process_protocol *process_get_protocol(const struct process *process)
{
    return process->protocol;
}

int process_write_to_child(struct process *process, int number,
                           const void *data, size_t length)
{
    const struct process_pipe *pipe = process_pipe_find(process, number);

    if (!pipe || !pipe->writes) {
        errno = EBADF;
        return -1;
    }
    transport_write(pipe->base.transport, data, length);
    return 0;
}

void process_write(struct process *process, const void *data, size_t length)
{
    process_write_to_child(process, STDIN_FILENO, data, length);
}

/* The two sides of a terminal end together, and not by this. */
void process_close_child_fd(struct process *process, int number)
{
    struct process_pipe *pipe = process_pipe_find(process, number);

    if (pipe && !process->terminal)
        process_pipe_close(pipe);
}

void process_close_stdin(struct process *process)
{
    process_close_child_fd(process, STDIN_FILENO);
}

void process_close_stdout(struct process *process)
{
    process_close_child_fd(process, STDOUT_FILENO);
}

void process_close_stderr(struct process *process)
{
    process_close_child_fd(process, STDERR_FILENO);
}

void process_lose_connection(struct process *process)
{
    struct process_pipe *pipe = process->pipes;

    process->hangs_up = process->terminal;
    if (!pipe)
        process_hang_up(process);
    for (; pipe; pipe = pipe->next) {
        process_pipe_close(pipe);
        /* The first is the side that we write, and may have something to
         * finish; the other follows it. */
        if (process->terminal)
            return;
    }
}

void process_pause_producing(struct process *process)
{
    struct process_pipe *pipe = process->pipes;

    for (; pipe; pipe = pipe->next)
        if (!pipe->writes)
            transport_pause_producing(pipe->base.transport);
}

void process_resume_producing(struct process *process)
{
    struct process_pipe *pipe = process->pipes;

    for (; pipe; pipe = pipe->next)
        if (!pipe->writes)
            transport_resume_producing(pipe->base.transport);
}

int process_register_producer(struct process *process,
                              struct producer *producer, bool streaming)
{
    struct process_pipe *pipe = process_pipe_find(process, STDIN_FILENO);

    if (pipe && pipe->writes)
        return transport_register_producer(pipe->base.transport, producer,
                                           streaming);
    producer->stop_producing(producer);
    return 0;
}

void process_unregister_producer(struct process *process)
{
    struct process_pipe *pipe = process_pipe_find(process, STDIN_FILENO);

    if (pipe && pipe->writes)
        transport_unregister_producer(pipe->base.transport);
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

int process_signal_number(struct process *process, int signal)
{
    if (process->pid > 0)
        return kill(process->pid, signal);
    errno = ESRCH; /* the number may be another's by now */
    return -1;
}

int process_signal(struct process *process, const char *name)
{
    static const struct {
        const char *name;
        int signal;
    } known[] = {
        { "HUP", SIGHUP },   { "STOP", SIGSTOP }, { "INT", SIGINT },
        { "KILL", SIGKILL }, { "TERM", SIGTERM },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!strcmp(known[i].name, name))
            return process_signal_number(process, known[i].signal);
    errno = EINVAL;
    return -1;
}
