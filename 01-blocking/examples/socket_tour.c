/* SPDX-License-Identifier: MIT
 *
 * socket_tour - the calls of a Python socket, made from C: how Python spells
 * each, what it is in C, and what came of it just now.
 *
 * One thread plays both ends, over loopback and on ports that the kernel
 * chooses. Calls are made bare here, not through net.h, except for the three
 * that C has no call for: sendall, settimeout and setblocking.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "examples/tour.h"
#include "net/net.h"
#include "program/options.h"

enum {
    BIG = 100000, /* bytes; more than a socket's buffer takes */
    SMALL = 10000 /* bytes; less */
};

static struct sockaddr *raw(struct address *address)
{
    return (struct sockaddr *)&address->bytes;
}

static int open_socket(int family, int type)
{
    return tour_must("socket", socket(family, type, 0));
}

/* Binds to a free port of the loopback interface; `address` becomes it. */
static void bind_anywhere(int fd, struct address *address)
{
    struct sockaddr_in loopback = { .sin_family = AF_INET };

    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tour_must("bind", bind(fd, (struct sockaddr *)&loopback, sizeof(loopback)));
    address->length = sizeof(address->bytes);
    tour_must("getsockname", getsockname(fd, raw(address), &address->length));
}

static void say_bind(const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];

    tour_say("bind(('127.0.0.1', 0))", "bind", "0: the kernel picks a port");
    tour_say("getsockname()", "getsockname", "%s", address_text(address, text));
}

static int make_listener(struct address *address)
{
    int value = 1;
    socklen_t size = sizeof(value);
    int fd = open_socket(AF_INET, SOCK_STREAM);

    tour_say("socket(AF_INET, SOCK_STREAM)", "socket", "TCP over IPv4");
    tour_say("fileno()", "the number itself", "%d", fd);
    tour_must("setsockopt",
              setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, size));
    tour_say("setsockopt(SO_REUSEADDR, 1)", "setsockopt", "a restart may bind");
    tour_must("getsockopt",
              getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, &size));
    tour_say("getsockopt(SO_REUSEADDR)", "getsockopt", "%d", value);
    bind_anywhere(fd, address);
    say_bind(address);
    tour_must("listen", listen(fd, 5));
    tour_say("listen(5)", "listen", "5 clients may wait");
    return fd;
}

/* The kernel makes the connection: nobody has accepted it yet. */
static int make_client(struct address *server)
{
    char text[ADDRESS_TEXT_MAX];
    struct address peer = { .length = sizeof(peer.bytes) };
    int fd = open_socket(AF_INET, SOCK_STREAM);

    tour_must("connect", connect(fd, raw(server), server->length));
    tour_say("connect(address)", "connect", "done, nobody accepted yet");
    tour_must("getpeername", getpeername(fd, raw(&peer), &peer.length));
    tour_say("getpeername()", "getpeername", "%s", address_text(&peer, text));
    return fd;
}

static int accept_client(int listener)
{
    char text[ADDRESS_TEXT_MAX];
    struct address peer = { .length = sizeof(peer.bytes) };
    int fd = tour_must("accept", accept(listener, raw(&peer), &peer.length));

    tour_say("accept()", "accept", "%d, %s", fd, address_text(&peer, text));
    return fd;
}

static void tour_send(int fd, const void *data, size_t size, const char *python)
{
    ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

    if (n < 0)
        tour_say(python, "send", "-1, %s", tour_error(errno));
    else
        tour_say(python, "send", "%zd of %zu bytes", n, size);
}

static void tour_recv(int fd, size_t size, int flags, const char *python)
{
    char data[1024];
    ssize_t n = recv(fd, data, size, flags);

    if (n < 0)
        tour_say(python, "recv", "-1, %s", tour_error(errno));
    else if (n == 0)
        tour_say(python, "recv", "0: the stream has ended");
    else
        tour_say(python, "recv", "%zd: '%.*s'", n, (int)n, data);
}

static void tour_recvfrom(int fd)
{
    char data[1024];
    struct address from = { .length = sizeof(from.bytes) };
    ssize_t n = recvfrom(fd, data, sizeof(data), 0, raw(&from), &from.length);

    if (n < 0) {
        tour_say("recvfrom(1024)", "recvfrom", "-1, %s", tour_error(errno));
        return;
    }
    char text[ADDRESS_TEXT_MAX];
    tour_say("recvfrom(1024)", "recvfrom", "%zd: '%.*s', %s", n, (int)n, data,
             address_text(&from, text));
}

/* Two messages go in, but what comes out is a stream of bytes. */
static void tour_stream(int client, int server)
{
    char data[SMALL] = { 0 };

    tour_send(client, "one", 3, "send(b'one')");
    tour_send(client, "two", 3, "send(b'two')");
    tour_recv(server, 4, MSG_WAITALL, "recv(4, MSG_WAITALL)");
    tour_recv(server, 1024, 0, "recv(1024)");

    tour_say("sendall(bytes(10000))", "send in a loop",
             "%d: every byte is sent",
             tour_must("send", net_send_all(client, data, sizeof(data))));
    net_receive_all(server, data, sizeof(data));

    tour_must("fcntl", net_set_blocking(server, false));
    tour_say("setblocking(False)", "fcntl O_NONBLOCK", "recv never waits");
    tour_recv(server, 1024, 0, "recv(1024)");
    tour_must("fcntl", net_set_blocking(server, true));
    tour_say("setblocking(True)", "fcntl", "recv waits again");

    close(client);
    tour_say("close()", "close", "the client's end");
    tour_recv(server, 1024, 0, "recv(1024)");
    close(server);
}

/* A port that is bound but not listened on refuses whoever comes. */
static void tour_refused(void)
{
    struct address address;
    int nobody = open_socket(AF_INET, SOCK_STREAM);
    int fd = open_socket(AF_INET, SOCK_STREAM);

    bind_anywhere(nobody, &address);
    int error = connect(fd, raw(&address), address.length) < 0 ? errno : 0;
    tour_say("connect_ex(address)", "connect, errno", "%d, %s", error,
             tour_error(error));
    close(fd);
    close(nobody);
}

/* Messages stay apart here, and an empty one is a message too. */
static void tour_datagram(void)
{
    struct address to;
    int receiver = open_socket(AF_INET, SOCK_DGRAM);
    int sender = open_socket(AF_INET, SOCK_DGRAM);

    tour_say("socket(AF_INET, SOCK_DGRAM)", "socket", "UDP over IPv4");
    bind_anywhere(receiver, &to);
    say_bind(&to);
    tour_say("sendto(b'one', address)", "sendto", "%zd of 3 bytes",
             sendto(sender, "one", 3, 0, raw(&to), to.length));
    tour_say("sendto(b'', address)", "sendto", "%zd of 0 bytes",
             sendto(sender, "", 0, 0, raw(&to), to.length));
    tour_must("setsockopt", net_set_timeout(receiver, 0.2));
    tour_say("settimeout(0.2)", "setsockopt SO_RCVTIMEO", "recv gives up then");
    tour_recvfrom(receiver);
    tour_recvfrom(receiver);
    tour_recvfrom(receiver);
    close(sender);
    close(receiver);
}

/* Nobody reads here, so the kernel keeps what fits and refuses the rest. */
static void tour_unix(void)
{
    char data[BIG] = { 0 };
    int ends[2];
    int size = 4096;

    tour_must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    tour_say("socketpair(AF_UNIX)", "socketpair", "%d, %d", ends[0], ends[1]);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    tour_say("setsockopt(SO_SNDBUF, 4096)", "setsockopt", "a small buffer");
    tour_must("fcntl", net_set_blocking(ends[0], false));
    tour_send(ends[0], data, sizeof(data), "send(bytes(100000))");
    tour_send(ends[0], data, sizeof(data), "send(bytes(100000))");
    close(ends[0]);
    close(ends[1]);
}

/* What not every host has and not every user may. */
static void tour_socket(int family, int type, int protocol, const char *python)
{
    int fd = socket(family, type, protocol);

    if (fd < 0) {
        tour_say(python, "socket", "-1, %s", tour_error(errno));
        return;
    }
    tour_say(python, "socket", "%d", fd);
    close(fd);
}

int main(int argc, char **argv)
{
    struct options options = { .about = "tries the calls of a socket." };
    struct address address;

    options_plain(&options, NULL, argc, argv);
    tour_say("in Python", "in C", "just now");
    int listener = make_listener(&address);
    int client = make_client(&address);
    tour_stream(client, accept_client(listener));
    close(listener);
    tour_refused();
    tour_datagram();
    tour_unix();
    tour_socket(AF_INET6, SOCK_STREAM, 0, "socket(AF_INET6, SOCK_STREAM)");
    tour_socket(AF_UNIX, SOCK_SEQPACKET, 0, "socket(AF_UNIX, SOCK_SEQPACKET)");
    tour_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP, "socket(AF_INET, SOCK_RAW)");
    return 0;
}
