/* SPDX-License-Identifier: MIT
 *
 * idle_lines - what an idle connection costs a line server.
 *
 *   idle_lines POLLER CONNECTIONS
 *
 * A child opens the connections, and sends one line each when it is told to, a
 * few at a time: what many answers in one turn take together is not measured.
 * Prints twice by how many bytes a connection the memory of the server has
 * grown: when all are there, and when each of them has had its line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "framing/line_receiver.h"
#include "net/net.h"
#include "stream/tcp_port.h"

enum { AT_A_TIME = 16 };

static int connections, lines, lost;
static struct reactor *reactor;
static int to_child[2];
static long before;

/* Bytes that are ours alone and written to. */
static long dirty(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char text[256];
    long kib = -1;

    while (file && fgets(text, sizeof(text), file))
        if (sscanf(text, "Private_Dirty: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib * 1024;
}

static void report(const char *when)
{
    printf("%s: %.1f\n", when, (double)(dirty() - before) / connections);
    fflush(stdout);
}

static int made;

static void connection_made(struct protocol *self)
{
    (void)self;
    if (++made < connections)
        return;
    report("idle");
    if (write(to_child[1], "x", 1) != 1)
        reactor_stop(reactor);
}

static void line_received(struct line_receiver *self, const char *line,
                          size_t length)
{
    line_receiver_send_line(self, line, length);
    lines++;
}

static void after_lines(void *argument)
{
    (void)argument;
    report("after a line");
    reactor_stop(reactor);
}

static void watch(void *call)
{
    bool all = lines == connections;

    reactor_call_later(reactor, call, all ? 0.2 : 0.02,
                       all ? after_lines : watch, call);
}

static void connection_lost(struct protocol *self, struct failure reason)
{
    line_receiver_connection_lost(self, reason);
    lost++;
}

static const struct line_receiver_class Lines = {
    .base = { .name = "Lines",
              .size = sizeof(struct line_receiver),
              .connection_made = connection_made,
              .data_received = line_receiver_data_received,
              .connection_lost = connection_lost },
    .line_received = line_received,
};

/* One line for each of the first few. */
static void have_lines(const int *fds, int left)
{
    const int count = left < AT_A_TIME ? left : AT_A_TIME;
    char line[] = "hello\r\n";
    const ssize_t length = sizeof(line) - 1;

    for (int i = 0; i < count; i++)
        if (write(fds[i], line, (size_t)length) != length)
            exit(1);
    for (int i = 0; i < count; i++)
        if (recv(fds[i], line, (size_t)length, MSG_WAITALL) != length)
            exit(1);
}

/* Descriptors do not reach for both ends in one process. */
static void be_the_clients(const struct address *address)
{
    int *fds = calloc((size_t)connections, sizeof(*fds));
    char byte;

    for (int i = 0; i < connections; i++) {
        fds[i] = socket(address->bytes.ss_family, SOCK_STREAM, 0);
        if (connect(fds[i], (const struct sockaddr *)&address->bytes,
                    address->length) < 0) {
            perror("idle_lines: connect");
            exit(1);
        }
    }
    if (read(to_child[0], &byte, 1) != 1)
        exit(1);
    for (int i = 0; i < connections; i += AT_A_TIME)
        have_lines(fds + i, connections - i);
    /* Until the server goes. */
    while (read(fds[0], &byte, 1) > 0)
        ;
    exit(0);
}

int main(int argc, char **argv)
{
    const struct tcp_port_options local = { "127.0.0.1", 4096 };
    struct factory factory = { .name = "LinesFactory",
                               .protocol = &Lines.base };
    struct delayed_call call = { 0 };
    struct rlimit limit;
    struct address address;
    int status = 1;

    if (argc != 3)
        return 2;
    connections = atoi(argv[2]);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    reactor = reactor_new(argv[1]);
    struct port *port =
        reactor ? reactor_listen_tcp(reactor, 0, &factory, &local) : NULL;
    if (!port || port_get_host(port, &address) < 0 ||
        net_pipe(to_child, NET_BLOCKING) < 0)
        return 1;
    pid_t child = fork();
    if (child == 0)
        be_the_clients(&address);
    before = dirty();
    reactor_call_later(reactor, &call, 0.02, watch, &call);
    reactor_run(reactor);
    reactor_free(reactor);
    close(to_child[1]);
    waitpid(child, &status, 0);
    printf("made %d, lines %d, lost %d\n", made, lines, lost);
    return made == connections && lines == connections && lost == made ? 0 : 1;
}
