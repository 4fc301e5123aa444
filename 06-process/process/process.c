/* SPDX-License-Identifier: MIT
 *
 * process.c - the life of a child, from reactor_spawn_process to its end.
 *
 * Once it is spawned three things happen to it, in any order: a pipe brings
 * bytes (pipe_data_received), a pipe ends (pipe_connection_lost), the child
 * ends (reap_children). The last of the ends frees it (end_if_over).
 */
#include "process/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net.h"
#include "process/spawn.h"
#include "reactor/trace.h"
#include "stream/connection.h"

extern char **environ;

struct process {
    _Alignas(max_align_t) struct reactor *reactor;
    struct process_protocol *protocol; /* behind this, in the same memory */
    struct process *next;              /* among the children that live */
    struct process_pipe *pipes;        /* those that are open */
    pid_t pid;                         /* 0 once it is reaped */
    int status;                        /* what waitpid said */
    bool terminal; /* its pipes, 0 and 1, are the two sides of one */
    int master;    /* our side, kept open: a child that has closed its own and
                      goes on is not to be killed; -1: it has no terminal, or
                      process_lose_connection has come */
};

/* Our end of one of its pipes: a connection, and the protocol that hands on to
 * the process what the connection hears. The process has the list; a pipe
 * leaves it when it is lost, and is freed by the connection. */
struct process_pipe {
    struct protocol base;
    struct connection *connection;
    struct process *process;
    struct process_pipe *next;
    int child_fd;
    bool writes; /* we do */
};

/* --- how it has ended, in numbers and in words --- */

const struct failure_type ProcessDone = {
    "ProcessDone", "A process has ended without apparent errors", false
};
const struct failure_type ProcessTerminated = {
    "ProcessTerminated", "A process has ended with a probable error condition",
    false
};

/* The number of these reasons is a status of waitpid's, and not an errno as in
 * other failures. PROCESS_STATUS_UNKNOWN is neither an exit nor a signal. */
int process_exit_code(struct failure reason)
{
    return WIFEXITED(reason.number) ? WEXITSTATUS(reason.number) : -1;
}

int process_exit_signal(struct failure reason)
{
    return WIFSIGNALED(reason.number) ? WTERMSIG(reason.number) : 0;
}

/* In Twisted's words, to the full stop. */
const char *process_reason_text(struct failure reason, char *text)
{
    size_t size = FAILURE_TEXT_MAX;
    const char *what = reason.type->text;
    int code = process_exit_code(reason);
    int signal = process_exit_signal(reason);

    if (code >= 0)
        snprintf(text, size, "%s: process %s with exit code %d.", what,
                 code > 0 ? "ended" : "finished", code);
    else if (signal > 0)
        snprintf(text, size, "%s: process ended by signal %d.", what, signal);
    else
        snprintf(text, size, "%s: process ended.", what);
    return text;
}

/* POSIX: the status is 0 for the exit code 0, and for nothing else. */
static struct failure process_reason(const struct process *self)
{
    return (struct failure){ self->status == 0 ? &ProcessDone
                                               : &ProcessTerminated,
                             self->status, NULL };
}

/* --- its end --- */

/* One number of its terminal the less. When the two that are read and written
 * are closed as well, who is left in the child's session hears SIGHUP. */
static void hang_up(struct process *self)
{
    if (self->master >= 0)
        close(self->master);
    self->master = -1;
}

static void process_free(struct process *self)
{
    hang_up(self);
    free(self);
}

/* It is over when it is reaped and no pipe is open, whichever comes last. A
 * child that has exited may have left output in its pipes, and children of its
 * own that go on writing to them; one that has closed its pipes may live on.
 * Frees the process: nobody may touch it after this call. */
static void end_if_over(struct process *self)
{
    struct process_protocol *protocol = self->protocol;

    if (self->pid > 0 || self->pipes)
        return;
    trace("  %s: process_ended", protocol->class->name);
    if (protocol->class->process_ended)
        protocol->class->process_ended(protocol, process_reason(self));
    process_free(self);
}

/* --- its pipes --- */

/* The child has written; from the connection's do_read. Which callback hears it
 * is a matter of the number under which the child knows the pipe. Whatever it
 * does, the process is not freed in here: this pipe is still in its list. */
static void pipe_data_received(struct protocol *base, const char *data,
                               size_t length)
{
    int child_fd = ((struct process_pipe *)base)->child_fd;
    struct process_protocol *protocol =
        ((struct process_pipe *)base)->process->protocol;
    const struct process_protocol_class *class = protocol->class;

    trace("  %s: %zu bytes from %d of its child", class->name, length,
          child_fd);
    if (child_fd == STDOUT_FILENO && class->out_received)
        class->out_received(protocol, data, length);
    else if (child_fd == STDERR_FILENO && class->err_received)
        class->err_received(protocol, data, length);
    else if (class->child_data_received)
        class->child_data_received(protocol, child_fd, data, length);
}

/* The same for the end of a pipe. */
static void notify_pipe_lost(struct process_protocol *protocol, int child_fd)
{
    const struct process_protocol_class *class = protocol->class;

    if (child_fd == STDIN_FILENO && class->in_connection_lost)
        class->in_connection_lost(protocol);
    else if (child_fd == STDOUT_FILENO && class->out_connection_lost)
        class->out_connection_lost(protocol);
    else if (child_fd == STDERR_FILENO && class->err_connection_lost)
        class->err_connection_lost(protocol);
    else if (class->child_connection_lost)
        class->child_connection_lost(protocol, child_fd);
}

/* It leaves the list first: the callback may look for it, and the last to go
 * ends the process. The connection frees it, later. */
static void pipe_connection_lost(struct protocol *base, struct failure reason)
{
    struct process_pipe *self = (struct process_pipe *)base;
    struct process *process = self->process;
    struct process_pipe **link = &process->pipes, *other;

    (void)reason; /* Twisted's protocols do not hear it either */
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    other = process->pipes;
    /* One side of a terminal: when the child has closed it, nobody will read
     * what we write; when it is we who hang up, all has been written, and the
     * other side is the last that holds it. */
    if (process->terminal && other && (other->writes || process->master < 0))
        transport_abort_connection(other->base.transport);
    notify_pipe_lost(process->protocol, self->child_fd);
    end_if_over(process);
}

/* Bytes only ever come out of one that we read. */
static const struct protocol_class ProcessPipe = {
    .name = "ProcessPipe",
    .size = sizeof(struct process_pipe),
    .data_received = pipe_data_received,
    .connection_lost = pipe_connection_lost,
};

/* A pipe that we write becomes readable when nobody is left to read it: an
 * error is pending, and the pollers report it to whoever reads. So it is
 * watched for reading although there is nothing to read, or we would hear that
 * the child has closed its input only when we write to it. */
static int writer_do_read(struct descriptor *base)
{
    (void)base;
    return EPIPE;
}

/* A terminal that the child has closed takes nothing more, and the pollers
 * report that it has hung up all the time: without this look the loop would
 * spin on a write that never succeeds. (A pipe fails with EPIPE by itself.) */
static int writer_do_write(struct descriptor *base)
{
    const struct transport *transport =
        connection_transport((struct connection *)base);
    struct pollfd hung_up = { .fd = base->fd };
    size_t before = transport_queued(transport);
    int result = connection_do_write(base);

    if (result == REASON_NONE && before > 0 &&
        transport_queued(transport) == before && poll(&hung_up, 1, 0) > 0)
        return EIO;
    return result;
}

/* Connections in all but these: no `describe`, for what children say is logged
 * under nobody's name, as Twisted does it; and the two functions above. */
static const struct descriptor_class ProcessReader = {
    .name = "ProcessReader",
    .do_read = connection_do_read,
    .do_write = connection_do_write,
    .connection_lost = connection_connection_lost,
    .dispose = connection_dispose,
};
static const struct descriptor_class ProcessWriter = {
    .name = "ProcessWriter",
    .do_read = writer_do_read,
    .do_write = writer_do_write,
    .connection_lost = connection_connection_lost,
    .dispose = connection_dispose,
};

/* Adds a pipe over `fd`, which is the pipe's from now on, and closed if that
 * fails. It must not block us, whatever the child does with the other end. The
 * connection gets no peer's address: so it calls read and write, for recv and
 * send know sockets alone. The loop has the pipe from pipe_start on; before
 * that it can only be discarded. Returns 0, or -1 with errno. */
static int pipe_add(struct process *process, int child_fd, int fd, bool writes)
{
    struct process_pipe **link = &process->pipes;
    struct process_pipe *self =
        (struct process_pipe *)protocol_new(&ProcessPipe);
    struct connection *connection =
        self && net_set_blocking(fd, false) == 0
            ? connection_new(process->reactor, fd, NULL)
            : NULL;

    if (!connection) {
        free(self);
        close(fd);
        errno = ENOMEM;
        return -1;
    }
    self->connection = connection;
    self->process = process;
    self->child_fd = child_fd;
    self->writes = writes;
    /* At the end: the first pipe of a terminal is the one that we write. */
    while (*link)
        link = &(*link)->next;
    *link = self;
    return 0;
}

/* A terminal is readable when the child has written: its end is heard of where
 * it is read, so the side that we write is not watched for it. */
static void pipe_start(struct process_pipe *self)
{
    struct connection *connection = self->connection;

    connection_start(connection, &self->base);
    connection_set_class(connection,
                         self->writes ? &ProcessWriter : &ProcessReader);
    if (self->writes && self->process->terminal)
        transport_pause_producing(self->base.transport);
}

/* What is queued for the child goes first; what it says is not wanted. */
static void pipe_close(struct process_pipe *self)
{
    if (self->writes)
        transport_lose_connection(self->base.transport);
    else
        transport_abort_connection(self->base.transport);
}

/* NULL when it was never there, or is lost. One that is being closed is found
 * until its connection_lost has come. */
static struct process_pipe *find_pipe(const struct process *self, int child_fd)
{
    struct process_pipe *pipe = self->pipes;

    while (pipe && pipe->child_fd != child_fd)
        pipe = pipe->next;
    return pipe;
}

/* --- reaping --- */

/* The children of a loop, which hang on it. A program has one handler of
 * SIGCHLD, so one loop at a time can have any: whose children a signal is about
 * only waitpid can tell. */
struct reaper {
    struct attachment attachment;
    struct process *living;
};
static const char reaper_key;

/* waitpid has said `status`. */
static void process_reaped(struct process *self, int status)
{
    struct process_protocol *protocol = self->protocol;

    trace("  reaped %d, status 0x%x", (int)self->pid, (unsigned)status);
    self->pid = 0; /* another program may have it from now on */
    self->status = status;
    /* Nobody is left to read what we write to its terminal, and no end of the
     * stream would tell; what it has written is still to be read. */
    if (self->terminal && self->pipes && self->pipes->writes)
        transport_abort_connection(self->pipes->base.transport);
    trace("  %s: process_exited", protocol->class->name);
    if (protocol->class->process_exited)
        protocol->class->process_exited(protocol, process_reason(self));
    end_if_over(self);
}

/* SIGCHLD has come. One signal may stand for many children, so each that lives
 * is asked about. Never waitpid(-1): it would take the status of children that
 * the program has started in another way, which somebody else waits for. */
static void reap_children(void *argument)
{
    struct process **link = &((struct reaper *)argument)->living, *process;

    while ((process = *link)) {
        int status = PROCESS_STATUS_UNKNOWN;
        /* An error is ECHILD: somebody else did take it. */
        if (waitpid(process->pid, &status, WNOHANG) == 0) {
            link = &process->next;
            continue;
        }
        struct process *next = process->next;
        *link = next; /* first: it may be freed, and others added */
        process_reaped(process, status);
        while (*link != next) /* the new ones have a signal of their own */
            link = &(*link)->next;
    }
}

/* The loop is freed, and has lost the pipes of all children before this: nobody
 * will ever reap those that live, so their process_ended never comes. */
static void reaper_free(struct attachment *attachment)
{
    struct reaper *self = (struct reaper *)attachment;
    struct process *process;

    while ((process = self->living)) {
        self->living = process->next;
        process_free(process);
    }
    free(self);
}

/* Takes SIGCHLD before the first child can die: a signal that came earlier
 * would be lost, and a child that nobody asks about is never reaped. NULL with
 * errno: EBUSY when another loop has children. */
static struct reaper *reaper_of(struct reactor *reactor)
{
    struct reaper *self =
        (struct reaper *)reactor_attached(reactor, &reaper_key);

    if (self)
        return self;
    self = calloc(1, sizeof(*self));
    if (!self || reactor_on_signal(reactor, SIGCHLD, reap_children, self) < 0) {
        free(self);
        return NULL;
    }
    self->attachment.free = reaper_free;
    reactor_attach(reactor, &self->attachment, &reaper_key);
    return self;
}

/* --- from the options to a child --- */

/* Makes a pipe: one end is ours, the other is the child's, and blocks, for
 * programs expect that of their standard output; the flag belongs to an end,
 * not to both. Returns the child's end, or -1 with errno. */
static int open_pipe(struct process *self, int child_fd, bool writes)
{
    int ends[2];

    if (net_pipe(ends, NET_BLOCKING) < 0)
        return -1;
    if (pipe_add(self, child_fd, ends[writes], writes) == 0)
        return ends[!writes];
    close(ends[!writes]);
    return -1;
}

/* Our side has a number for each direction, so that the one can be full and
 * the other be read: a child that echoes would wait for us, and we for it. */
static int open_side(struct process *self, int child_fd, bool writes)
{
    int fd = fcntl(self->master, F_DUPFD_CLOEXEC, 0);

    return fd < 0 ? -1 : pipe_add(self, child_fd, fd, writes);
}

/* All that has been opened hangs on the process, so who fails leaves it to
 * process_discard. */
static int open_terminal(struct process *self, const char **path)
{
    self->terminal = true;
    self->master = spawn_open_terminal(path);
    if (!*path || open_side(self, STDIN_FILENO, true) < 0 ||
        open_side(self, STDOUT_FILENO, false) < 0)
        return -1;
    return 0;
}

/* Whether the map makes sense: no number twice, every number of ours open. That
 * has to be asked now, for our pipes are about to take the free numbers. */
static int check_map(const struct process_descriptor *rows, int count)
{
    errno = EINVAL;
    if (count < 0 || count > PROCESS_DESCRIPTORS_MAX)
        return -1;
    for (int i = 0; i < count; i++) {
        /* INT_MAX: there is no number above it for the copies of spawn.c. */
        if (rows[i].child_fd < 0 || rows[i].child_fd == INT_MAX ||
            rows[i].from < PROCESS_WRITE)
            return -1;
        for (int j = 0; j < i; j++)
            if (rows[j].child_fd == rows[i].child_fd)
                return -1;
        if (rows[i].from >= 0 && fcntl(rows[i].from, F_GETFD) < 0)
            return -1;
    }
    return 0;
}

/* From the map to pipes, and to moves for the child. What is opened for it
 * alone is in the moves and not in the map; so close_childs_ends knows it. */
static int open_map(struct process *self, const struct process_descriptor *rows,
                    const struct spawn_spec *spec)
{
    for (int i = 0; i < spec->count; i++) {
        int fd = rows[i].from;
        if (fd < 0)
            fd = open_pipe(self, rows[i].child_fd, fd == PROCESS_WRITE);
        if (fd < 0)
            return -1;
        int source = spawn_source(spec, fd);
        if (rows[i].from < 0 && source != fd)
            close(fd);
        if (source < 0)
            return -1;
        spec->moves[i].from = source;
    }
    return 0;
}

/* The child has its own ends now. While we held them open as well, no pipe
 * would ever end. */
static void close_childs_ends(const struct process_descriptor *rows,
                              const struct spawn_spec *spec)
{
    int error = errno;

    for (int i = 0; i < spec->count; i++)
        if (spec->moves[i].from != rows[i].from)
            close(spec->moves[i].from);
    errno = error;
}

/* Sets the pid, or returns -1 with errno: then some pipes may be there, and
 * are to be discarded. */
static int start_child(struct process *self, const char *executable,
                       const struct process_options *options)
{
    static const struct process_descriptor usual[] = {
        { STDIN_FILENO, PROCESS_WRITE },
        { STDOUT_FILENO, PROCESS_READ },
        { STDERR_FILENO, PROCESS_READ },
    };
    const char *const name_alone[] = { executable, NULL };
    const char *const nothing[] = { NULL };
    const struct process_descriptor *rows =
        options->descriptors ? options->descriptors : usual;
    struct process_descriptor moves[PROCESS_DESCRIPTORS_MAX];
    struct spawn_spec spec = {
        .executable = executable,
        .arguments = options->arguments ? options->arguments : name_alone,
        .environment = options->environment ? options->environment : nothing,
        .path = options->path,
        .moves = moves,
        .count = options->descriptors ? options->descriptor_count : 3,
    };

    if (options->parent_environment)
        spec.environment = (const char *const *)environ;
    errno = EINVAL;
    if (options->use_pty && options->descriptors)
        return -1;
    if (check_map(rows, spec.count) < 0)
        return -1;
    memcpy(moves, rows, (size_t)spec.count * sizeof(*rows));
    int result = options->use_pty ? open_terminal(self, &spec.terminal)
                                  : open_map(self, rows, &spec);
    if (result == 0)
        self->pid = spawn_child(&spec);
    close_childs_ends(rows, &spec); /* also of a map that came half way */
    return self->pid > 0 ? 0 : -1;
}

/* The assert: with a size that was forgotten the protocol's own members would
 * be written behind its memory. NULL with ENOMEM. */
static struct process *process_new(struct reactor *reactor,
                                   const struct process_protocol_class *class)
{
    assert(class->size >= sizeof(struct process_protocol) &&
           "a process_protocol_class says in .size how large its struct is");
    struct process *self = calloc(1, sizeof(*self) + class->size);

    if (!self)
        return NULL;
    self->protocol = (struct process_protocol *)(self + 1);
    self->protocol->class = class;
    self->protocol->transport = self;
    self->reactor = reactor;
    self->master = -1;
    return self;
}

/* It has never begun: the loop does not know its pipes, and nobody is told.
 * Keeps errno. */
static struct process *process_discard(struct process *self)
{
    struct process_pipe *pipe;
    int error = errno;

    while ((pipe = self->pipes)) {
        self->pipes = pipe->next;
        connection_discard(pipe->connection);
        free(pipe);
    }
    process_free(self);
    errno = error;
    return NULL;
}

/* A child that cannot be started is an errno, and nothing is called. One that
 * is started may have ended by the time this returns: it is a zombie, and keeps
 * its number, until the loop's next turn reaps it. The pipes are started before
 * connection_made, which may write to them. */
struct process *reactor_spawn_process(
    struct reactor *reactor, const struct process_protocol_class *class,
    const char *executable, const struct process_options *options)
{
    static const struct process_options usual = { 0 };
    struct reaper *reaper = reaper_of(reactor);
    struct process *self = reaper ? process_new(reactor, class) : NULL;

    if (!options)
        options = &usual;
    if (!self)
        return NULL;
    if (start_child(self, executable, options) < 0)
        return process_discard(self);
    trace("  spawn_process: %s %s is %d", class->name, executable,
          (int)self->pid);
    self->next = reaper->living;
    reaper->living = self;
    for (struct process_pipe *pipe = self->pipes; pipe; pipe = pipe->next)
        pipe_start(pipe);
    self->protocol->owner = options->owner;
    if (class->connection_made)
        class->connection_made(self->protocol);
    return self;
}

/* --- what a program does with it --- */

/* NULL when there is no such pipe (any more). */
struct transport *process_get_transport(const struct process *process,
                                        int child_fd)
{
    const struct process_pipe *pipe = find_pipe(process, child_fd);

    return pipe ? pipe->base.transport : NULL;
}

/* For its `owner`: who goes before the child does sets that to NULL, and the
 * callbacks that still come find nobody. */
struct process_protocol *process_get_protocol(const struct process *process)
{
    return process->protocol;
}

/* -1 with EBADF when we write to no pipe of that number (any more). */
int process_write_to_child(struct process *process, int child_fd,
                           const void *data, size_t length)
{
    const struct process_pipe *pipe = find_pipe(process, child_fd);

    if (!pipe || !pipe->writes) {
        errno = EBADF;
        return -1;
    }
    transport_write(pipe->base.transport, data, length);
    return 0;
}

/* Without a pipe on 0 they are dropped, as by a connection that was lost. */
void process_write(struct process *process, const void *data, size_t length)
{
    process_write_to_child(process, STDIN_FILENO, data, length);
}

/* The two sides of a terminal end together, and not by this. */
void process_close_child_fd(struct process *process, int child_fd)
{
    struct process_pipe *pipe = find_pipe(process, child_fd);

    if (pipe && !process->terminal)
        pipe_close(pipe);
}

/* Without it a program that reads its input to the end, as `wc` does, waits for
 * ever, and so does process_ended. */
void process_close_stdin(struct process *process)
{
    process_close_child_fd(process, STDIN_FILENO);
}

/* Its callbacks come at the end of the turn, so the list stays as it is while
 * we walk along it. */
void process_lose_connection(struct process *process)
{
    struct process_pipe *pipe = process->pipes;

    hang_up(process);
    for (; pipe; pipe = pipe->next) {
        pipe_close(pipe);
        /* The first is the side that we write, and may have something to
         * finish; the other follows it. */
        if (process->terminal)
            return;
    }
}

/* What the child writes stays in its pipes, and when these are full its next
 * write waits: so it is stopped, and costs us nothing. */
void process_pause_producing(struct process *process)
{
    struct process_pipe *pipe = process->pipes;

    for (; pipe; pipe = pipe->next)
        if (!pipe->writes)
            transport_pause_producing(pipe->base.transport);
}

/* The output of a child that has ended while it was paused comes after this,
 * and then its process_ended. */
void process_resume_producing(struct process *process)
{
    struct process_pipe *pipe = process->pipes;

    for (; pipe; pipe = pipe->next)
        if (!pipe->writes)
            transport_resume_producing(pipe->base.transport);
}

/* A producer must not be left waiting for somebody who never asks for more. */
int process_register_producer(struct process *process,
                              struct producer *producer, bool streaming)
{
    struct process_pipe *pipe = find_pipe(process, STDIN_FILENO);

    if (pipe && pipe->writes)
        return transport_register_producer(pipe->base.transport, producer,
                                           streaming);
    producer->stop_producing(producer);
    return 0;
}

/* Without a pipe there is none: it was stopped when it was registered, or when
 * the pipe was lost. */
void process_unregister_producer(struct process *process)
{
    struct process_pipe *pipe = find_pipe(process, STDIN_FILENO);

    if (pipe && pipe->writes)
        transport_unregister_producer(pipe->base.transport);
}

/* 0 once it is reaped: kill(0, ...) would signal ourselves, and all who are in
 * our process group. */
pid_t process_pid(const struct process *process)
{
    return process->pid;
}

/* Once it is reaped its number may be another program's: that must not be hit
 * by a signal that was meant for this one. */
int process_signal_number(struct process *process, int signal)
{
    if (process->pid > 0)
        return kill(process->pid, signal);
    errno = ESRCH;
    return -1;
}

/* Twisted's names, for those who come from there. */
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
