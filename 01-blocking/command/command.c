/* SPDX-License-Identifier: MIT */
#include "command/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/shell.h"
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

/* Two pipes, a child that has their other ends, and our copies of these closed
 * again: only then does a read see the end when the child closes its own. */
static int start_command(pid_t *pid, char *line, struct output *outputs)
{
    int out[2], err[2];

    /* They block, but we read only what poll has announced. */
    if (net_pipe(out, NET_BLOCKING) < 0)
        return errno;
    outputs[0].fd = out[0];
    if (net_pipe(err, NET_BLOCKING) < 0) {
        int error = errno;
        close(out[1]);
        return error;
    }
    outputs[1].fd = err[0];
    int error = shell_spawn(pid, line, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    return error;
}

/* Twice as much each time: then all the copying of realloc together costs no
 * more than a constant for each byte. */
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

/* Twice does no harm. */
static void close_output(struct output *output)
{
    if (output->fd >= 0)
        close(output->fd);
    output->fd = -1;
}

/* Reads what one pipe has for us; 0 bytes are its end: nobody holds the other
 * end any more, neither the command nor what it has left in the background.
 * Returns 0 or an error number. */
static int read_output(struct output *output)
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
        if (poll(wait, 2, -1) < 0 && net_wait_failed(errno) < 0)
            return errno;
        for (int i = 0; i < 2; i++) {
            int error = wait[i].revents ? read_output(&outputs[i]) : 0;
            if (error)
                return error;
        }
    }
    return 0;
}

/* The command from start to end. Returns 0 or an error number. */
static int run_line(char *line, struct output *outputs)
{
    pid_t pid;
    int error = start_command(&pid, line, outputs);

    if (!error) {
        error = collect(outputs);
        /* The group, with all that the command has started. It is not reaped
         * yet, so the number cannot have become somebody else's. */
        if (error)
            kill(-pid, SIGKILL);
        /* Without this the command would stay in the process table. */
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
        strerror_r(error, why, sizeof(why)); /* strerror is not for threads */
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
        error = run_line(copy, outputs);
    free(copy);
    /* Standard error only if there is no standard output. */
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
