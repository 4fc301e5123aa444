/* SPDX-License-Identifier: MIT
 *
 * command.c - how a command starts and is ended.
 */
#include "process/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct process *spawn(struct reactor *reactor,
                             const struct process_protocol_class *class,
                             const char *line, int input, void *owner)
{
    const char *const arguments[] = { "sh", "-c", "--", line, NULL };
    const struct process_descriptor descriptors[] = {
        { STDIN_FILENO, input },
        { STDOUT_FILENO, PROCESS_READ },
        { STDERR_FILENO, PROCESS_READ },
    };
    const struct process_options options = {
        .arguments = arguments,
        .parent_environment = true,
        .descriptors = descriptors,
        .descriptor_count = 3,
        .own_group = true,
        .owner = owner,
    };

    return reactor_spawn_process(reactor, class, "/bin/sh", &options);
}

struct process *command_spawn(struct reactor *reactor,
                              const struct process_protocol_class *class,
                              const char *line, size_t length, void *owner)
{
    struct process *process = NULL;

    if (memchr(line, '\0', length)) {
        errno = EILSEQ;
        return NULL;
    }
    char *copy = strndup(line, length);
    int input = copy ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    if (input >= 0)
        process = spawn(reactor, class, copy, input, owner);
    int error = errno;
    if (input >= 0)
        close(input);
    free(copy);
    errno = error;
    return process;
}

void command_end(struct process *process)
{
    if (process_pid(process) > 0)
        kill(-process_pid(process), SIGKILL);
    process_lose_connection(process);
}

const char *command_explain(int error, char *text)
{
    char why[COMMAND_TEXT_MAX / 2] = "";

    if (error == EFBIG)
        snprintf(why, sizeof(why), "ended, it printed over %d bytes",
                 COMMAND_OUTPUT_MAX);
    else if (error == EILSEQ)
        snprintf(why, sizeof(why), "a line has no NUL byte in it");
    else
        strerror_r(error, why, sizeof(why));
    snprintf(text, COMMAND_TEXT_MAX, "command failed: %s\n", why);
    return text;
}
