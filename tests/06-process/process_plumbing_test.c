/* SPDX-License-Identifier: MIT
 *
 * What a child begins with: descriptors under the right numbers and no others,
 * signals, environment, directory; and spawns that fail. Each case bears the
 * name of its row.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "net/net.h"
#include "process/spawn.h"

enum { SIGNALS = 31 }; /* without those of POSIX's real-time extension */

/* A file with this text in it that nobody else sees, close-on-exec or not. */
static int file_with(const char *text, int flags)
{
    char path[] = "/tmp/untwist-XXXXXX";
    int fd = mkstemp(path);
    size_t length = strlen(text);

    CHECK(fd >= 0 && unlink(path) == 0);
    CHECK(write(fd, text, length) == (ssize_t)length);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(fcntl(fd, F_SETFD, flags) == 0);
    return fd;
}

static int file_at(int number, const char *text, int flags)
{
    int fd = file_with(text, flags);

    CHECK(dup2(fd, number) == number);
    CHECK(fcntl(number, F_SETFD, flags) == 0);
    close(fd);
    return number;
}

/* What the script prints, with such a map. */
static void prints(struct reactor *reactor,
                   const struct process_descriptor *rows, int count,
                   const char *script, const char *text)
{
    const struct process_options options = { .descriptors = rows,
                                             .descriptor_count = count };
    struct child child = { 0 };

    child_run_with(&child, reactor, script, &options);
    CHILD_UNTIL(reactor, child.ended == 1);
    if (strcmp(child.out, text))
        unit_failed(child.out, text, 0);
}

/* The descriptors of the shell, while it waits for ls. */
static const char list[] = "ls -x /proc/$$/fd; :";

static void S3_only_the_mapped_numbers(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    int file = file_with("shared", 0);
    const struct process_descriptor rows[] = {
        { 7, PROCESS_WRITE }, { 1, PROCESS_READ },  { 5, file },
        { 9, PROCESS_READ },  { 0, PROCESS_WRITE }, { 2, PROCESS_READ }
    };
    const struct process_options options = { .descriptors = rows,
                                             .descriptor_count = 6 };
    struct child child = { 0 };

    child_run_with(&child, reactor, "ls -x /proc/$$/fd; cat <&5; cat <&7 >&9",
                   &options);
    CHECK(process_write_to_child(child.process, 7, "seven", 5) == 0);
    process_close_child_fd(child.process, 7);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "0  1  2  5  7  9\nshared"));
    CHECK(!strcmp(child.other, "seven") && child.other_number == 9);
    CHECK(child.other_losts == 2);
    prints(reactor, rows + 1, 1, list, "1\n");
    struct child bare = { 0 };
    const struct process_options none = { .descriptors = rows };
    child_run_with(&bare, reactor, "exit 3", &none);
    CHILD_UNTIL(reactor, bare.ended == 1);
    CHECK(process_exit_code(bare.reason) == 3);
    close(file);
    reactor_free(reactor);
}

static void S4_trap22_exchanged(const char *poller)
{
    static const char script[] = "cat /dev/fd/60 /dev/fd/61 /dev/fd/62";
    struct reactor *reactor = loop_new(poller);

    for (int flags = 0; flags <= FD_CLOEXEC; flags += FD_CLOEXEC) {
        file_at(60, "a", flags);
        file_at(61, "b", flags);
        file_at(62, "c", flags);
        const struct process_descriptor rows[] = {
            { 1, PROCESS_READ }, { 60, 61 }, { 61, 60 }, { 62, 62 }
        };
        prints(reactor, rows, 4, script, "bac");
        const struct process_descriptor round[] = {
            { 60, 61 }, { 61, 62 }, { 62, 60 }, { 1, PROCESS_READ }
        };
        prints(reactor, round, 4, script, "bca");
        const struct process_descriptor same[] = {
            { 61, 60 }, { 60, 60 }, { 62, 60 }, { 1, PROCESS_READ }
        };
        prints(reactor, same, 4, script, "aaa");
        prints(reactor, same, 4, "ls -x /proc/$$/fd; :", "1  60  61  62\n");
        for (int fd = 60; fd <= 62; fd++) {
            CHECK(fcntl(fd, F_GETFD) == flags); /* ours are as they were */
            close(fd);
        }
    }
    reactor_free(reactor);
}

/* A source that is moved aside must not be put where a target is to be: these
 * are the lowest numbers that are free. */
static void S4_targets_that_are_free(const char *poller)
{
    enum { FREE = 8, ROWS = FREE + 3 };
    struct reactor *reactor = loop_new(poller);
    struct process_descriptor rows[ROWS];
    int fds[FREE];

    file_at(60, "a", 0);
    file_at(61, "b", 0);
    file_at(62, "c", 0);
    for (int i = 0; i < FREE; i++)
        CHECK((fds[i] = dup(62)) >= 0);
    for (int i = 0; i < FREE; i++) {
        close(fds[i]);
        rows[i] = (struct process_descriptor){ fds[i], 62 };
    }
    rows[FREE] = (struct process_descriptor){ 60, 61 };
    rows[FREE + 1] = (struct process_descriptor){ 61, 60 };
    rows[FREE + 2] = (struct process_descriptor){ 1, PROCESS_READ };
    prints(reactor, rows, ROWS, "cat /dev/fd/60 /dev/fd/61", "ba");
    for (int fd = 60; fd <= 62; fd++)
        close(fd);
    reactor_free(reactor);
}

static void says_its_number(struct child *self)
{
    char text[16];

    snprintf(text, sizeof(text), "%d\n", self->other_number);
    CHECK(!strcmp(self->other, text));
    memset(self->other, 0, sizeof(self->other));
}

/* The ends of new pipes land on numbers that the child has other plans for:
 * the first pipe gets the number of the last, and so on. */
static void S4_trap22_pipes_in_the_way(const char *poller)
{
    enum { PIPES = 8 };
    struct reactor *reactor = loop_new(poller);
    struct process_descriptor rows[PIPES];
    int ends[PIPES][2];
    char script[PIPES * 32] = "";

    for (int i = 0; i < PIPES; i++)
        CHECK(net_pipe(ends[i], NET_BLOCKING) == 0);
    for (int i = 0; i < PIPES; i++) {
        char line[32];
        rows[i].child_fd = ends[PIPES - 1 - i][1];
        rows[i].from = PROCESS_READ;
        snprintf(line, sizeof(line), "echo %d >/dev/fd/%d;", rows[i].child_fd,
                 rows[i].child_fd);
        strcat(script, line);
        close(ends[PIPES - 1 - i][0]);
        close(ends[PIPES - 1 - i][1]);
    }
    const struct process_options options = { .descriptors = rows,
                                             .descriptor_count = PIPES };
    struct child child = { .on_other = says_its_number };
    child_run_with(&child, reactor, script, &options);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(process_exit_code(child.reason) == 0);
    CHECK(child.other_losts == PIPES && child.received > 0);
    reactor_free(reactor);
}

/* The first numbers that pipes get are 0, 1 and 2. */
static void S4_a_parent_without_standard_descriptors(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    int saved[3];

    for (int fd = 0; fd < 3; fd++) {
        saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
        close(fd);
    }
    child_run(&child, reactor,
              "read x; echo out $x; echo err >&2; ls -x /proc/$$/fd; :");
    process_write(child.process, "in\n", 3);
    CHILD_UNTIL(reactor, child.ended == 1);
    for (int fd = 0; fd < 3; fd++) {
        if (saved[fd] >= 0)
            dup2(saved[fd], fd);
        close(saved[fd]);
    }
    CHECK(!strcmp(child.out, "out in\n0  1  2\n"));
    CHECK(!strcmp(child.err, "err\n"));
    reactor_free(reactor);
}

static void S5_trap22_nothing_else_is_open(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    int kept = file_with("kept", 0), high = file_at(77, "high", 0);
    struct child child = { 0 };

    child_run(&child, reactor, list);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "0  1  2\n"));
    close(kept);
    close(high);
    reactor_free(reactor);
}

/* Numbers that somebody else has opened: ordinary, high, and above a limit that
 * was lowered since. Whatever the limit is, it takes little processor time to
 * find them. */
static void L12_nothing_is_inherited(const char *poller)
{
    static const int numbers[] = { 40, 77, 5000, 70000 };
    enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };
    struct reactor *reactor = loop_new(poller);
    struct rlimit before, limit;
    int file = file_with("", 0);

    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit = (struct rlimit){ before.rlim_max, before.rlim_max };
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (int i = 0; i < NUMBERS; i++)
        if ((rlim_t)numbers[i] < limit.rlim_max)
            CHECK(dup2(file, numbers[i]) == numbers[i]);
    for (int low = 0; low < 2; low++) {
        const rlim_t lower = 64;
        struct child child = { 0 };
        limit.rlim_cur = low ? lower : limit.rlim_max;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        clock_t start = clock();
        child_run(&child, reactor, list);
        CHECK(clock() - start < CLOCKS_PER_SEC / 2);
        CHILD_UNTIL(reactor, child.ended == 1);
        if (strcmp(child.out, "0  1  2\n"))
            unit_failed(child.out, "0  1  2", low);
    }
    for (int i = 0; i < NUMBERS; i++)
        close(numbers[i]);
    close(file);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    reactor_free(reactor);
}

static void S5_trap22_a_sibling_has_no_pipe_of_mine(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child cat = { 0 }, sleeper = { 0 };

    child_run(&cat, reactor, "exec timeout 5 cat");
    child_run(&sleeper, reactor, "exec sleep 5");
    process_write(cat.process, "meow", 4);
    process_close_stdin(cat.process);
    CHILD_UNTIL(reactor, cat.ended == 1);
    CHECK(!strcmp(cat.out, "meow") && sleeper.exited == 0);
    CHECK(process_signal(sleeper.process, "KILL") == 0);
    CHILD_UNTIL(reactor, sleeper.ended == 1);
    reactor_free(reactor);
}

static bool is_pipe(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

static void S6_trap22_who_blocks(const char *poller)
{
    enum { NUMBERS = 64 };
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    bool before[NUMBERS];
    int pipes = 0;

    for (int fd = 0; fd < NUMBERS; fd++)
        before[fd] = is_pipe(fd);
    child_run(&child, reactor, "grep -h flags /proc/$$/fdinfo/[012]; read x");
    for (int fd = 0; fd < NUMBERS; fd++) {
        if (before[fd] || !is_pipe(fd))
            continue;
        CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        pipes++;
    }
    CHECK(pipes == 3);
    process_write(child.process, "\n", 1);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "flags:\t00\nflags:\t01\nflags:\t01\n"));
    reactor_free(reactor);
}

/* Whatever the parent ignores, SIGPIPE and SIGXFSZ among it, and blocks. */
static void S7_L2_L10_signals_are_as_new(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct sigaction ignore = { .sa_handler = SIG_IGN }, before[SIGNALS + 1];
    struct child child = { 0 };
    sigset_t all, mask;

    sigfillset(&all);
    for (int signal = 1; signal <= SIGNALS; signal++)
        if (signal != SIGCHLD)
            sigaction(signal, &ignore, &before[signal]);
    CHECK(sigprocmask(SIG_BLOCK, &all, &mask) == 0);
    const char *const arguments[] = { "grep", "-E", "Sig(Blk|Ign|Cgt)",
                                      "/proc/self/status", NULL };
    const struct process_options options = { .arguments = arguments };
    CHECK(child_spawn(&child, reactor, "/bin/grep", &options) != NULL);
    CHECK(sigprocmask(SIG_SETMASK, &mask, NULL) == 0);
    CHILD_UNTIL(reactor, child.ended == 1);
    for (int signal = 1; signal <= SIGNALS; signal++)
        if (signal != SIGCHLD && signal != SIGKILL && signal != SIGSTOP)
            CHECK(sigaction(signal, &before[signal], NULL) == 0);
    CHECK(!strncmp(child.out,
                   "SigBlk:\t0000000000000000\n"
                   "SigIgn:\t0000000000000000\n",
                   50));
    reactor_free(reactor);
}

static void env(struct reactor *reactor, struct process_options options,
                const char *text)
{
    struct child child = { 0 };

    CHECK(child_spawn(&child, reactor, "/usr/bin/env", &options) != NULL);
    CHILD_UNTIL(reactor, child.ended == 1);
    if (!text)
        CHECK(strstr(child.out, "UNTWIST_MARK=1\n") != NULL);
    else if (strcmp(child.out, text))
        unit_failed(child.out, text, 0);
}

static void S8_the_environment(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    const char *const table[] = { "B=2", "A=1 and more", NULL };

    CHECK(setenv("UNTWIST_MARK", "1", 1) == 0);
    env(reactor, (struct process_options){ 0 }, "");
    env(reactor, (struct process_options){ .environment = table },
        "B=2\nA=1 and more\n");
    env(reactor, (struct process_options){ .parent_environment = true }, NULL);
    reactor_free(reactor);
}

static void S9_the_working_directory(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    char before[512], after[512];

    CHECK(getcwd(before, sizeof(before)) != NULL);
    for (int i = 0; i < 2; i++) {
        struct child child = { 0 };
        const struct process_options options = { .path = i ? "/proc" : NULL };
        child_run_with(&child, reactor, "pwd -P", &options);
        CHILD_UNTIL(reactor, child.ended == 1);
        child.out[strlen(child.out) - 1] = '\0';
        CHECK(!strcmp(child.out, i ? "/proc" : before));
    }
    CHECK(getcwd(after, sizeof(after)) && !strcmp(before, after));
    reactor_free(reactor);
}

static void fails(struct reactor *reactor, const char *executable,
                  const struct process_options *options, int error)
{
    struct child child = { 0 };

    errno = 0;
    CHECK(!child_spawn(&child, reactor, executable, options));
    if (errno != error)
        unit_failed(strerror(errno), executable, error);
    loop_turns(reactor, 2);
    CHECK(child.made == 0 && child.exited == 0 && child.losts[1] == 0);
}

static void S11_what_cannot_be_run(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    char path[] = "untwist-XXXXXX", long_one[1 << 18], slashed[64];
    int fd = mkstemp(path);

    CHECK(fd >= 0 && write(fd, "no program\n", 11) == 11);
    snprintf(slashed, sizeof(slashed), "./%s", path);
    fails(reactor, "/no/such/program", NULL, ENOENT);
    setenv("PATH", "/usr/bin:/bin", 1); /* ours may not be searched: EACCES */
    fails(reactor, "untwist-no-such-program", NULL, ENOENT);
    fails(reactor, "/tmp", NULL, EACCES);
    fails(reactor, slashed, NULL, EACCES);
    CHECK(fchmod(fd, 0700) == 0);
    close(fd);
    fails(reactor, slashed, NULL, ENOEXEC);
    CHECK(unlink(path) == 0);
    const struct process_options nowhere = { .path = "/no/such/place" };
    fails(reactor, "/bin/true", &nowhere, ENOENT);
    memset(long_one, 'x', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    const char *const many[] = { "true", long_one, NULL };
    const struct process_options heavy = { .arguments = many };
    fails(reactor, "/bin/true", &heavy, E2BIG);
    const struct process_options terminal = { .use_pty = true };
    fails(reactor, "/no/such/program", &terminal, ENOENT);
    reactor_free(reactor);
}

/* A name without a slash is looked up in our PATH. */
static void S11_a_name_is_looked_up(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    CHECK(child_spawn(&child, reactor, "true", NULL));
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(process_exit_code(child.reason) == 0);
    reactor_free(reactor);
}

/* Field 5 of /proc/PID/stat is the group, 6 the session, 7 the terminal. */
static void a_session_of_its_own(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run(&child, reactor,
              "read a b c d group session tty rest </proc/$$/stat; "
              "test $group = $$ && test $session = $$ && test $tty = 0 && "
              "echo own");
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "own\n"));
    reactor_free(reactor);
}

/* In a program that has a terminal: there a child that reads it, and is not in
 * its foreground, would be stopped, and nobody continue it. */
static void try_dev_tty(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    const char *path;
    int ours = spawn_open_terminal(&path);

    CHECK(ours >= 0 && path && setsid() > 0 && open(path, O_RDWR) >= 0);
    CHECK(open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0); /* it has one */
    child_run(&child, reactor, "read x </dev/tty; echo went on; kill 0");
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(!strcmp(child.out, "went on\n"));
    CHECK(process_exit_signal(child.reason) == SIGTERM);
    reactor_free(reactor);
}

static void L8_no_terminal_that_stops_it(const char *poller)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        try_dev_tty(poller);
        _exit(0);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void S11_maps_that_make_no_sense(const char *poller)
{
    static const struct process_descriptor twice[] = { { 1, 0 }, { 1, 0 } },
                                           negative[] = { { -1, 0 } },
                                           unknown[] = { { 1, -3 } },
                                           closed[] = { { 1, 4000 } };
    struct process_descriptor many[PROCESS_DESCRIPTORS_MAX + 1];
    struct child child = { 0 };
    struct reactor *reactor = loop_new(poller);
    struct process_options options = { .descriptor_count = 1 };

    options.descriptors = negative;
    fails(reactor, "/bin/true", &options, EINVAL);
    options.descriptors = unknown;
    fails(reactor, "/bin/true", &options, EINVAL);
    options.descriptors = closed;
    fails(reactor, "/bin/true", &options, EBADF);
    options.descriptor_count = 2;
    options.descriptors = twice;
    fails(reactor, "/bin/true", &options, EINVAL);
    int fd = file_with("", FD_CLOEXEC);
    for (int i = 0; i <= PROCESS_DESCRIPTORS_MAX; i++)
        many[i] = (struct process_descriptor){ i, fd };
    options.descriptor_count = PROCESS_DESCRIPTORS_MAX + 1;
    options.descriptors = many;
    fails(reactor, "/bin/true", &options, EINVAL);
    options.descriptor_count = -1;
    fails(reactor, "/bin/true", &options, EINVAL);
    options.descriptor_count = PROCESS_DESCRIPTORS_MAX;
    CHECK(child_spawn(&child, reactor, "/bin/true", &options));
    CHILD_UNTIL(reactor, child.ended == 1);
    close(fd);
    reactor_free(reactor);
}

/* unit_main sees whether a descriptor is left. */
static void spawn_without_memory(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    int failures = 0;

    for (int pty = 0; pty < 2; pty++) {
        for (int after = 0;; after++) {
            const struct process_options options = { .use_pty = pty };
            struct child child = { 0 };
            unit_fail_allocation(after);
            child_spawn(&child, reactor, "/bin/true", &options);
            bool failed = unit_allocation_failed();
            unit_fail_allocation(-1);
            if (child.process)
                CHILD_UNTIL(reactor, child.ended == 1);
            failures += !child.made;
            if (!failed)
                break;
            CHECK(child.made == child.ended);
        }
    }
    CHECK(failures >= 10);
    reactor_free(reactor);
}

static void spawn_without_descriptors(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct rlimit before, fewer;
    int failures = 0, next = fcntl(0, F_DUPFD, 3);

    close(next);
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    fewer = before;
    for (int room = 0; room < 12; room++) {
        struct child child = { 0 };
        fewer.rlim_cur = (rlim_t)(next + room);
        CHECK(setrlimit(RLIMIT_NOFILE, &fewer) == 0);
        errno = 0;
        if (!child_spawn(&child, reactor, "/bin/true", NULL)) {
            CHECK(errno == EMFILE);
            failures++;
        }
        CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
        CHILD_UNTIL(reactor, child.ended == child.made);
    }
    CHECK(failures >= 6 && failures < 12);
    reactor_free(reactor);
}

static void somebody(void *argument)
{
    (void)argument;
}

static void somebody_has_the_signal(const char *poller)
{
    struct reactor *reactor = loop_new(poller), *other = loop_new(poller);
    struct child child = { 0 };

    CHECK(reactor_on_signal(other, SIGCHLD, somebody, NULL) == 0);
    fails(reactor, "/bin/true", NULL, EBUSY);
    reactor_free(other);
    child_run(&child, reactor, "exit 0");
    other = loop_new(poller);
    struct child another = { 0 };
    CHECK(!child_spawn(&another, other, "/bin/true", NULL) && errno == EBUSY);
    CHILD_UNTIL(reactor, child.ended == 1);
    reactor_free(other);
    reactor_free(reactor);
}

static int exits;

static void count_exit(void)
{
    exits++;
}

/* Nothing of ours runs twice: no buffer is flushed, no hook, no loop. */
static void S10_trap23_a_failing_exec(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    FILE *file = tmpfile();
    char text[101] = { 0 };

    CHECK(file != NULL && atexit(count_exit) == 0);
    memset(text, 'x', 100);
    CHECK(fputs(text, file) >= 0);
    for (int i = 0; i < 20; i++)
        fails(reactor, "/no/such/program", NULL, ENOENT);
    CHECK(exits == 0 && fflush(file) == 0);
    CHECK(lseek(fileno(file), 0, SEEK_END) == 100);
    fclose(file);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "S3_only_the_mapped_numbers", S3_only_the_mapped_numbers },
    { "S4_trap22_exchanged", S4_trap22_exchanged },
    { "S4_targets_that_are_free", S4_targets_that_are_free },
    { "S4_trap22_pipes_in_the_way", S4_trap22_pipes_in_the_way },
    { "S4_no_standard_descriptors", S4_a_parent_without_standard_descriptors },
    { "S5_trap22_nothing_else_is_open", S5_trap22_nothing_else_is_open },
    { "S5_trap22_a_sibling", S5_trap22_a_sibling_has_no_pipe_of_mine },
    { "S6_trap22_who_blocks", S6_trap22_who_blocks },
    { "S7_signals_are_as_new", S7_L2_L10_signals_are_as_new },
    { "S8_the_environment", S8_the_environment },
    { "S9_the_working_directory", S9_the_working_directory },
    { "S11_what_cannot_be_run", S11_what_cannot_be_run },
    { "S11_a_name_is_looked_up", S11_a_name_is_looked_up },
    { "a_session_of_its_own", a_session_of_its_own },
    { "L8_no_terminal_that_stops_it", L8_no_terminal_that_stops_it },
    { "L12_nothing_is_inherited", L12_nothing_is_inherited },
    { "S11_maps_that_make_no_sense", S11_maps_that_make_no_sense },
    { "spawn_without_memory", spawn_without_memory },
    { "spawn_without_descriptors", spawn_without_descriptors },
    { "somebody_has_the_signal", somebody_has_the_signal },
    { "S10_trap23_a_failing_exec", S10_trap23_a_failing_exec },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
