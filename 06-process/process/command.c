/* SPDX-License-Identifier: MIT
 *
 * command.c - one line in a shell: how it starts and is ended, and the answer
 * that is collected from what it prints.
 */
#include "process/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Its standard input is /dev/null and not nothing at all: a program that opens
 * a file must not get the number 0 for it. It has our environment, as a
 * person's shell has: without PATH and HOME a command would not do here what it
 * does at a prompt. NULL with errno; EILSEQ: a shell would run the line up to
 * its NUL. */
struct process *command_spawn(struct reactor *reactor,
                              const struct process_protocol_class *class,
                              const char *line, size_t length, void *owner)
{
    /* A shell wants a string; the line is a piece of what has come. */
    char *copy = strndup(line, length);
    int input = copy ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    /* "--": a line that begins with "-" is no option of the shell. */
    const char *const arguments[] = { "sh", "-c", "--", copy, NULL };
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
        .owner = owner,
    };
    struct process *process = NULL;

    if (memchr(line, '\0', length))
        errno = EILSEQ;
    else if (input >= 0)
        process = reactor_spawn_process(reactor, class, "/bin/sh", &options);
    int error = errno;
    if (input >= 0)
        close(input);
    free(copy);
    errno = error;
    return process;
}

/* The child leads a process group, so what the shell has started dies as well,
 * and nobody is left to hold the pipes open. */
void command_end(struct process *process)
{
    if (process_pid(process) > 0)
        kill(-process_pid(process), SIGKILL);
    process_lose_connection(process);
}

/* The errno of a command that was not run, or was ended, as the client reads
 * it: with LF, as a line that the command had printed. */
const char *command_explain(int error, char *text)
{
    const char *why =
        error == EILSEQ ? "a line has no NUL byte in it" : strerror(error);

    if (error == EFBIG)
        snprintf(text, COMMAND_TEXT_MAX,
                 "command failed: ended, it printed over %d bytes\n",
                 COMMAND_OUTPUT_MAX);
    else
        snprintf(text, COMMAND_TEXT_MAX, "command failed: %s\n", why);
    return text;
}

/* --- a command whose output is collected --- */

/* It lives until nobody wants the answer any more; if that is before the
 * command has ended, the process, which lives on, has no owner. */
struct run {
    struct buffer outputs[2]; /* what has come on 1 and on 2. First: the one on
                                 1 is the answer in the end, and freeing that
                                 frees all of it */
    struct deferred *deferred;
    struct process *process;
    int error; /* why it was ended, or 0 */
};

/* Beyond the limit the command is ended, and its answer is that alone: a part
 * of the output would look like all of it. Nothing comes after command_end. */
static void collect(struct process_protocol *base, int child_fd,
                    const char *data, size_t length)
{
    struct run *run = base->owner;
    struct buffer *output = &run->outputs[child_fd == STDERR_FILENO];

    if (buffer_length(output) + length > COMMAND_OUTPUT_MAX)
        run->error = EFBIG;
    else if (buffer_append(output, data, length) < 0)
        run->error = ENOMEM;
    if (run->error)
        command_end(run->process);
}

/* NULL does nothing. */
void command_free_answer(struct buffer *answer)
{
    if (answer) {
        buffer_clear(&answer[0]);
        buffer_clear(&answer[1]);
    }
    free(answer);
}

/* Of a command that only complains, that is the answer; of one that was not
 * run, or was ended, our own words are. */
static void finish(struct run *run)
{
    struct buffer *answer = run->outputs, *errors = &run->outputs[1];
    char text[COMMAND_TEXT_MAX];

    if (run->error) {
        buffer_clear(answer);
        buffer_clear(errors);
        command_explain(run->error, text);
        buffer_append(errors, text, strlen(text));
    }
    if (buffer_length(answer) == 0) {
        *answer = *errors;
        *errors = (struct buffer){ 0 };
    }
    buffer_clear(errors); /* which may have 16 MiB in it */
    if (!run->error || buffer_length(answer) > 0) {
        deferred_fire(run->deferred, result_value(answer));
        return;
    }
    deferred_fire(run->deferred, result_error(&MemoryError, 0));
    command_free_answer(answer);
}

/* Not process_exited: output may be left in the pipes. How the shell has ended
 * the answer does not tell, for the wire has no place for it. */
static void command_ended(struct process_protocol *base, struct failure reason)
{
    (void)reason;
    if (base->owner) /* NULL: nobody wants the answer any more */
        finish(base->owner);
}

static const struct process_protocol_class CommandProtocol = {
    .name = "CommandProtocol",
    .size = sizeof(struct process_protocol),
    .child_data_received = collect,
    .process_ended = command_ended,
};

/* The client has gone. The process still has callbacks to come, and must not
 * find the run; who cancels it hears of CancelledError from deferred_cancel. */
static void cancel(struct deferred *deferred, void *argument)
{
    struct run *run = argument;

    (void)deferred;
    process_get_protocol(run->process)->owner = NULL;
    command_end(run->process);
    command_free_answer(run->outputs);
}

/* A command that cannot be run has its answer at once: the Deferred has fired
 * when it is returned. NULL with ENOMEM. */
struct deferred *command_run(struct reactor *reactor, const char *line,
                             size_t length)
{
    struct run *run = calloc(1, sizeof(*run));
    struct deferred *deferred = run ? deferred_new(cancel, run) : NULL;

    if (!deferred) {
        free(run);
        return NULL;
    }
    run->deferred = deferred;
    run->process = command_spawn(reactor, &CommandProtocol, line, length, run);
    if (!run->process) {
        run->error = errno;
        finish(run);
    }
    return deferred;
}
