/* SPDX-License-Identifier: MIT
 *
 * What a process protocol hears, from spawn to the end: rows of group S. Each
 * case bears the name of its row.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

static void S1_made_before_it_returns(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { .notes = true };

    child_run(&child, reactor, "echo hello");
    CHECK(unit_noted("made "));
    child.notes = false;
    CHECK(process_get_protocol(child.process)->transport == child.process);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "hello\n"));
    CHECK(child.losts[0] == 1 && child.losts[1] == 1 && child.losts[2] == 1);
    reactor_free(reactor);
}

static void S2_three_pipes(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run(&child, reactor, "read x; echo out $x; echo err $x >&2");
    process_write(child.process, "in", 2);
    process_write(child.process, "put\n", 4);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "out input\n"));
    CHECK(!strcmp(child.err, "err input\n"));
    reactor_free(reactor);
}

/* Without callbacks of their own 1 and 2 are numbers like any other. */
struct general {
    char heard[3]; /* the last byte from each */
    int losts[3];
    bool ended;
};

static void hear_any(struct process_protocol *self, int number,
                     const char *data, size_t length)
{
    struct general *general = self->owner;

    CHECK(number >= 0 && number < 3 && length > 0);
    general->heard[number] = data[length - 1];
}

static void lose_any(struct process_protocol *self, int number)
{
    struct general *general = self->owner;

    CHECK(number >= 0 && number < 3);
    general->losts[number]++;
}

static void note_end(struct process_protocol *self, struct failure reason)
{
    (void)reason;
    ((struct general *)self->owner)->ended = true;
}

static const struct process_protocol_class General = {
    .name = "General",
    .size = sizeof(struct process_protocol),
    .child_data_received = hear_any,
    .child_connection_lost = lose_any,
    .process_ended = note_end,
};

static void S2_S16_one_callback_for_all(const char *poller)
{
    const char *const arguments[] = { "sh", "-c", "printf a; printf b >&2",
                                      NULL };
    struct reactor *reactor = loop_new(poller);
    struct general it = { 0 };
    const struct process_options options = { .arguments = arguments,
                                             .owner = &it };

    CHECK(reactor_spawn_process(reactor, &General, "/bin/sh", &options));
    CHILD_UNTIL(reactor, it.ended);
    CHECK(it.heard[1] == 'a' && it.heard[2] == 'b');
    CHECK(it.losts[0] == 1 && it.losts[1] == 1 && it.losts[2] == 1);
    reactor_free(reactor);
}

/* A child that is done before the loop has begun. */
static void S13_S23_spawned_before_run(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    siginfo_t info;

    child_run(&child, reactor, "echo early; exit 5");
    /* Waits until it is a zombie, and leaves it one. */
    CHECK(waitid(P_PID, (id_t)process_pid(child.process), &info,
                 WEXITED | WNOWAIT) == 0);
    CHECK(child.exited == 0 && child.received == 0);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "early\n"));
    CHECK(process_exit_code(child.reason) == 5);
    reactor_free(reactor);
}

/* The parent may know of the exit before it has seen the output. */
static void S12_S13_trap21_no_output_is_lost(const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    for (int i = 0; i < 50; i++) {
        struct child child = { 0 };
        siginfo_t info;

        child_run(&child, reactor, "printf %5000d 0; printf %3000d 0 >&2");
        CHECK(waitid(P_PID, (id_t)process_pid(child.process), &info,
                     WEXITED | WNOWAIT) == 0);
        CHILD_UNTIL(reactor, child.ended == 1);
        CHECK(child.received == 8000);
    }
    reactor_free(reactor);
}

static void hold(struct child *child, struct reactor *reactor,
                 struct gate *gate, const char *script)
{
    struct process_descriptor rows[] = { { 0, PROCESS_WRITE },
                                         { 1, PROCESS_READ },
                                         { 2, PROCESS_READ },
                                         { 3, -1 } };
    struct process_options options = { .descriptors = rows,
                                       .descriptor_count = 4 };

    gate_open(gate);
    rows[3].from = gate->childs;
    child_run_with(child, reactor, script, &options);
}

/* A grandchild has the pipes when the child is gone. */
static void S14_trap21_a_grandchild_has_the_pipe(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    struct gate gate;

    hold(&child, reactor, &gate, "{ read x <&3; echo late; } & echo parent");
    CHILD_UNTIL(reactor, child.exited == 1 && child.received == 7);
    loop_check_quiet(reactor);
    CHECK(child.losts[1] == 0 && child.losts[2] == 0 && child.ended == 0);
    CHECK(write(gate.ours, "\n", 1) == 1);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "parent\nlate\n"));
    gate_release(&gate);
    reactor_free(reactor);
}

static void S15_S16_the_pipes_end_first(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    struct gate gate;

    hold(&child, reactor, &gate, "exec 0<&- 1>&- 2>&-; read x <&3; exit 7");
    CHILD_UNTIL(reactor, child.losts[0] && child.losts[1] && child.losts[2]);
    loop_check_quiet(reactor);
    CHECK(child.exited == 0 && process_pid(child.process) > 0);
    CHECK(write(gate.ours, "\n", 1) == 1);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(process_exit_code(child.reason) == 7);
    gate_release(&gate);
    reactor_free(reactor);
}

/* Nothing is being written to it. */
static void S16_stdin_is_closed_by_the_child(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    struct gate gate;

    hold(&child, reactor, &gate, "read go; exec 0<&-; read x <&3");
    loop_check_quiet(reactor); /* a pipe with a reader is not readable */
    CHECK(child.losts[0] == 0);
    process_write(child.process, "go\n", 3);
    CHILD_UNTIL(reactor, child.losts[0] == 1);
    CHECK(child.losts[1] == 0 && child.exited == 0);
    process_write(child.process, "too late", 8);
    CHECK(!process_get_transport(child.process, 0));
    CHECK(write(gate.ours, "\n", 1) == 1);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(process_exit_code(child.reason) == 0);
    gate_release(&gate);
    reactor_free(reactor);
}

/* Far more is waiting than the pipe takes, and the child goes. */
static void S16_killed_with_input_waiting(const char *poller)
{
    static char much[1000000];
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run(&child, reactor, "exec sleep 10");
    process_write(child.process, much, sizeof(much));
    loop_turns(reactor, 5);
    CHECK(transport_queued(process_get_transport(child.process, 0)) > 0);
    process_close_stdin(child.process);
    CHECK(process_signal(child.process, "KILL") == 0);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(process_exit_signal(child.reason) == SIGKILL);
    reactor_free(reactor);
}

static void ends_with(const char *poller, const char *script, const char *text,
                      int code, int signal)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    char name_only[FAILURE_TEXT_MAX];

    child_run(&child, reactor, script);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(
        failure_check(child.reason, code ? &ProcessTerminated : &ProcessDone));
    failure_message(child.reason, name_only);
    CHECK(!strncmp(child.message, name_only, strlen(name_only) - 1));
    if (strcmp(child.message, text))
        unit_failed(child.message, text, code);
    CHECK(process_exit_code(child.reason) == code);
    CHECK(process_exit_signal(child.reason) == signal);
    reactor_free(reactor);
}

static void S17_the_words(const char *poller)
{
    struct failure unknown = { &ProcessTerminated, PROCESS_STATUS_UNKNOWN,
                               NULL };
    char text[FAILURE_TEXT_MAX];

    ends_with(poller, "exit 0",
              "A process has ended without apparent errors: process finished "
              "with exit code 0.",
              0, 0);
    ends_with(poller, "exit 1",
              "A process has ended with a probable error condition: process "
              "ended with exit code 1.",
              1, 0);
    ends_with(poller, "exit 255",
              "A process has ended with a probable error condition: process "
              "ended with exit code 255.",
              255, 0);
    ends_with(poller, "kill -KILL $$",
              "A process has ended with a probable error condition: process "
              "ended by signal 9.",
              -1, 9);
    ends_with(poller, "ulimit -c 0; kill -SEGV $$",
              "A process has ended with a probable error condition: process "
              "ended by signal 11.",
              -1, 11);
    CHECK(!strcmp(process_reason_text(unknown, text),
                  "A process has ended with a probable error condition: "
                  "process ended."));
    CHECK(process_exit_code(unknown) == -1);
    CHECK(process_exit_signal(unknown) == 0);
}

static void S18_close_stdin_sends_all_first(const char *poller)
{
    static char much[1000000];
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run(&child, reactor, "exec wc -c");
    process_write(child.process, much, sizeof(much));
    process_close_stdin(child.process);
    process_close_stdin(child.process);
    process_write(child.process, "+more", 5);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "1000005\n"));
    CHECK(process_exit_code(child.reason) == 0);
    reactor_free(reactor);
}

static void S19_close_an_output(const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    for (int number = 1; number <= 2; number++) {
        struct child child = { 0 };
        struct gate gate;

        hold(&child, reactor, &gate,
             number == 1 ? "read x <&3; echo a; exit 3"
                         : "read x <&3; echo a >&2; exit 3");
        process_close_child_fd(child.process, number);
        CHILD_UNTIL(reactor, child.losts[number] == 1);
        CHECK(write(gate.ours, "\n", 1) == 1);
        CHILD_UNTIL(reactor, child.ended == 1);
        CHECK(process_exit_signal(child.reason) == SIGPIPE);
        CHECK(child.received == 0);
        gate_release(&gate);
    }
    reactor_free(reactor);
}

static void S19_lose_connection(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { .notes = true };
    struct gate gate;

    hold(&child, reactor, &gate, "read x; read y <&3; exit 4");
    process_lose_connection(child.process);
    CHILD_UNTIL(reactor, child.losts[0] && child.losts[1] && child.losts[2]);
    CHECK(unit_noted("made lost1 lost2 lost0 "));
    CHECK(child.exited == 0);
    CHECK(write(gate.ours, "\n", 1) == 1);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(unit_noted("exited ended "));
    CHECK(process_exit_code(child.reason) == 4);
    gate_release(&gate);
    reactor_free(reactor);
}

static void stop_producing(struct producer *self)
{
    (void)self;
    unit_note("stopped ");
}

static void S20_no_such_pipe(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    const struct process_descriptor rows[] = { { 1, PROCESS_READ } };
    const struct process_options options = { .descriptors = rows,
                                             .descriptor_count = 1 };
    struct producer producer = { .stop_producing = stop_producing };
    struct child child = { 0 };

    child_run_with(&child, reactor, "echo hello", &options);
    process_write(child.process, "dropped", 7);
    CHECK(process_register_producer(child.process, &producer, true) == 0);
    CHECK(unit_noted("stopped "));
    process_unregister_producer(child.process);
    CHECK(process_write_to_child(child.process, 5, "x", 1) == -1 &&
          errno == EBADF);
    CHECK(process_write_to_child(child.process, 1, "x", 1) == -1 &&
          errno == EBADF);
    process_close_child_fd(child.process, 5);
    process_close_stdin(child.process);
    CHECK(!process_get_transport(child.process, 0));
    CHECK(process_get_transport(child.process, 1) != NULL);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(child.losts[0] == 0 && child.losts[1] == 1 && child.losts[2] == 0);
    CHECK(!strcmp(child.out, "hello\n"));
    /* One that we read is not one that we write. */
    const struct process_descriptor odd[] = { { 0, PROCESS_READ } };
    const struct process_options other = { .descriptors = odd,
                                           .descriptor_count = 1 };
    child = (struct child){ 0 };
    child_run_with(&child, reactor, "echo hello >&0", &other);
    process_write(child.process, "dropped", 7);
    CHECK(process_register_producer(child.process, &producer, true) == 0);
    CHECK(unit_noted("stopped "));
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(child.losts[0] == 1 && unit_noted(""));
    reactor_free(reactor);
}

static void signal_once_more(struct child *self)
{
    CHECK(process_signal(self->process, "KILL") == -1 && errno == ESRCH);
    CHECK(process_signal_number(self->process, 0) == -1 && errno == ESRCH);
    CHECK(process_pid(self->process) == 0);
}

static void S21_signals(const char *poller)
{
    static const struct {
        const char *name;
        int number;
    } all[] = { { "HUP", SIGHUP },
                { "INT", SIGINT },
                { "KILL", SIGKILL },
                { "TERM", SIGTERM },
                { NULL, SIGUSR1 } };
    struct reactor *reactor = loop_new(poller);

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        struct child child = { .on_exited = signal_once_more,
                               .on_ended = signal_once_more };
        child_run(&child, reactor, "exec sleep 10");
        CHECK(process_signal(child.process, "PIPE") == -1 && errno == EINVAL);
        CHECK(process_signal(child.process, "STOP") == 0);
        loop_turns(reactor, 3);
        CHECK(child.exited == 0);
        CHECK(process_signal_number(child.process, SIGCONT) == 0);
        if (all[i].name)
            CHECK(process_signal(child.process, all[i].name) == 0);
        else
            CHECK(process_signal_number(child.process, all[i].number) == 0);
        CHILD_UNTIL(reactor, child.ended == 1);
        CHECK(process_exit_signal(child.reason) == all[i].number);
    }
    reactor_free(reactor);
}

static void S24_pause_and_resume(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run(&child, reactor, "echo out; echo err >&2");
    process_pause_producing(child.process);
    CHILD_UNTIL(reactor, child.exited == 1);
    loop_check_quiet(reactor);
    CHECK(child.received == 0 && child.losts[1] == 0 && child.ended == 0);
    process_resume_producing(child.process);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(child.received == 8);
    reactor_free(reactor);
}

static void S25_the_loop_stops(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 }, other = { 0 };
    struct delayed_call stop = { 0 };
    struct gate gate;
    siginfo_t info = { 0 };

    hold(&child, reactor, &gate, "read x <&3; exit 6");
    child_run(&other, reactor, "exec sleep 10 >/dev/null 2>&1");
    pid_t pid = process_pid(child.process),
          sleeper = process_pid(other.process);
    CHECK(reactor_call_later(reactor, &stop, 0, loop_stop, reactor) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(child.losts[0] && child.losts[1] && child.losts[2]);
    CHECK(process_signal(other.process, "KILL") == 0); /* still ours */
    reactor_free(reactor);
    CHECK(child.exited == 0 && child.ended == 0);
    CHECK(write(gate.ours, "\n", 1) == 1);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0);
    CHECK(info.si_code == CLD_EXITED && info.si_status == 6);
    CHECK(waitid(P_PID, (id_t)sleeper, &info, WEXITED) == 0);
    gate_release(&gate);
}

/* A loop that never ran, or crashed, has pipes when it is freed. */
static void S25_the_loop_is_freed(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 }, reaped = { 0 };
    struct gate gate, other;
    siginfo_t info;

    hold(&child, reactor, &gate, "read x <&3");
    hold(&reaped, reactor, &other, "read x <&3 & exit 0");
    pid_t pid = process_pid(child.process);
    CHILD_UNTIL(reactor, reaped.exited == 1);
    reactor_free(reactor);
    CHECK(child.losts[0] && child.losts[1] && child.losts[2]);
    CHECK(child.exited == 0 && child.ended == 0);
    CHECK(reaped.ended == 1); /* it had been reaped */
    gate_release(&gate);
    gate_release(&other);
    CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0);
    reactor = loop_new(poller); /* and SIGCHLD is free again */
    struct child again = { 0 };
    child_run(&again, reactor, "exit 2");
    CHILD_UNTIL(reactor, again.ended == 1);
    reactor_free(reactor);
}

/* Somebody else takes its status away. */
static void ECHILD_is_an_end_as_well(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    siginfo_t info;

    child_run(&child, reactor, "exit 1");
    CHECK(waitid(P_PID, (id_t)process_pid(child.process), &info, WEXITED) == 0);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(child.reason.number == PROCESS_STATUS_UNKNOWN);
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "S1_made_before_it_returns", S1_made_before_it_returns },
    { "S2_three_pipes", S2_three_pipes },
    { "S2_S16_one_callback_for_all", S2_S16_one_callback_for_all },
    { "S13_S23_spawned_before_run", S13_S23_spawned_before_run },
    { "S12_S13_trap21_no_output_is_lost", S12_S13_trap21_no_output_is_lost },
    { "S14_trap21_a_grandchild_has_the_pipe",
      S14_trap21_a_grandchild_has_the_pipe },
    { "S15_S16_the_pipes_end_first", S15_S16_the_pipes_end_first },
    { "S16_stdin_is_closed_by_the_child", S16_stdin_is_closed_by_the_child },
    { "S16_killed_with_input_waiting", S16_killed_with_input_waiting },
    { "S17_the_words", S17_the_words },
    { "S18_close_stdin_sends_all_first", S18_close_stdin_sends_all_first },
    { "S19_close_an_output", S19_close_an_output },
    { "S19_lose_connection", S19_lose_connection },
    { "S20_no_such_pipe", S20_no_such_pipe },
    { "S21_signals", S21_signals },
    { "S24_pause_and_resume", S24_pause_and_resume },
    { "S25_the_loop_stops", S25_the_loop_stops },
    { "S25_the_loop_is_freed", S25_the_loop_is_freed },
    { "ECHILD_is_an_end_as_well", ECHILD_is_an_end_as_well },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
