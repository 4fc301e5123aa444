/* SPDX-License-Identifier: MIT
 *
 * command_output.c - a command whose output is collected.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process/command.h"

/* It lives until the command has ended, or nobody wants it any more. */
struct run {
    struct deferred *deferred;
    struct process *process;
    struct buffer outputs[2]; /* what has come on 1 and on 2 */
    int error;                /* why it was ended, or 0 */
};

static void take(struct run *run, struct buffer *output, const char *data,
                 size_t length)
{
    if (run->error)
        return;
    if (buffer_length(output) + length > COMMAND_OUTPUT_MAX)
        run->error = EFBIG;
    else if (buffer_append(output, data, length) < 0)
        run->error = ENOMEM;
    if (run->error)
        command_end(run->process);
}

static void out_received(struct process_protocol *base, const char *data,
                         size_t length)
{
    struct run *run = base->owner;

    if (run)
        take(run, &run->outputs[0], data, length);
}

static void err_received(struct process_protocol *base, const char *data,
                         size_t length)
{
    struct run *run = base->owner;

    if (run)
        take(run, &run->outputs[1], data, length);
}

static void free_run(struct run *run)
{
    buffer_clear(&run->outputs[0]);
    buffer_clear(&run->outputs[1]);
    free(run);
}

/* Our own words, when there are none of the command's to send. */
static struct buffer *explain(int error)
{
    struct buffer *answer = calloc(1, sizeof(*answer));
    char text[COMMAND_TEXT_MAX];

    command_explain(error, text);
    if (answer && buffer_append(answer, text, strlen(text)) == 0)
        return answer;
    free(answer);
    return NULL;
}

static struct buffer *answer_of(struct run *run)
{
    struct buffer *answer, *chosen = &run->outputs[0];

    if (run->error)
        return explain(run->error);
    if (buffer_length(chosen) == 0)
        chosen = &run->outputs[1];
    answer = malloc(sizeof(*answer));
    if (answer) {
        *answer = *chosen;
        *chosen = (struct buffer){ 0 };
    }
    return answer;
}

static void process_ended(struct process_protocol *base, struct failure reason)
{
    struct run *run = base->owner;

    (void)reason; /* the wire has no place for it */
    if (!run)
        return;
    struct deferred *deferred = run->deferred;
    struct buffer *answer = answer_of(run);
    free_run(run);
    deferred_fire(deferred, answer ? result_value(answer)
                                   : result_error(&MemoryError, 0));
}

static const struct process_protocol_class CommandProtocol = {
    .name = "CommandProtocol",
    .size = sizeof(struct process_protocol),
    .out_received = out_received,
    .err_received = err_received,
    .process_ended = process_ended,
};

static void cancel(struct deferred *deferred, void *argument)
{
    struct run *run = argument;

    (void)deferred;
    process_get_protocol(run->process)->owner = NULL;
    command_end(run->process);
    free_run(run);
}

void command_free_answer(struct buffer *answer)
{
    if (answer)
        buffer_clear(answer);
    free(answer);
}

/* A command that cannot be run has its answer at once. */
static struct deferred *refuse(int error)
{
    struct buffer *answer = explain(error);
    struct deferred *deferred = answer ? deferred_succeed(answer) : NULL;

    if (!deferred)
        command_free_answer(answer);
    return deferred;
}

struct deferred *command_run(struct reactor *reactor, const char *line,
                             size_t length)
{
    struct run *run = calloc(1, sizeof(*run));

    if (!run)
        return NULL;
    run->process = command_spawn(reactor, &CommandProtocol, line, length, run);
    if (!run->process) {
        int error = errno;
        free(run);
        return refuse(error);
    }
    struct deferred *deferred = deferred_new(cancel, run);
    run->deferred = deferred;
    if (!deferred) {
        cancel(NULL, run);
        errno = ENOMEM;
    }
    return deferred;
}
