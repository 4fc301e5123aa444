/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"

static void note(const struct child *child, char *word)
{
    if (child->notes)
        unit_note(word);
}

static struct child *child_of(struct process_protocol *protocol)
{
    return protocol->owner;
}

static void append(char *text, const char *data, size_t length)
{
    size_t used = strlen(text);

    CHECK(length > 0);
    if (length < CHILD_TEXT_MAX - used)
        memcpy(text + used, data, length);
}

static void connection_made(struct process_protocol *base)
{
    struct child *self = child_of(base);

    self->made++;
    self->process = base->transport;
    note(self, "made ");
    if (self->on_made)
        self->on_made(self);
}

static void out_received(struct process_protocol *base, const char *data,
                         size_t length)
{
    struct child *self = child_of(base);

    self->received += length;
    append(self->out, data, length);
    note(self, "out ");
    if (self->on_out)
        self->on_out(self);
}

static void err_received(struct process_protocol *base, const char *data,
                         size_t length)
{
    struct child *self = child_of(base);

    self->received += length;
    append(self->err, data, length);
    note(self, "err ");
}

static void child_data_received(struct process_protocol *base, int number,
                                const char *data, size_t length)
{
    struct child *self = child_of(base);

    self->received += length;
    self->other_number = number;
    append(self->other, data, length);
    note(self, "data ");
    if (self->on_other)
        self->on_other(self);
}

static void lost(struct process_protocol *base, int number)
{
    static char *const words[] = { "lost0 ", "lost1 ", "lost2 " };
    struct child *self = child_of(base);

    CHECK(self->ended == 0);
    if (number <= 2)
        CHECK(++self->losts[number] == 1);
    else
        self->other_losts++;
    note(self, number <= 2 ? words[number] : "lostN ");
}

static void in_connection_lost(struct process_protocol *base)
{
    lost(base, STDIN_FILENO);
}

static void out_connection_lost(struct process_protocol *base)
{
    lost(base, STDOUT_FILENO);
}

static void err_connection_lost(struct process_protocol *base)
{
    lost(base, STDERR_FILENO);
}

static void child_connection_lost(struct process_protocol *base, int number)
{
    CHECK(number > 2);
    lost(base, number);
}

static void process_exited(struct process_protocol *base, struct failure reason)
{
    struct child *self = child_of(base);

    CHECK(++self->exited == 1);
    CHECK(process_pid(base->transport) == 0);
    self->reason = reason;
    process_reason_text(reason, self->message);
    note(self, "exited ");
    if (self->on_exited)
        self->on_exited(self);
}

static void process_ended(struct process_protocol *base, struct failure reason)
{
    struct child *self = child_of(base);

    CHECK(++self->ended == 1 && self->exited == 1);
    CHECK(reason.type == self->reason.type);
    CHECK(reason.number == self->reason.number);
    note(self, "ended ");
    if (self->on_ended)
        self->on_ended(self);
    self->process = NULL;
}

static const struct process_protocol_class Child = {
    .name = "Child",
    .size = sizeof(struct process_protocol),
    .connection_made = connection_made,
    .out_received = out_received,
    .err_received = err_received,
    .child_data_received = child_data_received,
    .in_connection_lost = in_connection_lost,
    .out_connection_lost = out_connection_lost,
    .err_connection_lost = err_connection_lost,
    .child_connection_lost = child_connection_lost,
    .process_exited = process_exited,
    .process_ended = process_ended,
};

struct process *child_spawn(struct child *child, struct reactor *reactor,
                            const char *executable,
                            const struct process_options *options)
{
    struct process_options mine = { 0 };

    if (options)
        mine = *options;
    mine.owner = child;
    return reactor_spawn_process(reactor, &Child, executable, &mine);
}

void child_run_with(struct child *child, struct reactor *reactor,
                    const char *script, const struct process_options *options)
{
    const char *const arguments[] = { "sh", "-c", script, NULL };
    struct process_options mine = { 0 };

    if (options)
        mine = *options;
    mine.arguments = arguments;
    struct process *process = child_spawn(child, reactor, "/bin/sh", &mine);
    CHECK(process != NULL && process == child->process);
    CHECK(child->made == 1 && process_pid(process) > 0);
}

void child_run(struct child *child, struct reactor *reactor, const char *script)
{
    child_run_with(child, reactor, script, NULL);
}

double child_deadline(void)
{
    const char *seconds = getenv("TALK_DEADLINE");

    return reactor_seconds() + (seconds ? strtod(seconds, NULL) : 20);
}

void child_turn(struct reactor *reactor, double end, const char *what)
{
    if (reactor_seconds() > end)
        unit_failed(what, "at the deadline", 0);
    loop_run_for(reactor, 0.002);
}

void gate_open(struct gate *gate)
{
    int ends[2];

    CHECK(net_pipe(ends, NET_BLOCKING) == 0);
    gate->childs = ends[0];
    gate->ours = ends[1];
}

void gate_release(struct gate *gate)
{
    close(gate->ours);
    close(gate->childs);
}
