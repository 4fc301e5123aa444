/* SPDX-License-Identifier: MIT
 *
 * Checks what net.h promises, once as it is built and once with NET_PORTABLE:
 * the flags of every descriptor, signals in the middle of a call, the end of
 * a stream. Prints each promise that is not kept; status 1 if there are any.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/net.h"

enum { PAUSE_MS = 100, BIG_BYTES = 300 * 1000 };

static int broken;
static volatile sig_atomic_t interrupts;

static void check(bool kept, const char *promise)
{
    if (kept)
        return;
    printf("broken: %s\n", promise);
    broken = 1;
}

static void has_flags(int fd, enum net_mode mode, const char *name)
{
    char text[100];

    snprintf(text, sizeof(text), "%s is made", name);
    check(fd >= 0, text);
    snprintf(text, sizeof(text), "%s is close-on-exec", name);
    check(fcntl(fd, F_GETFD) & FD_CLOEXEC, text);
    snprintf(text, sizeof(text), "%s blocks only when it should", name);
    check(!(fcntl(fd, F_GETFL) & O_NONBLOCK) == (mode == NET_BLOCKING), text);
}

static struct address any_port(void)
{
    struct address address;

    check(!address_resolve(&address, "127.0.0.1", 0), "127.0.0.1 is resolved");
    return address;
}

static int listener_at(struct address *address, enum net_mode mode, int backlog)
{
    *address = any_port();
    int listener = net_listen_tcp(address, backlog, mode);
    address_local(address, listener);
    return listener;
}

static void check_flags(enum net_mode mode)
{
    struct address address, peer, local;
    int ends[2];

    int listener = listener_at(&address, mode, 5);
    has_flags(listener, mode, "a listener");
    int client = net_connect_tcp(&address, mode);
    has_flags(client, mode, "a connection");
    struct pollfd wait = { .fd = listener, .events = POLLIN };
    poll(&wait, 1, -1);
    int server = net_accept(listener, &peer, mode);
    has_flags(server, mode, "an accepted connection");
    check(address_local(&local, client) == 0 &&
              address_port(&local) == address_port(&peer),
          "net_accept tells who it is");
    close(listener);
    close(client);
    close(server);

    address = any_port();
    server = net_bind_udp(&address, mode);
    has_flags(server, mode, "a UDP server");
    address_local(&address, server);
    client = net_connect_udp(&address, mode);
    has_flags(client, mode, "a UDP client");
    close(server);
    close(client);

    check(net_pipe(ends, mode) == 0, "a pipe is made");
    has_flags(ends[0], mode, "a pipe's end to read");
    has_flags(ends[1], mode, "a pipe's end to write");
    close(ends[0]);
    close(ends[1]);
}

static void count(int signal)
{
    (void)signal;
    interrupts++;
}

/* From here on a signal interrupts whatever call there is, so often;
 * with 0 no more. */
static void interrupt_every(long microseconds)
{
    struct sigaction action = { .sa_handler = count };
    struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };

    interrupts = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void pause_a_little(void)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

    nanosleep(&pause, NULL);
}

static void wait_for_success(pid_t child)
{
    int status;

    check(waitpid(child, &status, 0) == child && status == 0,
          "the child found everything right");
}

/* A child that is late with everything: it connects, sends, reads, ends. */
static pid_t late_client(const struct address *address)
{
    pid_t child = fork();

    if (child != 0)
        return child;
    pause_a_little();
    int fd = net_connect_tcp(address, NET_BLOCKING);
    pause_a_little();
    net_send_all(fd, "abc", 3);
    pause_a_little();
    char *big = malloc(BIG_BYTES);
    ssize_t received = net_receive_all(fd, big, BIG_BYTES);
    _exit(received == BIG_BYTES && big[BIG_BYTES - 1] == 'x' ? 0 : 1);
}

static void check_interrupted_calls(void)
{
    struct address address;
    const int small = 4096;
    char data[5];

    int listener = listener_at(&address, NET_BLOCKING, 5);
    /* So that sending all has to wait. */
    setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    pid_t child = late_client(&address);
    interrupt_every(5000);
    int fd = net_accept(listener, NULL, NET_BLOCKING);
    check(fd >= 0, "a signal does not end net_accept");
    check(net_receive_all(fd, data, 3) == 3 && !memcmp(data, "abc", 3),
          "a signal does not end net_receive_all");
    char *big = malloc(BIG_BYTES);
    memset(big, 'x', BIG_BYTES);
    check(net_send_all(fd, big, BIG_BYTES) == 0,
          "a signal does not end net_send_all");
    check(net_receive_all(fd, data, 5) == 0,
          "the end of the stream ends net_receive_all");
    free(big);
    check(interrupts > 10, "signals came");
    interrupt_every(0);
    wait_for_success(child);
    close(fd);
    close(listener);
}

/* The server's backlog is full, so that connect has to wait until a child of
 * ours makes room, or leaves the port, and the kernel knocks again: about a
 * second later. */
static void check_interrupted_connect(bool refused)
{
    struct address address, peer;

    int listener = listener_at(&address, NET_BLOCKING, 0);
    for (int i = 0; i < 3; i++)
        net_connect_tcp(&address, NET_NONBLOCKING);
    pid_t child = fork();
    if (child == 0) {
        pause_a_little();
        while (!refused)
            net_accept(listener, NULL, NET_BLOCKING);
        _exit(0);
    }
    close(listener);
    interrupt_every(5000);
    int fd = net_connect_tcp(&address, NET_BLOCKING);
    int error = errno, waited = interrupts;
    interrupt_every(0);
    check(waited > 10, "connect had to wait");
    if (refused)
        check(fd < 0 && error == ECONNREFUSED, "late is refused, too");
    else
        check(fd >= 0 && address_peer(&peer, fd) == 0,
              "connect waits for the connection");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void check_errors(void)
{
    struct address address;
    struct rlimit limit, none;
    char data[1];

    int listener = listener_at(&address, NET_BLOCKING, 5);
    int fd = net_listen_tcp(&address, 5, NET_BLOCKING);
    check(fd < 0 && errno == EADDRINUSE, "a port in use is EADDRINUSE");
    fd = net_connect_tcp(&address, NET_BLOCKING);
    int other = net_connect_tcp(&address, NET_BLOCKING);
    check(net_set_timeout(fd, 0.05) == 0 && net_receive(fd, data, 1) < 0 &&
              errno == EAGAIN,
          "after the timeout net_receive fails with EAGAIN");
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    check(net_accept(listener, NULL, NET_BLOCKING) < 0 &&
              net_accept_exhausted(errno),
          "without descriptors net_accept fails, and says so");
    setrlimit(RLIMIT_NOFILE, &limit);
    close(net_accept(listener, NULL, NET_BLOCKING));
    check(net_receive(fd, data, 1) == 0, "the end of the stream is 0");
    close(listener);
    while (net_send_all(other, data, 1) == 0)
        ;
    check(errno == ECONNRESET, "a peer that has just gone is ECONNRESET");
    check(net_send_all(other, data, 1) < 0 && errno == EPIPE,
          "a peer that is gone is EPIPE, and no signal");
    close(fd);
    fd = net_connect_tcp(&address, NET_BLOCKING);
    check(fd < 0 && errno == ECONNREFUSED, "nobody there is ECONNREFUSED");
    fd = net_connect_tcp(&address, NET_NONBLOCKING);
    struct pollfd wait = { .fd = fd, .events = POLLOUT };
    poll(&wait, 1, -1);
    check(net_error(fd) == ECONNREFUSED, "net_error is ECONNREFUSED, late");
    check(net_error(fd) == 0, "net_error tells an error once");
    close(fd);
    close(other);
}

/* IPv4 seen from IPv6: a client's socket reaches it, a server's at :: leaves
 * the IPv4 port of its number to others. */
static void check_ipv6(void)
{
    struct address four, six;

    int listener = listener_at(&four, NET_BLOCKING, 5);
    if (address_resolve(&six, "::1", 0))
        return; /* no IPv6 here */
    struct sockaddr_in6 *mapped = (struct sockaddr_in6 *)&six.bytes;
    memset(&mapped->sin6_addr, 0, 10);
    memset((char *)&mapped->sin6_addr + 10, 0xff, 2);
    memcpy((char *)&mapped->sin6_addr + 12,
           &((struct sockaddr_in *)&four.bytes)->sin_addr, 4);
    mapped->sin6_port = htons((uint16_t)address_port(&four));
    int fd = net_connect_tcp(&six, NET_BLOCKING);
    check(fd >= 0, "::ffff:127.0.0.1 is reached");
    close(fd);
    close(listener);
    check(!address_resolve(&six, "::", address_port(&four)), ":: is resolved");
    int other = net_listen_tcp(&six, 5, NET_BLOCKING);
    fd = net_connect_tcp(&four, NET_BLOCKING);
    check(other < 0 || fd < 0, "a server at :: is not found at 127.0.0.1");
    close(fd);
    close(other);
}

static void check_ports(void)
{
    static const int wrong[] = { -1, 65536, 65536 + 9000 };
    struct address address;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        errno = 0;
        check(address_resolve(&address, "127.0.0.1", wrong[i]) &&
                  errno == EINVAL,
              "a port that does not exist is EINVAL");
    }
    check(!address_resolve(&address, "127.0.0.1", 65535) &&
              address_port(&address) == 65535,
          "65535 is a port");
}

int main(void)
{
    int before = open("/dev/null", O_RDONLY);

    close(before);
    signal(SIGPIPE, SIG_DFL); /* whoever started us may ignore it */
    check_flags(NET_BLOCKING);
    check_flags(NET_NONBLOCKING);
    check_errors();
    check_ports();
    check_ipv6();
    check_interrupted_calls();
    check(open("/dev/null", O_RDONLY) == before, "no descriptor is lost");
    /* Both at the same time: they are slow. */
    fflush(stdout);
    pid_t child = fork();
    check_interrupted_connect(child == 0);
    if (child != 0)
        wait_for_success(child);
    return broken;
}
