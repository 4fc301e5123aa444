/* SPDX-License-Identifier: MIT
 *
 * Many children, large ones, greedy ones: reaping, memory, back-pressure. Each
 * case bears the name of its row.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static int ended_of(const struct child *children, int count)
{
    int ended = 0;

    for (int i = 0; i < count; i++)
        ended += children[i].ended;
    return ended;
}

/* All exit at once, when the gate opens; a few signals stand for all. */
static void exit_together(struct reactor *reactor, struct child *children,
                          int count)
{
    struct process_descriptor rows[] = { { 1, PROCESS_READ }, { 3, -1 } };
    const struct process_options options = { .descriptors = rows,
                                             .descriptor_count = 2 };
    struct gate gate;

    gate_open(&gate);
    rows[1].from = gate.childs;
    for (int i = 0; i < count; i++)
        child_run_with(&children[i], reactor, "read x <&3; exit 9", &options);
    gate_release(&gate);
    for (int i = 0; i < count; i++) {
        siginfo_t info;
        CHECK(waitid(P_PID, (id_t)process_pid(children[i].process), &info,
                     WEXITED | WNOWAIT) == 0);
    }
    CHILD_UNTIL(reactor, ended_of(children, count) == count);
    for (int i = 0; i < count; i++)
        CHECK(process_exit_code(children[i].reason) == 9);
}

static void S22_trap20_thirty_and_a_stranger(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child children[30] = { { 0 } };
    int status = 0;
    pid_t stranger = fork();

    if (stranger == 0)
        _exit(42);
    CHECK(stranger > 0);
    exit_together(reactor, children, 30);
    loop_turns(reactor, 3);
    CHECK(waitpid(stranger, &status, 0) == stranger);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    reactor_free(reactor);
}

static void S22_two_hundred(const char *poller)
{
    static struct child children[200];
    struct reactor *reactor = loop_new(poller);

    memset(children, 0, sizeof(children));
    exit_together(reactor, children, 200);
    reactor_free(reactor);
}

static void no_child_is_left(void)
{
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

/* Kilobytes that this process has in memory. */
static long resident(void)
{
    char text[128] = { 0 };
    int fd = open("/proc/self/statm", O_RDONLY);

    CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    return strtol(strchr(text, ' '), NULL, 10) * sysconf(_SC_PAGESIZE) / 1024;
}

struct chain {
    struct reactor *reactor;
    struct child child;
    int left;
};

static void next_child(struct child *child);

static void begin_next(struct chain *chain)
{
    struct child *child = &chain->child;

    *child = (struct child){ .on_ended = next_child, .data = chain };
    if (chain->left-- > 0)
        CHECK(child_spawn(child, chain->reactor, "/bin/true", NULL) != NULL);
}

static void next_child(struct child *child)
{
    begin_next(child->data);
}

static void one_after_another(const char *poller)
{
    enum { FIRST = 100 };
    const int more = unit_often(2000, 600);
    /* Above what the heap takes once, wherever that falls. */
    const int kilobytes = unit_often(300, 200);
    struct reactor *reactor = loop_new(poller);
    struct chain chain = { .reactor = reactor, .left = FIRST };
    double end = reactor_seconds() + 60;

    for (begin_next(&chain); chain.left >= 0;)
        child_turn(reactor, end, "the first children");
    long before = resident();
    chain.left = more;
    for (begin_next(&chain); chain.left >= 0;)
        child_turn(reactor, end, "the other children");
    CHECK(SANITIZED || resident() - before < kilobytes);
    no_child_is_left();
    reactor_free(reactor);
}

/* The same memory for a fork takes tens of milliseconds to be marked. */
/* Sends back what has come. */
static int echo(struct probe *probe)
{
    char byte;

    CHECK(read(probe->fd, &byte, 1) == 1 && write(probe->fd, &byte, 1) == 1);
    return REASON_NONE;
}

/* Somebody has sent a byte when we begin to spawn: how long does he wait for
 * its echo? */
static void a_large_parent_is_not_held_up(const char *poller)
{
    enum { LARGE = 512 << 20, TIMES = 10 };
    const double most = 0.020; /* seconds */
    struct reactor *reactor = loop_new(poller);
    struct probe probe;
    double best = 1000;
    char byte;

    if (SANITIZED) {
        reactor_free(reactor);
        return;
    }
    char *memory = malloc(LARGE);
    CHECK(memory != NULL);
    for (size_t i = 0; i < LARGE; i += 4096)
        memory[i] = 1;
    probe_open(&probe, reactor, 'e');
    probe.on_read = echo;
    probe_add_reader(&probe);
    for (int i = 0; i < TIMES; i++) {
        struct child child = { 0 };
        double before = reactor_seconds();
        probe_poke(&probe);
        CHECK(child_spawn(&child, reactor, "/bin/true", NULL) != NULL);
        while (probe.reads == i)
            loop_turns(reactor, 1);
        CHECK(read(probe.other, &byte, 1) == 1);
        double took = reactor_seconds() - before;
        if (took < best)
            best = took;
        CHILD_UNTIL(reactor, child.ended == 1);
    }
    CHECK(best < most);
    probe_hang_up(&probe);
    free(memory);
    reactor_free(reactor);
}

static void S24_an_endless_child_has_to_wait(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run(&child, reactor, "exec yes");
    CHILD_UNTIL(reactor, child.received > 1000000);
    process_pause_producing(child.process);
    loop_turns(reactor, 2);
    size_t before = child.received;
    loop_check_quiet(reactor);
    CHECK(child.received == before);
    process_resume_producing(child.process);
    CHILD_UNTIL(reactor, child.received > before + 1000000);
    transport_pause_producing(process_get_transport(child.process, 1));
    loop_turns(reactor, 2);
    before = child.received;
    loop_check_quiet(reactor);
    CHECK(child.received == before);
    CHECK(process_signal(child.process, "TERM") == 0);
    CHILD_UNTIL(reactor, child.exited == 1);
    CHECK(child.ended == 0);
    process_resume_producing(child.process);
    CHILD_UNTIL(reactor, child.ended == 1);
    reactor_free(reactor);
}

static void much_output(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };

    child_run(&child, reactor, "head -c 50000000 /dev/zero; exit 7");
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(child.received == 50000000);
    CHECK(process_exit_code(child.reason) == 7);
    reactor_free(reactor);
}

struct source {
    struct producer base;
    struct child *child;
    size_t left, largest;
    bool streaming, paused, stopped;
};

enum { PIECE = 50000 };

static void produce(struct producer *base)
{
    struct source *self = (struct source *)base;
    static const char bytes[PIECE];
    struct transport *transport =
        process_get_transport(self->child->process, 0);

    self->paused = false;
    do {
        process_write(self->child->process, bytes, PIECE);
        self->left -= PIECE;
        if (transport_queued(transport) > self->largest)
            self->largest = transport_queued(transport);
    } while (self->streaming && !self->paused && self->left > 0);
    if (self->left > 0)
        return;
    process_unregister_producer(self->child->process);
    process_close_stdin(self->child->process);
}

static void pause_producing(struct producer *base)
{
    ((struct source *)base)->paused = true;
}

static void stop_producing(struct producer *base)
{
    ((struct source *)base)->stopped = true;
}

static const struct producer Source = { produce, pause_producing,
                                        stop_producing };

static void a_producer_feeds_a_child(const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    for (int streaming = 0; streaming < 2; streaming++) {
        struct child child = { 0 };
        struct source source = { Source, &child, .left = 200 * PIECE,
                                 .streaming = streaming };
        child_run(&child, reactor, "exec wc -c");
        CHECK(process_register_producer(child.process, &source.base,
                                        streaming) == 0);
        CHECK(process_register_producer(child.process, &source.base,
                                        streaming) == -1 &&
              errno == EBUSY);
        if (streaming)
            produce(&source.base);
        CHILD_UNTIL(reactor, child.ended == 1);
        CHECK(!strcmp(child.out, "10000000\n"));
        CHECK(source.largest <= 3 * PIECE);
    }
    reactor_free(reactor);
}

static void a_child_that_does_not_read(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct child child = { 0 };
    struct source source = { Source, &child, .left = 1 << 30,
                             .streaming = true };

    child_run(&child, reactor, "exec sleep 10");
    CHECK(process_register_producer(child.process, &source.base, true) == 0);
    produce(&source.base);
    loop_run_for(reactor, 0.05);
    loop_check_quiet(reactor);
    CHECK(source.paused && !source.stopped && source.largest <= 3 * PIECE);
    CHECK(process_signal(child.process, "KILL") == 0);
    CHILD_UNTIL(reactor, child.ended == 1);
    CHECK(source.stopped);
    reactor_free(reactor);
}

static atomic_bool over;
static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
    (void)signal;
    signals++;
}

static void *allocate(void *argument)
{
    for (size_t i = 1; !over; i++)
        free(calloc(1 + i % 3, 1000));
    return argument;
}

static void *storm(void *argument)
{
    while (!over) {
        kill(getpid(), SIGUSR1);
        sched_yield();
    }
    return argument;
}

/* Nothing that they do reaches a child. */
static void threads_and_signals(const char *poller)
{
    enum { THREADS = 3 };
    const int times = unit_often(200, 50);
    struct sigaction action = { .sa_handler = count_signal,
                                .sa_flags = SA_RESTART },
                     before;
    struct reactor *reactor = loop_new(poller);
    pthread_t threads[THREADS];

    over = false;
    CHECK(sigaction(SIGUSR1, &action, &before) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, i ? allocate : storm, NULL) ==
              0);
    for (int i = 0; i < times; i++) {
        struct child child = { 0 };
        CHECK(child_spawn(&child, reactor, "/bin/true", NULL) != NULL);
        CHILD_UNTIL(reactor, child.ended == 1);
        CHECK(failure_check(child.reason, &ProcessDone));
    }
    over = true;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(signals > 0 && sigaction(SIGUSR1, &before, NULL) == 0);
    reactor_free(reactor);
}

static const struct unit_case cases[] = {
    { "S22_trap20_thirty_and_a_stranger", S22_trap20_thirty_and_a_stranger },
    { "S22_two_hundred", S22_two_hundred },
    { "one_after_another", one_after_another },
    { "a_large_parent_is_not_held_up", a_large_parent_is_not_held_up },
    { "S24_an_endless_child_has_to_wait", S24_an_endless_child_has_to_wait },
    { "much_output", much_output },
    { "a_producer_feeds_a_child", a_producer_feeds_a_child },
    { "a_child_that_does_not_read", a_child_that_does_not_read },
    { "threads_and_signals", threads_and_signals },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
