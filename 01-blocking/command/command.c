/* SPDX-License-Identifier: MIT */
#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net.h"

/* Bytes to begin with; an output that needs more gets twice as many. */
enum { OUTPUT_FIRST = 4096 };

/* Bytes for a message of our own. */
enum { MESSAGE_MAX = 128 };

/* One of the command's two outputs, as far as it has come. */
struct output {
    int fd; /* our end of the pipe, -1 once it has ended */
    char *bytes;
    size_t length;
    size_t capacity;
};

extern char **environ;

static int set_files(posix_spawn_file_actions_t *actions, int out, int err)
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
                                                 "/dev/null", O_RDONLY, 0);

    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
    return error;
}

/* A child inherits which signals are ignored and which are blocked: it gets
 * none of either. Its own process group is what we end it by. */
static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETPGROUP);
}

/* Returns 0 or an error number, as posix_spawn does. */
static int spawn(pid_t *pid, char *line, int out, int err)
{
    char *const arguments[] = { "sh", "-c", "--", line, NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        set_attributes(&attributes);
        error = set_files(&actions, out, err);
        if (!error)
            error = posix_spawn(pid, "/bin/sh", &actions, &attributes,
                                arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Two pipes, a child that has their other ends, and our copies of these closed
 * again: only then does a read see the end when the child closes its own. */
static int start(pid_t *pid, char *line, struct output *outputs)
{
    int out[2], err[2];

    if (net_pipe(out, NET_BLOCKING) < 0)
        return errno;
    outputs[0].fd = out[0];
    if (net_pipe(err, NET_BLOCKING) < 0) {
        int error = errno;
        close(out[1]);
        return error;
    }
    outputs[1].fd = err[0];
    int error = spawn(pid, line, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    return error;
}

static int grow(struct output *output)
{
    size_t capacity = output->capacity ? output->capacity * 2 : OUTPUT_FIRST;
    char *bytes = realloc(output->bytes, capacity);

    if (!bytes)
        return ENOMEM;
    output->bytes = bytes;
    output->capacity = capacity;
    return 0;
}

static void close_output(struct output *output)
{
    if (output->fd >= 0)
        close(output->fd);
    output->fd = -1;
}

/* Takes what one pipe has for us. Returns 0 or an error number. */
static int take(struct output *output)
{
    if (output->length == output->capacity && grow(output))
        return ENOMEM;
    ssize_t taken = read(output->fd, output->bytes + output->length,
                         output->capacity - output->length);
    if (taken < 0)
        return errno == EINTR ? 0 : errno;
    if (taken == 0)
        close_output(output);
    output->length += (size_t)taken;
    return output->length > COMMAND_OUTPUT_MAX ? EFBIG : 0;
}

/* Reads both pipes until both have ended. Read one after the other, and a
 * child that fills the second waits for us while we wait for it. */
static int collect(struct output *outputs)
{
    while (outputs[0].fd >= 0 || outputs[1].fd >= 0) {
        struct pollfd wait[2] = {
            { .fd = outputs[0].fd, .events = POLLIN },
            { .fd = outputs[1].fd, .events = POLLIN },
        };
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            return errno;
        for (int i = 0; i < 2; i++) {
            int error = wait[i].revents ? take(&outputs[i]) : 0;
            if (error)
                return error;
        }
    }
    return 0;
}

/* The command from start to end. Returns 0 or an error number. */
static int run(char *line, struct output *outputs)
{
    pid_t pid;
    int error = start(&pid, line, outputs);

    if (!error) {
        error = collect(outputs);
        if (error)
            kill(-pid, SIGKILL); /* not reaped yet: it is still ours */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    close_output(&outputs[0]);
    close_output(&outputs[1]);
    return error;
}

/* Our own words, when there are none of the command's to send. */
static int explain(struct command_answer *answer, int error)
{
    char why[MESSAGE_MAX / 2] = "";

    answer->bytes = malloc(MESSAGE_MAX);
    if (!answer->bytes)
        return -1;
    if (error == EFBIG)
        snprintf(why, sizeof(why), "ended, it printed over %d bytes",
                 COMMAND_OUTPUT_MAX);
    else if (error == EILSEQ)
        snprintf(why, sizeof(why), "a line has no NUL byte in it");
    else
        strerror_r(error, why, sizeof(why));
    answer->length = (size_t)snprintf(answer->bytes, MESSAGE_MAX,
                                      "command failed: %s\n", why);
    return 0;
}

size_t command_trim(const char *line, size_t length)
{
    if (length == 0 || line[length - 1] != '\n')
        return length;
    length--;
    return length > 0 && line[length - 1] == '\r' ? length - 1 : length;
}

/* The line as the shell wants it. A NUL would end it before its end, and the
 * shell would run what comes before. */
static int copy_line(char **copy, const char *line, size_t length)
{
    length = command_trim(line, length);
    if (memchr(line, '\0', length))
        return EILSEQ;
    *copy = strndup(line, length);
    return *copy ? 0 : ENOMEM;
}

int command_run(struct command_answer *answer, const char *line, size_t length)
{
    struct output outputs[2] = { { .fd = -1 }, { .fd = -1 } };
    char *copy = NULL;

    int error = copy_line(&copy, line, length);
    if (!error)
        error = run(copy, outputs);
    free(copy);
    int chosen = outputs[0].length > 0 ? 0 : 1;
    free(outputs[1 - chosen].bytes);
    if (error) {
        free(outputs[chosen].bytes);
        return explain(answer, error);
    }
    answer->bytes = outputs[chosen].bytes;
    answer->length = outputs[chosen].length;
    return 0;
}
