/* SPDX-License-Identifier: MIT
 *
 * process.h - other programs as peers: they are spawned, talk through pipes,
 * and are reaped when they end.
 *
 * A process is the transport of a process protocol. The framework makes both
 * and frees both, after process_ended; keep no pointer to either any longer.
 * The pipes are connections, and behave like these. When the loop stops, the
 * pipes are lost and their callbacks come, but a child that still runs is
 * neither killed nor reaped: its process_exited and process_ended never come,
 * and reactor_free frees it (what a program's struct points to, that can free
 * when the last pipe is lost). Who wants it dead signals it before. Nothing is
 * to be spawned while reactor_free runs.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <sys/types.h>

#include "protocol/failure.h"
#include "protocol/transport.h"
#include "reactor/reactor.h"

struct process;
struct process_protocol;

/* Callbacks that are NULL do what is said. A program's own state follows a
 * struct process_protocol as the first member of a larger struct. */
struct process_protocol_class {
    const char *name; /* "TailProtocol": in the trace */
    size_t size;      /* of the larger struct, which starts as zeroes */

    /* Once, first, before reactor_spawn_process returns. NULL: nothing. */
    void (*connection_made)(struct process_protocol *self);

    /* The child has written, on 1, on 2, on another number; at least one
     * byte. NULL: child_data_received hears it, if it is there. */
    void (*out_received)(struct process_protocol *self, const char *data,
                         size_t length);
    void (*err_received)(struct process_protocol *self, const char *data,
                         size_t length);
    void (*child_data_received)(struct process_protocol *self, int child_fd,
                                const char *data, size_t length);

    /* Once for each pipe, whoever has closed it: that on 0, on 1, on 2, on
     * another number. NULL: child_connection_lost hears it, if it is there. */
    void (*in_connection_lost)(struct process_protocol *self);
    void (*out_connection_lost)(struct process_protocol *self);
    void (*err_connection_lost)(struct process_protocol *self);
    void (*child_connection_lost)(struct process_protocol *self, int child_fd);

    /* Once, when the child has ended. Output may still come: that which waits
     * in the pipes, and that of its own children. NULL: nothing. */
    void (*process_exited)(struct process_protocol *self,
                           struct failure reason);

    /* Once, last: it has ended and all its pipes are closed. The same reason.
     * NULL: nothing. */
    void (*process_ended)(struct process_protocol *self, struct failure reason);
};

struct process_protocol {
    const struct process_protocol_class *class;
    struct process *transport;
    void *owner; /* that of the options; yours to change */
};

/* Where one of the child's descriptors comes from: a pipe of which we read, or
 * write, the other end, or a descriptor of ours to share. */
enum { PROCESS_READ = -1, PROCESS_WRITE = -2 };
struct process_descriptor {
    int child_fd;
    int from; /* PROCESS_READ, PROCESS_WRITE, or a number of ours */
};

enum { PROCESS_DESCRIPTORS_MAX = 64 }; /* of one child */

/* Zero what you do not set. All of it is only read, and only in the call. */
struct process_options {
    const char *const *arguments;   /* ends with NULL; the first is the name
                                       of the program. NULL: that alone */
    const char *const *environment; /* ends with NULL. NULL: it is empty */
    bool parent_environment;        /* ours, instead of `environment` */
    const char *path;               /* its working directory; NULL: ours */

    /* What the child has open, and it has nothing else: `descriptor_count`
     * rows in any order. NULL: we write to 0, and read 1 and 2. */
    const struct process_descriptor *descriptors;
    int descriptor_count;

    /* A terminal on 0, 1 and 2, which controls the child's session. All that it
     * writes, and the echo of what we write, is out_received. No `descriptors`
     * then. */
    bool use_pty;

    void *owner; /* for the protocol's callbacks */
};

/* Starts a program: a path, or a name that is looked up in our own PATH. The
 * child has default signals, none of them blocked, and leads a session of its
 * own, so kill(-pid) reaches it and what it has started. Our terminal is not
 * its terminal: /dev/tty, where it could be stopped for ever, cannot be opened,
 * and Control-C does not reach it (in Twisted it does). A C library without
 * POSIX_SPAWN_SETSID gives it a process group alone. `options` may be NULL.
 *
 * Returns NULL with errno when it could not be started: ENOENT, EACCES, ENOEXEC
 * and so on, whether it is the program or `path`; EINVAL or EBADF for a wrong
 * map; EMFILE; EBUSY when another loop, or another function of this one, has
 * SIGCHLD, of which a program has one handler. Then nothing is called, and
 * nothing is left open. */
struct process *reactor_spawn_process(
    struct reactor *reactor, const struct process_protocol_class *class,
    const char *executable, const struct process_options *options);

/* The pipe of that number, for all that a transport can do (producers, how
 * much is queued, pausing one alone); NULL when there is none (any more). Its
 * get_peer and get_host have nothing to tell. */
struct transport *process_get_transport(const struct process *process,
                                        int child_fd);
struct process_protocol *process_get_protocol(const struct process *process);

/* Queues bytes for the child's 0; without such a pipe they are dropped. The
 * second returns -1 with EBADF when we write to no pipe of that number. */
void process_write(struct process *process, const void *data, size_t length);
int process_write_to_child(struct process *process, int child_fd,
                           const void *data, size_t length);

/* Twisted's closeChildFD, and closeStdin, which is the same for 0. A pipe that
 * we write is closed when all that is queued has been sent, one that we read at
 * once. Not mapped, closed already, a terminal: nothing. */
void process_close_child_fd(struct process *process, int child_fd);
void process_close_stdin(struct process *process);

/* All of them; and the terminal, which hangs up on the child. */
void process_lose_connection(struct process *process);

/* Stops reading, and reads again, whatever the child writes: it will have to
 * wait when its pipes are full. It may exit meanwhile; its output and
 * process_ended come when it is read again. */
void process_pause_producing(struct process *process);
void process_resume_producing(struct process *process);

/* A producer for the child's 0. See transport_register_producer; without such
 * a pipe it is stopped at once. */
int process_register_producer(struct process *process,
                              struct producer *producer, bool streaming);
void process_unregister_producer(struct process *process);

/* Sends a signal: "HUP", "STOP", "INT", "KILL" or "TERM"; or any, by number.
 * Returns 0, or -1 with EINVAL for another name, ESRCH when the child has been
 * reaped: Twisted's ProcessExitedAlready. */
int process_signal(struct process *process, const char *name);
int process_signal_number(struct process *process, int signal);

/* 0 from process_exited on: never hand that to kill. */
pid_t process_pid(const struct process *process);

/* The reasons of process_exited and process_ended. `number` is what waitpid
 * said, or PROCESS_STATUS_UNKNOWN when somebody else has reaped the child. */
extern const struct failure_type ProcessDone, ProcessTerminated;
enum { PROCESS_STATUS_UNKNOWN = -1 };

/* The exit code, or -1 if it did not exit; the signal that killed it, or 0. */
int process_exit_code(struct failure reason);
int process_exit_signal(struct failure reason);

/* failure_message for these reasons alone: "A process has ended with a probable
 * error condition: process ended with exit code 1." Writes into `text`,
 * FAILURE_TEXT_MAX bytes, and returns it. */
const char *process_reason_text(struct failure reason, char *text);

#endif
