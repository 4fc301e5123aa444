/* SPDX-License-Identifier: MIT
 *
 * process.c - the life of a process: how it starts, what is heard, its end.
 */
#include "process/process.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "process/process_descriptors.h"
#include "process/process_pipe.h"
#include "process/process_reap.h"
#include "reactor/trace.h"

extern char **environ;

void process_child_data_received(struct process *self, int number,
                                 const char *data, size_t length)
{
    struct process_protocol *protocol = self->protocol;
    const struct process_protocol_class *class = protocol->class;

    trace("  %s: %zu bytes from %d of its child", class->name, length, number);
    if (number == STDOUT_FILENO && class->out_received)
        class->out_received(protocol, data, length);
    else if (number == STDERR_FILENO && class->err_received)
        class->err_received(protocol, data, length);
    else if (class->child_data_received)
        class->child_data_received(protocol, number, data, length);
}

static void tell_lost(struct process_protocol *protocol, int number)
{
    const struct process_protocol_class *class = protocol->class;

    if (number == STDIN_FILENO && class->in_connection_lost)
        class->in_connection_lost(protocol);
    else if (number == STDOUT_FILENO && class->out_connection_lost)
        class->out_connection_lost(protocol);
    else if (number == STDERR_FILENO && class->err_connection_lost)
        class->err_connection_lost(protocol);
    else if (class->child_connection_lost)
        class->child_connection_lost(protocol, number);
}

static struct failure reason_of(const struct process *self)
{
    struct failure reason = { &ProcessTerminated, self->status, NULL };

    if (process_exit_code(reason) == 0)
        reason.type = &ProcessDone;
    return reason;
}

void process_hang_up(struct process *self)
{
    if (self->master >= 0)
        close(self->master);
    self->master = -1;
}

/* It ends when it is reaped and no pipe is open, whichever comes last. */
static void end_if_over(struct process *self)
{
    struct process_protocol *protocol = self->protocol;

    if (self->state == PROCESS_ALIVE || self->pipes)
        return;
    if (self->state == PROCESS_REAPED && protocol->class->process_ended)
        protocol->class->process_ended(protocol, reason_of(self));
    process_hang_up(self);
    free(protocol);
    free(self);
}

/* One side of the terminal is lost: when the child has closed it, nobody will
 * read what we write; when it is we who hang up, all has been written. */
static void end_terminal(struct process *self)
{
    struct process_pipe *other = self->pipes;

    if (other && (other->writes || self->hangs_up))
        transport_abort_connection(other->base.transport);
    if (!other && self->hangs_up)
        process_hang_up(self);
}

void process_child_connection_lost(struct process *self, int number)
{
    if (self->terminal)
        end_terminal(self);
    tell_lost(self->protocol, number);
    end_if_over(self);
}

void process_reaped(struct process *self, int status)
{
    struct process_protocol *protocol = self->protocol;

    self->state = PROCESS_REAPED;
    self->pid = 0;
    self->status = status;
    process_hang_up(self);
    if (self->terminal && self->pipes && self->pipes->writes)
        transport_abort_connection(self->pipes->base.transport);
    if (protocol->class->process_exited)
        protocol->class->process_exited(protocol, reason_of(self));
    end_if_over(self);
}

void process_abandon(struct process *self)
{
    self->state = PROCESS_ABANDONED;
    self->pid = 0;
    end_if_over(self);
}

static struct process *process_new(struct reactor *reactor,
                                   const struct process_protocol_class *class)
{
    struct process *self = calloc(1, sizeof(*self));
    struct process_protocol *protocol = self ? calloc(1, class->size) : NULL;

    if (!protocol) {
        free(self);
        errno = ENOMEM;
        return NULL;
    }
    protocol->class = class;
    protocol->transport = self;
    self->protocol = protocol;
    self->reactor = reactor;
    self->master = -1;
    return self;
}

/* It has never begun. Keeps errno. */
static struct process *discard(struct process *self)
{
    int error = errno;

    while (self->pipes)
        process_pipe_discard(self->pipes);
    process_hang_up(self);
    free(self->protocol);
    free(self);
    errno = error;
    return NULL;
}

static int start(struct process *self, const char *executable,
                 const struct process_options *options)
{
    const char *const name_alone[] = { executable, NULL };
    const char *const nothing[] = { NULL };
    struct process_start start = {
        .executable = executable,
        .arguments = options->arguments ? options->arguments : name_alone,
        .environment = options->environment ? options->environment : nothing,
        .path = options->path,
        .own_group = options->own_group,
    };

    if (options->parent_environment)
        start.environment = (const char *const *)environ;
    if (process_descriptors_open(self, options, &start) == 0)
        self->pid = process_spawn(&start);
    process_descriptors_close(&start);
    return self->pid > 0 ? 0 : -1;
}

struct process *reactor_spawn_process(
    struct reactor *reactor, const struct process_protocol_class *class,
    const char *executable, const struct process_options *options)
{
    static const struct process_options usual = { 0 };
    struct process *self = NULL;

    if (!options)
        options = &usual;
    if (process_reap_start(reactor) == 0)
        self = process_new(reactor, class);
    if (!self)
        return NULL;
    if (start(self, executable, options) < 0)
        return discard(self);
    trace("  spawn_process: %s %s is %d", class->name, executable,
          (int)self->pid);
    process_reap_add(self);
    for (struct process_pipe *pipe = self->pipes; pipe; pipe = pipe->next)
        process_pipe_start(pipe);
    self->protocol->owner = options->owner;
    if (class->connection_made)
        class->connection_made(self->protocol);
    return self;
}
