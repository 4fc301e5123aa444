/* SPDX-License-Identifier: MIT */
#include "process/process_pipe.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* Twisted logs what processes do under nobody's name. */
static const struct log_system nobody = { NULL, NULL };

static void data_received(struct protocol *base, const char *data,
                          size_t length)
{
    struct process_pipe *self = (struct process_pipe *)base;
    struct log_system before = log_enter(nobody);

    process_child_data_received(self->process, self->number, data, length);
    log_enter(before);
}

static void unlink_from_process(struct process_pipe *self)
{
    struct process_pipe **link = &self->process->pipes;

    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    struct process_pipe *self = (struct process_pipe *)base;
    struct log_system before = log_enter(nobody);

    (void)reason; /* Twisted's protocols do not hear it either */
    unlink_from_process(self);
    process_child_connection_lost(self->process, self->number);
    log_enter(before);
}

static const struct protocol_class ProcessReader = {
    .name = "ProcessReader",
    .size = sizeof(struct process_pipe),
    .data_received = data_received,
    .connection_lost = connection_lost,
};

static const struct protocol_class ProcessWriter = {
    .name = "ProcessWriter",
    .size = sizeof(struct process_pipe),
    .connection_lost = connection_lost,
};

/* A pipe that we write becomes readable when nobody is left to read it: an
 * error is pending, and the pollers report it to whoever reads. To call read
 * would be no help: it may not be read. */
static int reader_has_gone(struct descriptor *base)
{
    (void)base;
    return EPIPE;
}

/* A terminal that the child has closed takes nothing more, and the pollers
 * report that it has hung up all the time. */
static int write_to_terminal(struct descriptor *base)
{
    const struct buffer *output = &((struct connection *)base)->output;
    struct pollfd hung_up = { .fd = base->fd };
    size_t before = buffer_length(output);
    int result = connection_do_write(base);

    if (result == REASON_NONE && before > 0 &&
        buffer_length(output) == before && poll(&hung_up, 1, 0) > 0)
        return EIO;
    return result;
}

int process_pipe_add(struct process *process, int number, int fd, bool writes)
{
    struct process_pipe **link = &process->pipes;
    struct protocol *base =
        protocol_new(writes ? &ProcessWriter : &ProcessReader);
    struct process_pipe *self = (struct process_pipe *)base;
    struct connection *connection =
        base ? connection_new(process->reactor, fd, NULL) : NULL;

    if (!connection) {
        free(self);
        errno = ENOMEM;
        return -1;
    }
    connection->number = -1; /* no port has counted it */
    self->connection = connection;
    self->process = process;
    self->number = number;
    self->writes = writes;
    while (*link)
        link = &(*link)->next;
    *link = self;
    return 0;
}

/* A connection reads, and so hears of the end. One that we write is watched
 * for reading as well, but has a class of its own, that of any connection but
 * for do_read. A terminal is readable when the child has written: its end is
 * heard of where it is read, so this side is not. */
void process_pipe_start(struct process_pipe *self)
{
    struct connection *connection = self->connection;

    connection_start(connection, &self->base);
    if (!self->writes)
        return;
    self->class = *connection->base.class;
    self->class.name = "ProcessWriter";
    self->class.do_read = reader_has_gone;
    connection->base.class = &self->class;
    if (self->process->terminal) {
        self->class.do_write = write_to_terminal;
        transport_pause_producing(&connection->transport);
    }
}

void process_pipe_discard(struct process_pipe *self)
{
    unlink_from_process(self);
    close(self->connection->base.fd);
    free(self->connection);
    free(self);
}

void process_pipe_close(struct process_pipe *self)
{
    if (self->writes)
        transport_lose_connection(&self->connection->transport);
    else
        transport_abort_connection(&self->connection->transport);
}

struct process_pipe *process_pipe_find(const struct process *process,
                                       int number)
{
    struct process_pipe *pipe = process->pipes;

    while (pipe && pipe->number != number)
        pipe = pipe->next;
    return pipe;
}
