/* SPDX-License-Identifier: MIT
 *
 * Children with a terminal: row S26.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "child.h"

static const struct process_options terminal = { .use_pty = true };

static void S26_a_terminal_on_all_three(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run_with(&child, reactor,
                   "test -t 0 && test -t 1 && test -t 2 && echo yes; "
                   "echo err >&2; echo hello >/dev/tty; "
                   "ls -x /proc/$$/fd; exit 3",
                   &terminal);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "yes\r\nerr\r\nhello\r\n0  1  2\r\n"));
    CHECK(child.err[0] == '\0');
    CHECK(process_exit_code(child.reason) == 3);
    CHECK(child.losts[0] == 1 && child.losts[1] == 1 && child.losts[2] == 0);
    reactor_free(reactor);
}

/* Field 6 of /proc/PID/stat is the session, field 8 who has the terminal. */
static void S26_a_session_of_its_own(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run_with(&child, reactor,
                   "read a b c d e session tty group rest </proc/$$/stat; "
                   "test $session = $$ && test $group = $$ && test $tty != 0 "
                   "&& echo yes",
                   &terminal);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "yes\r\n"));
    reactor_free(reactor);
}

static void S26_input_is_echoed(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run_with(&child, reactor, "read x; echo got $x", &terminal);
    process_write(child.process, "input\n", 6);
    process_close_stdin(child.process);
    process_close_child_fd(child.process, 1);
    process_close_child_fd(child.process, 2);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "input\r\ngot input\r\n"));
    reactor_free(reactor);
}

static void S26_control_c(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run_with(&child, reactor, "echo ready; exec sleep 10", &terminal);
    CHILD_UNTIL(reactor, child.received > 0);
    process_write(child.process, "\003", 1);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(process_exit_signal(child.reason) == SIGINT);
    reactor_free(reactor);
}

static void S26_hang_up(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run_with(&child, reactor, "echo ready; exec sleep 10", &terminal);
    CHILD_UNTIL(reactor, child.received > 0);
    loop_check_quiet(reactor);
    process_lose_connection(child.process);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(process_exit_signal(child.reason) == SIGHUP);
    CHECK(child.losts[0] == 1 && child.losts[1] == 1);
    reactor_free(reactor);
}

/* Both sides are full at times, and neither waits for the other. */
static void S26_much_in_and_out(const char *poller)
{
    enum { LINES = 5000, LINE = 64 };
    static char lines[LINES * LINE];
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    memset(lines, 'x', sizeof(lines));
    for (int i = 1; i <= LINES; i++)
        lines[i * LINE - 1] = '\n';
    child_run_with(&child, reactor, "stty -echo -onlcr; echo r; exec cat",
                   &terminal);
    CHILD_UNTIL(reactor, child.received == 2);
    process_write(child.process, lines, sizeof(lines));
    process_write(child.process, "\004", 1); /* the end, on a terminal */
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(child.received == sizeof(lines) + 2);
    CHECK(process_exit_code(child.reason) == 0);
    reactor_free(reactor);
}

static void S26_paused(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run_with(&child, reactor, "echo waits", &terminal);
    process_pause_producing(child.process);
    CHILD_UNTIL(reactor, child.exited == 1);
    loop_check_quiet(reactor);
    CHECK(child.received == 0 && child.ended == 0);
    process_resume_producing(child.process);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "waits\r\n"));
    reactor_free(reactor);
}

/* It has gone without having read all that was written to it. */
static void S26_output_before_the_end(const char *poller)
{
    static char much[100000];
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    memset(much, '\n', sizeof(much));
    child_run_with(&child, reactor, "stty -echo; echo ready; read x; echo last",
                   &terminal);
    CHILD_UNTIL(reactor, child.received > 0);
    process_pause_producing(child.process);
    process_write(child.process, much, sizeof(much));
    CHILD_UNTIL(reactor, child.exited == 1 && child.losts[0] == 1);
    loop_check_quiet(reactor);
    CHECK(child.ended == 0);
    process_resume_producing(child.process);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "ready\r\nlast\r\n"));
    reactor_free(reactor);
}

/* It closes the terminal and lives on, and is not killed for that. */
static void S26_S15_a_terminal_that_is_closed(const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    for (int hangs_up = 0; hangs_up < 2; hangs_up++) {
        struct child child = { 0 };
        child_run_with(&child, reactor, "exec 0<&- 1>&- 2>&-; exec sleep 10",
                       &terminal);
        CHILD_UNTIL(reactor, child.losts[0] == 1 && child.losts[1] == 1);
        loop_check_quiet(reactor);
        CHECK(child.exited == 0);
        if (hangs_up)
            process_lose_connection(child.process);
        else
            CHECK(process_signal(child.process, "TERM") == 0);
        CHILD_UNTIL(reactor, child.ended == 1);
        CHECK(process_exit_signal(child.reason) ==
              (hangs_up ? SIGHUP : SIGTERM));
    }
    reactor_free(reactor);
}

static void S26_no_map_beside_it(const char *poller)
{
    static const struct process_descriptor rows[] = { { 1, PROCESS_READ } };
    struct reactor *reactor = loop_new(poller);
    const struct process_options both = { .use_pty = true,
                                          .descriptors = rows,
                                          .descriptor_count = 1 };
    struct child child = { 0 };

    CHECK(!child_spawn(&child, reactor, "/bin/true", &both));
    CHECK(errno == EINVAL && child.made == 0);
    reactor_free(reactor);
}

static void S25_the_loop_is_freed(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run_with(&child, reactor, "exec sleep 10", &terminal);
    reactor_free(reactor); /* the terminal hangs up */
    CHECK(child.losts[0] == 1 && child.losts[1] == 1 && child.ended == 0);
}

static const struct unit_case cases[] = {
    { "S26_a_terminal_on_all_three", S26_a_terminal_on_all_three },
    { "S26_a_session_of_its_own", S26_a_session_of_its_own },
    { "S26_input_is_echoed", S26_input_is_echoed },
    { "S26_control_c", S26_control_c },
    { "S26_hang_up", S26_hang_up },
    { "S26_much_in_and_out", S26_much_in_and_out },
    { "S26_paused", S26_paused },
    { "S26_output_before_the_end", S26_output_before_the_end },
    { "S26_S15_a_terminal_that_is_closed", S26_S15_a_terminal_that_is_closed },
    { "S26_no_map_beside_it", S26_no_map_beside_it },
    { "S25_the_loop_is_freed", S25_the_loop_is_freed },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
