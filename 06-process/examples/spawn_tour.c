/* SPDX-License-Identifier: MIT
 *
 * spawn_tour - what a child can be given and what is heard of it: one child
 * after another, a line for each.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/text.h"
#include "process/process.h"
#include "program/endpoint.h"
#include "protocol/log.h"

enum { OUTPUT_MAX = 256 }; /* bytes of a child's output that are shown */

struct step {
    const char *title;
    const char *script; /* for /bin/sh; NULL: a program that is not there */
    const char *input;  /* written at once, then the end; NULL: nothing */
    const char *signal; /* sent as soon as it has written something */
    struct process_options options;
};

struct tour {
    struct reactor *reactor;
    const struct step *step; /* the present one */
    struct trigger start;
};

struct guide {
    struct process_protocol base;
    char output[OUTPUT_MAX]; /* as it came, from wherever it came */
    size_t length;
};

static void begin_step(void *tour);

/* The child runs, and its pipes are open. What is written now waits in them, or
 * in ours, until it reads; the end comes after it. */
static void connection_made(struct process_protocol *base)
{
    const struct tour *tour = base->owner;
    const char *input = tour->step->input;

    if (!input)
        return;
    process_write(base->transport, input, strlen(input));
    process_close_stdin(base->transport);
}

static void child_data_received(struct process_protocol *base, int number,
                                const char *data, size_t length)
{
    struct guide *self = (struct guide *)base;
    const struct tour *tour = base->owner;

    (void)number; /* the line shows one text, wherever it came from */
    /* What is too long is left out, and not written behind `output`. */
    if (length > OUTPUT_MAX - self->length)
        length = OUTPUT_MAX - self->length;
    memcpy(self->output + self->length, data, length);
    self->length += length;
    if (tour->step->signal)
        process_signal(base->transport, tour->step->signal);
}

/* Nothing more comes: the child has been reaped and its pipes are closed. The
 * next child is begun in here, which is allowed. */
static void process_ended(struct process_protocol *base, struct failure reason)
{
    const struct guide *self = (const struct guide *)base;
    struct tour *tour = base->owner;
    char text[4 * OUTPUT_MAX + 1];
    bool killed = process_exit_signal(reason) > 0;

    printf(
        "%-16s %-34s %s %d\n", tour->step->title,
        text_escape(self->output, self->length, text, sizeof(text), TEXT_LOG),
        killed ? "signal" : "exit code",
        killed ? process_exit_signal(reason) : process_exit_code(reason));
    tour->step++;
    begin_step(tour);
}

/* child_data_received alone hears of every number. */
static const struct process_protocol_class Guide = {
    .name = "Guide",
    .size = sizeof(struct guide),
    .connection_made = connection_made,
    .child_data_received = child_data_received,
    .process_ended = process_ended,
};

/* A program that cannot be started is no process: the call says why. */
static void begin_step(void *argument)
{
    struct tour *tour = argument;

    for (; tour->step->title; tour->step++) {
        const char *script = tour->step->script;
        const char *const arguments[] = { "sh", "-c", script, NULL };
        struct process_options options = tour->step->options;
        options.arguments = script ? arguments : NULL;
        options.owner = tour;
        /* All that it is given is only read in this call, and may then go. */
        if (reactor_spawn_process(tour->reactor, &Guide,
                                  script ? "/bin/sh" : "/no/such/program",
                                  &options))
            return;
        printf("%-16s %s\n", tour->step->title, strerror(errno));
    }
    reactor_stop(tour->reactor);
}

/* Beside a pipe on 5, our own standard output under its own number. */
static const struct process_descriptor map[] = {
    { .child_fd = 5, .from = PROCESS_READ },
    { .child_fd = 1, .from = 1 },
};
static const char *const environment[] = { "HOME=/home/lab", NULL };

/* A child whose input is at its end goes: who waits for a signal reads, so that
 * it ends with us if we are interrupted. */
static const struct step steps[] = {
    { .title = "its output", .script = "echo hello" },
    { .title = "its errors", .script = "echo oh dear >&2; exit 3" },
    { .title = "its input",
      .script = "read line; echo \"you said $line\"; wc -l",
      .input = "good morning\none\ntwo\n" },
    { .title = "a signal",
      .script = "echo here I am; read nothing",
      .signal = "TERM" },
    { .title = "descriptors",
      .script = "echo on five >&5; echo 'this goes past us'",
      .options = { .descriptors = map, .descriptor_count = 2 } },
    { .title = "no environment", .script = "echo ${HOME-no home}" },
    { .title = "an environment",
      .script = "echo ${HOME-no home}",
      .options = { .environment = environment } },
    { .title = "a directory", .script = "pwd", .options = { .path = "/" } },
    { .title = "a terminal",
      .script = "test -t 0 && test -t 1 && echo it is one",
      .options = { .use_pty = true } },
    { .title = "a wrong name" },
    { 0 },
};

int main(int argc, char **argv)
{
    struct options options = { .about = "shows what a child can be given." };
    const struct option extra[] = {
        { "-r", "select|poll|epoll", OPTION_CHOICE, &options.reactor, 0 },
        { 0 },
    };

    options_plain(&options, extra, argc, argv);
    struct tour tour = { .reactor = endpoint_reactor(&options), .step = steps };
    reactor_call_when_running(tour.reactor, &tour.start, begin_step, &tour);
    return endpoint_run(&options, tour.reactor);
}
