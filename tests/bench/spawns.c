/* SPDX-License-Identifier: MIT
 *
 * spawns - what it costs to run a program that does nothing, and to hear of
 * its end: microseconds of the clock, one line for each way.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net.h"
#include "process/process.h"

enum {
    TIMES = 300,           /* of each kind */
    CONNECTIONS = 1000,    /* that a busy server has */
    MEMORY_MAX = 512 << 20 /* bytes that a large one has */
};

static const char program[] = "/bin/true";
static const char *const arguments[] = { program, NULL };

/* The least that anybody pays: no loop, and three pipes to make and to close.
 */
static void spawn_alone(void)
{
    char *const nothing[] = { NULL };

    for (int i = 0; i < TIMES; i++) {
        posix_spawn_file_actions_t actions;
        int pipes[3][2], status;
        pid_t pid;

        posix_spawn_file_actions_init(&actions);
        for (int fd = 0; fd < 3; fd++) {
            if (net_pipe(pipes[fd], NET_BLOCKING) < 0)
                abort();
            posix_spawn_file_actions_adddup2(&actions, pipes[fd][fd != 0], fd);
        }
        if (posix_spawn(&pid, program, &actions, NULL, (char *const *)arguments,
                        nothing) ||
            waitpid(pid, &status, 0) != pid || status)
            abort();
        for (int fd = 0; fd < 3; fd++) {
            close(pipes[fd][0]);
            close(pipes[fd][1]);
        }
        posix_spawn_file_actions_destroy(&actions);
    }
}

struct bench {
    struct reactor *reactor;
    int left;
};

static void begin(struct bench *bench);

static void process_ended(struct process_protocol *self, struct failure reason)
{
    if (process_exit_code(reason) != 0)
        abort();
    begin(self->owner);
}

static const struct process_protocol_class Child = {
    .name = "Child",
    .size = sizeof(struct process_protocol),
    .process_ended = process_ended,
};

static void begin(struct bench *bench)
{
    const struct process_options options = { .arguments = arguments,
                                             .owner = bench };

    if (bench->left-- == 0)
        reactor_crash(bench->reactor);
    else if (!reactor_spawn_process(bench->reactor, &Child, program, &options))
        abort();
}

static void spawn_process(void)
{
    struct bench bench = { reactor_new("epoll"), TIMES };

    if (!bench.reactor)
        abort();
    begin(&bench);
    reactor_run(bench.reactor);
    reactor_free(bench.reactor);
}

static void with_connections(void)
{
    int fds[CONNECTIONS];

    for (int i = 0; i < CONNECTIONS; i++)
        if ((fds[i] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)) < 0)
            abort();
    spawn_process();
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
}

static void measure(const char *what, void (*run)(void))
{
    double before = reactor_seconds();

    run();
    printf("%s\t%.1f\n", what, (reactor_seconds() - before) / TIMES * 1e6);
}

/* The memory is touched, or the kernel would have nothing to copy in a fork. */
static void measure_with_memory(const char *what, void (*run)(void))
{
    char *memory = malloc(MEMORY_MAX);

    if (!memory)
        abort();
    for (size_t i = 0; i < MEMORY_MAX; i += 4096)
        memory[i] = 1;
    measure(what, run);
    free(memory);
}

int main(void)
{
    measure("posix_spawn, waitpid", spawn_alone);
    measure("spawn_process", spawn_process);
    measure("spawn_process, 1,000 connections", with_connections);
    measure_with_memory("spawn_process, 512 MB", spawn_process);
    return 0;
}
