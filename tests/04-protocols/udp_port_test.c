/* SPDX-License-Identifier: MIT
 *
 * UDP ports: opening and stopping (U1, U9), reading (U2, U3), writing (U5),
 * connected ones and refusals (U6, U7, U8, trap 19), the log (G3, G5). Each
 * case bears the name of its row.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hearer.h"
#include "net/net.h"
#include "protocol/log.h"

enum { LARGEST = 65507, FLOOD = 100000 };

static const char here[] = "127.0.0.1";

/* The next recvfrom fails with this errno; 0: it does not. */
static int receive_error;

ssize_t __real_recvfrom(int fd, void *data, size_t size, int flags,
                        struct sockaddr *from, socklen_t *length);
ssize_t __wrap_recvfrom(int fd, void *data, size_t size, int flags,
                        struct sockaddr *from, socklen_t *length);

ssize_t __wrap_recvfrom(int fd, void *data, size_t size, int flags,
                        struct sockaddr *from, socklen_t *length)
{
    if (!receive_error)
        return __real_recvfrom(fd, data, size, flags, from, length);
    errno = receive_error;
    receive_error = 0;
    return -1;
}

/* A port at 127.0.0.1, `number` of the kernel's choice if it is 0. */
static void hear(struct hearer *self, struct talk *talk, int number)
{
    const struct udp_options local = { .interface = here };
    struct address address;

    self->base.class = &Hearer;
    self->port = reactor_listen_udp(talk->reactor, number, &self->base, &local);
    CHECK(self->port && port_get_host(&self->port->base, &address) == 0);
    self->number = address_port(&address);
}

static struct address at(int number)
{
    struct address address;

    CHECK(address_numeric(&address, here, number) == 0);
    return address;
}

/* A bare socket that is connected to the number. */
static int stranger_to(int number)
{
    struct address address = at(number);
    int fd = net_connect_udp(&address, NET_NONBLOCKING);

    CHECK(fd >= 0);
    return fd;
}

/* A number that was free a moment ago. */
static int free_number(void)
{
    struct address address = at(0);
    int fd = net_bind_udp(&address, NET_BLOCKING);

    CHECK(fd >= 0 && address_local(&address, fd) == 0);
    close(fd);
    return address_port(&address);
}

static void U1_starts_before_it_returns(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { 0 }, other = { .base.class = &Hearer };
    const struct udp_options local = { .interface = here };
    const struct udp_options strange = { .interface = "192.0.2.1" };
    const struct udp_options nonsense = { .interface = "nonsense.invalid" };
    const struct udp_options negative = { .max_packet_size = -1 };

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    CHECK(hearer.started == 1 && hearer.base.transport == hearer.port);
    CHECK(hearer.number > 0);
    CHECK(
        !reactor_listen_udp(talk.reactor, hearer.number, &other.base, &local));
    CHECK(errno == EADDRINUSE);
    CHECK(!reactor_listen_udp(talk.reactor, 0, &other.base, &strange));
    CHECK(errno == EADDRNOTAVAIL);
    CHECK(!reactor_listen_udp(talk.reactor, 0, &other.base, &nonsense));
    CHECK(errno == EADDRNOTAVAIL);
    CHECK(!reactor_listen_udp(talk.reactor, 0, &other.base, &negative));
    CHECK(errno == EINVAL);
    for (int i = 0; i < 4; i++) { /* L7: 65536 + N is not N */
        const int none[] = { -1, 65536, 65536 + 9999, INT_MAX };
        CHECK(!reactor_listen_udp(talk.reactor, none[i], &other.base, &local));
        CHECK(errno == EINVAL);
        CHECK(udp_port_connect(hearer.port, "127.0.0.1", none[i]) == -1);
        CHECK(errno == EINVAL);
    }
    CHECK(!reactor_listen_udp(talk.reactor, 0, &hearer.base, &local));
    CHECK(errno == EBUSY && hearer.started == 1);
    CHECK(other.started == 0 && !other.base.transport);
    talk_free(&talk);
    CHECK(hearer.stopped == 1 && !hearer.base.transport);
}

/* Every IPv4 address, and no IPv6 one. */
static void U1_the_usual_interface(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { .base.class = &Hearer };
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    talk_new(&talk, poller, &Talker);
    hearer.port = reactor_listen_udp(talk.reactor, 0, &hearer.base, NULL);
    CHECK(hearer.port && port_get_host(&hearer.port->base, &address) == 0);
    CHECK(!strcmp(address_host(&address, text), "0.0.0.0"));
    int fd = stranger_to(address_port(&address));
    CHECK(send(fd, "here", 4, 0) == 4);
    TALK_UNTIL(&talk, hearer.received == 1);
    close(fd);
    talk_free(&talk);
}

/* "::" is every IPv6 address, and no IPv4 one: that port is free. */
static void U1_six_is_not_four(const char *poller)
{
    struct talk talk;

    talk_new(&talk, poller, &Talker);
    for (int shared = 0; shared < 2; shared++) {
        const struct udp_options every = { .interface = "::",
                                           .listen_multiple = shared };
        struct hearer six = { .base.class = &Hearer };
        struct hearer four = { 0 };
        struct address address;
        /* One that is free for IPv4, too: somebody else may have it there. */
        six.port =
            reactor_listen_udp(talk.reactor, free_number(), &six.base, &every);
        if (!six.port) /* not every machine has it */
            break;
        CHECK(port_get_host(&six.port->base, &address) == 0);
        int fd = stranger_to(address_port(&address));
        CHECK(send(fd, "x", 1, 0) == 1);
        loop_check_quiet(talk.reactor);
        CHECK(six.received == 0);
        hear(&four, &talk, address_port(&address));
        close(fd);
        port_stop_listening(&six.port->base);
        port_stop_listening(&four.port->base);
        TALK_UNTIL(&talk, six.stopped == 1 && four.stopped == 1);
    }
    talk_free(&talk);
}

static struct hearer *too_late;

static void listen_too_late(struct factory *base)
{
    struct talk *talk = (struct talk *)base;

    talk->stopped++;
    CHECK(!reactor_listen_udp(talk->reactor, 0, &too_late->base, NULL));
    CHECK(errno == ECANCELED && !too_late->base.transport);
    unit_note("too late ");
}

static void U1_a_loop_that_is_being_freed(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { .base.class = &Hearer };

    talk_listen(&talk, poller, &Talker);
    too_late = &hearer;
    talk.base.stop_factory = listen_too_late;
    talk_free(&talk);
    CHECK(unit_noted("too late ") && hearer.started == 0);
}

static void U1_without_memory(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { .base.class = &Hearer };
    struct udp_port *port = NULL;

    talk_new(&talk, poller, &Talker);
    for (int after = 0; !port; after++) {
        CHECK(hearer.started == 0 && !hearer.base.transport);
        unit_fail_allocation(after);
        port = reactor_listen_udp(talk.reactor, 0, &hearer.base, NULL);
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        CHECK(port || failed);
    }
    talk_free(&talk);
    CHECK(hearer.started == 1 && hearer.stopped == 1);
}

static void U2_all_that_is_there(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { 0 };

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    int fd = stranger_to(hearer.number);
    CHECK(send(fd, "", 0, 0) == 0);
    CHECK(send(fd, "two", 3, 0) == 3);
    CHECK(send(fd, "", 0, 0) == 0);
    TALK_UNTIL(&talk, hearer.received > 0);
    CHECK(hearer.received == 3 && hearer.length == 0); /* in one turn */
    CHECK(send(fd, "four", 4, 0) == 4);
    TALK_UNTIL(&talk, hearer.received == 4);
    CHECK(!strcmp(hearer.text, "four"));
    close(fd);
    talk_free(&talk);
}

/* An error speaks of one datagram: only a number that is no socket any more
 * ends the port, and an interrupted call is made again. */
static void U2_errors_when_reading(const char *poller)
{
    const int errors[] = { EINTR, ENOMEM, EHOSTUNREACH, EIO };
    struct talk talk;
    struct hearer hearer = { 0 };

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    int fd = stranger_to(hearer.number);
    for (int i = 0; i < 4; i++) {
        receive_error = errors[i];
        CHECK(send(fd, "x", 1, 0) == 1);
        int waits = unit_waits();
        TALK_UNTIL(&talk, hearer.received == i + 1);
        CHECK(errors[i] != EINTR || unit_waits() == waits + 1);
    }
    CHECK(hearer.stopped == 0 && hearer.refused == 0);
    receive_error = ENOTSOCK;
    CHECK(send(fd, "x", 1, 0) == 1);
    TALK_UNTIL(&talk, hearer.stopped == 1);
    CHECK(hearer.received == 4);
    close(fd);
    talk_free(&talk);
}

/* Each datagram that comes is sent again, to ourselves: without a limit this
 * turn would never end. `in_turn` counts what it has brought. */
static char nothing[1024];
static size_t size_of_flood;
static int in_turn;

static void send_again(struct hearer *self)
{
    struct address own = at(self->number);

    in_turn++;
    CHECK(in_turn <= UDP_TURN_DATAGRAMS);
    CHECK((size_t)(in_turn - 1) * size_of_flood < UDP_TURN_BYTES);
    CHECK(udp_port_write(self->port, nothing, size_of_flood, &own) == 0);
}

static void flood(const char *poller, size_t size, int expected)
{
    struct talk talk;
    struct hearer hearer = { .on_data = send_again };
    int turns = 0, asked = 0;

    talk_listen(&talk, poller, &Talker);
    int client = talk_peer(&talk);
    hear(&hearer, &talk, 0);
    int fd = stranger_to(hearer.number);
    size_of_flood = size;
    CHECK(send(fd, nothing, size, 0) == (ssize_t)size);
    while (hearer.received < FLOOD) {
        int before = hearer.received;
        double end = talk_deadline();
        while (hearer.received == before) { /* TALK_UNTIL may take more turns */
            CHECK(reactor_seconds() < end);
            in_turn = 0;
            loop_turns(talk.reactor, 1);
        }
        if ((size_t)asked == talk.received) { /* the last one was heard */
            peer_send(client, "x");
            asked++;
        }
        turns++;
    }
    CHECK(turns >= FLOOD / expected);
    CHECK(asked >= turns / 4);
    close(fd);
    close(client);
    talk_free(&talk);
}

static void U2_flood_of_empty_ones(const char *poller)
{
    flood(poller, 0, UDP_TURN_DATAGRAMS);
}

static void U2_flood_of_kilobytes(const char *poller)
{
    flood(poller, 1024, UDP_TURN_BYTES / 1024 + 1);
}

static void U3_cut_to_the_size(const char *poller)
{
    static char long_one[UDP_PACKET_SIZE + 1];
    const struct udp_options ten = { .interface = here, .max_packet_size = 10 };
    struct talk talk;
    struct hearer hearer = { 0 }, small = { .base.class = &Hearer };
    struct address address;

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    int fd = stranger_to(hearer.number);
    CHECK(send(fd, long_one, sizeof(long_one), 0) == sizeof(long_one));
    TALK_UNTIL(&talk, hearer.received == 1);
    CHECK(hearer.length == UDP_PACKET_SIZE);
    CHECK(send(fd, "next", 4, 0) == 4);
    TALK_UNTIL(&talk, hearer.received == 2);
    CHECK(!strcmp(hearer.text, "next"));
    close(fd);
    small.port = reactor_listen_udp(talk.reactor, 0, &small.base, &ten);
    CHECK(small.port && port_get_host(&small.port->base, &address) == 0);
    fd = stranger_to(address_port(&address));
    CHECK(send(fd, "0123456789a", 11, 0) == 11);
    TALK_UNTIL(&talk, small.received == 1);
    CHECK(!strcmp(small.text, "0123456789"));
    close(fd);
    talk_free(&talk);
}

static void U5_sends_at_once(const char *poller)
{
    static char bytes[LARGEST + 1];
    struct talk talk;
    struct hearer hearer = { 0 };
    struct address six, to = at(0);

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    int fd = net_bind_udp(&to, NET_NONBLOCKING);
    CHECK(fd >= 0 && address_local(&to, fd) == 0);
    CHECK(udp_port_write(hearer.port, "now", 3, &to) == 0);
    CHECK(recv(fd, bytes, sizeof(bytes), 0) == 3); /* no turn yet */
    CHECK(udp_port_write(hearer.port, "", 0, &to) == 0);
    CHECK(recv(fd, bytes, sizeof(bytes), 0) == 0);
    CHECK(udp_port_write(hearer.port, bytes, LARGEST, &to) == 0);
    CHECK(recv(fd, bytes, sizeof(bytes), 0) == LARGEST);
    CHECK(udp_port_write(hearer.port, bytes, LARGEST + 1, &to) == -1);
    CHECK(errno == EMSGSIZE);
    CHECK(recv(fd, bytes, sizeof(bytes), 0) == -1 && errno == EAGAIN);
    CHECK(address_numeric(&six, "::1", 9) == 0);
    CHECK(udp_port_write(hearer.port, "x", 1, &six) == -1);
    CHECK(errno == EAFNOSUPPORT);
    CHECK(udp_port_write(hearer.port, "x", 1, NULL) == -1);
    CHECK(errno == EDESTADDRREQ);
    CHECK(address_numeric(&six, "localhost", 9) == -1 && errno == EINVAL);
    CHECK(address_numeric(&six, NULL, 9) == -1 && errno == EINVAL);
    CHECK(address_numeric(&six, here, 65535) == 0);
    CHECK(address_numeric(&six, here, 65536) == -1 && errno == EINVAL);
    CHECK(address_numeric(&six, here, -1) == -1 && errno == EINVAL);
    loop_check_quiet(talk.reactor);
    close(fd);
    talk_free(&talk);
    CHECK(hearer.stopped == 1);
}

static void U5_the_other_family(const char *poller)
{
    const struct udp_options local = { .interface = "::1" };
    struct talk talk;
    struct hearer six = { .base.class = &Hearer }, four = { 0 };
    struct address to = at(9);

    talk_new(&talk, poller, &Talker);
    hear(&four, &talk, 0);
    six.port = reactor_listen_udp(talk.reactor, 0, &six.base, &local);
    if (six.port) { /* not every machine has it */
        CHECK(udp_port_write(six.port, "x", 1, &to) == -1);
        CHECK(errno == EAFNOSUPPORT);
        CHECK(udp_port_connect(six.port, here, 9) == -1);
        CHECK(errno == EAFNOSUPPORT);
        CHECK(port_get_host(&six.port->base, &to) == 0);
        CHECK(udp_port_write(four.port, "x", 1, &to) == -1);
        CHECK(errno == EAFNOSUPPORT);
        CHECK(udp_port_write(six.port, "self", 4, &to) == 0);
        TALK_UNTIL(&talk, six.received == 1);
    }
    talk_free(&talk);
}

static void U6_one_peer(const char *poller)
{
    struct talk talk;
    struct hearer server = { 0 }, client = { 0 };

    talk_new(&talk, poller, &Talker);
    hear(&server, &talk, 0);
    hear(&client, &talk, 0);
    int fd = stranger_to(client.number);
    CHECK(send(fd, "early", 5, 0) == 5); /* it waits to be read */
    CHECK(udp_port_connect(client.port, "localhost", server.number) == -1);
    CHECK(errno == EINVAL);
    CHECK(udp_port_connect(client.port, "::1", server.number) == -1);
    CHECK(errno == EAFNOSUPPORT);
    CHECK(udp_port_connect(client.port, here, server.number) == 0);
    CHECK(udp_port_connect(client.port, here, server.number) == -1);
    CHECK(errno == EISCONN);
    send(fd, "late", 4, 0);
    struct address own = at(client.number), peer = at(server.number);
    CHECK(udp_port_write(client.port, "x", 1, &own) == -1 && errno == EISCONN);
    CHECK(udp_port_write(client.port, "one", 3, NULL) == 0);
    CHECK(udp_port_write(client.port, "two", 3, &peer) == 0);
    TALK_UNTIL(&talk, server.received == 2);
    CHECK(udp_port_write(server.port, "answer", 6, &server.from) == 0);
    TALK_UNTIL(&talk, client.received > 0);
    CHECK(client.received == 1 && !strcmp(client.text, "answer"));
    close(fd);
    talk_free(&talk);
}

/* Every address of this machine is one of its own: the kernel chooses. */
static void U6_a_peer_by_another_name(const char *poller)
{
    struct talk talk;
    struct hearer server = { 0 }, client = { 0 };

    talk_new(&talk, poller, &Talker);
    hear(&server, &talk, 0);
    hear(&client, &talk, 0);
    CHECK(udp_port_connect(client.port, "0.0.0.0", server.number) == 0);
    CHECK(udp_port_write(client.port, "x", 1, NULL) == 0);
    TALK_UNTIL(&talk, server.received == 1);
    CHECK(udp_port_write(server.port, "answer", 6, &server.from) == 0);
    TALK_UNTIL(&talk, client.received == 1);
    talk_free(&talk);
}

/* It is as good as before: it sends, and what comes is received. */
static void check_open(struct talk *talk, struct hearer *client, int number)
{
    struct hearer server = { 0 };
    int before = client->received;

    hear(&server, talk, number);
    CHECK(client->stopped == 0);
    CHECK(udp_port_write(client->port, "again", 5, NULL) == 0);
    TALK_UNTIL(talk, server.received == 1);
    CHECK(udp_port_write(server.port, "heard", 5, &server.from) == 0);
    TALK_UNTIL(talk, client->received == before + 1);
    port_stop_listening(&server.port->base);
    TALK_UNTIL(talk, server.stopped == 1);
}

static void U7_U8_trap19_refused(const char *poller)
{
    struct talk talk;
    struct hearer client = { 0 };
    int number = free_number();

    talk_new(&talk, poller, &Talker);
    hear(&client, &talk, 0);
    CHECK(udp_port_connect(client.port, here, number) == 0);
    CHECK(udp_port_write(client.port, "x", 1, NULL) == 0);
    CHECK(client.refused == 0);
    TALK_UNTIL(&talk, client.refused == 1);
    loop_check_quiet(talk.reactor);
    CHECK(client.refused == 1 && client.stopped == 0);
    check_open(&talk, &client, number);
    CHECK(client.refused == 1);
    CHECK(udp_port_write(client.port, "x", 1, NULL) == 0);
    TALK_UNTIL(&talk, client.refused == 2);
    talk_free(&talk);
    CHECK(client.stopped == 1);
}

/* The kernel tells of the first when we send the second, and does not send
 * that. */
static void U7_refused_when_sending(const char *poller)
{
    struct talk talk;
    struct hearer client = { 0 }, server = { 0 };
    int number = free_number();

    talk_new(&talk, poller, &Talker);
    hear(&client, &talk, 0);
    CHECK(udp_port_connect(client.port, here, number) == 0);
    CHECK(udp_port_write(client.port, "first", 5, NULL) == 0);
    hear(&server, &talk, number);
    CHECK(udp_port_write(client.port, "second", 6, NULL) == 0);
    CHECK(client.refused == 0); /* not before it returns */
    TALK_UNTIL(&talk, server.received == 1 && client.refused == 1);
    CHECK(!strcmp(server.text, "second"));
    kernel_fail_write(ECONNREFUSED, 2);
    CHECK(udp_port_write(client.port, "x", 1, NULL) == -1);
    CHECK(errno == ECONNREFUSED && client.refused == 1);
    TALK_UNTIL(&talk, client.refused == 2);
    loop_check_quiet(talk.reactor);
    CHECK(client.refused == 2 && client.stopped == 0);
    talk_free(&talk);
}

/* What the kernel says of another's datagram, or of ours, but is no refusal. */
static void U7_what_is_no_refusal(const char *poller)
{
    static char bytes[LARGEST + 1];
    struct talk talk;
    struct hearer client = { 0 }, server = { 0 };

    talk_new(&talk, poller, &Talker);
    hear(&server, &talk, 0);
    hear(&client, &talk, 0);
    CHECK(udp_port_connect(client.port, here, server.number) == 0);
    CHECK(udp_port_write(client.port, bytes, sizeof(bytes), NULL) == -1);
    CHECK(errno == EMSGSIZE);
    kernel_fail_write(EINTR, 1);
    CHECK(udp_port_write(client.port, "x", 1, NULL) == 0);
    TALK_UNTIL(&talk, server.received == 1);
    receive_error = ENOMEM;
    CHECK(udp_port_write(server.port, "x", 1, &server.from) == 0);
    TALK_UNTIL(&talk, client.received == 1);
    loop_check_quiet(talk.reactor);
    CHECK(client.refused == 0 && client.stopped == 0);
    receive_error = ECONNRESET; /* as a UNIX socket says it */
    CHECK(udp_port_write(server.port, "x", 1, &server.from) == 0);
    TALK_UNTIL(&talk, client.received == 2);
    CHECK(client.refused == 1);
    receive_error = ECONNREFUSED; /* of which one of them, nobody knows */
    udp_port_write(client.port, "x", 1, NULL);
    TALK_UNTIL(&talk, server.received == 2);
    CHECK(server.refused == 0 && server.stopped == 0);
    talk_free(&talk);
}

static void U7_unconnected_hears_nothing(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { 0 };
    struct address nobody = at(closed_number());

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    CHECK(udp_port_write(hearer.port, "x", 1, &nobody) == 0);
    CHECK(udp_port_write(hearer.port, "x", 1, &nobody) == 0);
    loop_check_quiet(talk.reactor);
    int fd = stranger_to(hearer.number);
    CHECK(send(fd, "here", 4, 0) == 4);
    TALK_UNTIL(&talk, hearer.received == 1);
    CHECK(hearer.refused == 0 && hearer.stopped == 0);
    close(fd);
    talk_free(&talk);
}

static void stop(struct hearer *self)
{
    port_stop_listening(&self->base.transport->base);
    CHECK(self->stopped == 0);
}

static void U7_stop_when_refused(const char *poller)
{
    struct talk talk;
    struct hearer client = { .on_refused = stop };

    talk_new(&talk, poller, &Talker);
    hear(&client, &talk, 0);
    CHECK(udp_port_connect(client.port, here, closed_number()) == 0);
    CHECK(udp_port_write(client.port, "x", 1, NULL) == 0);
    udp_port_write(client.port, "x", 1, NULL);
    TALK_UNTIL(&talk, client.stopped == 1);
    CHECK(client.refused == 1);
    talk_free(&talk);
}

struct after {
    struct hearer *hearer;
    struct talk *talk;
    int times;
};

static void hear_again(void *argument)
{
    struct after *self = argument;

    self->times++;
    CHECK(self->hearer->stopped == 1);
    hear(self->hearer, self->talk, self->hearer->number);
}

static void never(void *argument)
{
    (void)argument;
    unit_failed("one is told", __FILE__, __LINE__);
}

static void U9_stops_later(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { 0 };
    struct after after = { &hearer, &talk, 0 };

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    port_on_stopped(&hearer.port->base, never, NULL);
    port_on_stopped(&hearer.port->base, hear_again, &after);
    port_stop_listening(&hearer.port->base);
    port_stop_listening(&hearer.port->base); /* twice is once */
    CHECK(after.times == 0 && hearer.stopped == 0 && hearer.base.transport);
    TALK_UNTIL(&talk, after.times == 1);
    CHECK(hearer.started == 2 && hearer.stopped == 1);
    loop_turns(talk.reactor, 3);
    CHECK(after.times == 1 && hearer.stopped == 1);
    talk_free(&talk);
    CHECK(hearer.stopped == 2);
}

static void U9_stop_in_the_middle(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { .on_data = stop };

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    int fd = stranger_to(hearer.number);
    for (int i = 0; i < 100; i++)
        CHECK(send(fd, "x", 1, 0) == 1);
    TALK_UNTIL(&talk, hearer.stopped == 1);
    CHECK(hearer.received == 100); /* the loop that was running went on */
    send(fd, "x", 1, 0);
    loop_turns(talk.reactor, 3);
    CHECK(hearer.received == 100);
    close(fd);
    talk_free(&talk);
}

static void U9_stop_in_start(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { .on_start = stop };

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    CHECK(hearer.started == 1 && hearer.stopped == 0);
    TALK_UNTIL(&talk, hearer.stopped == 1);
    talk_free(&talk);
}

static void U9_the_loop_ends(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { 0 };
    struct delayed_call end = { 0 };

    talk_new(&talk, poller, &Talker);
    hear(&hearer, &talk, 0);
    CHECK(reactor_call_later(talk.reactor, &end, 0, loop_stop, talk.reactor) ==
          0);
    CHECK(reactor_run(talk.reactor) == 0);
    CHECK(hearer.stopped == 1 && !hearer.base.transport);
    talk_free(&talk);
    CHECK(hearer.stopped == 1);
}

static void a_number_that_was_closed(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { 0 };

    talk_new(&talk, poller, &Talker);
    int fd = stranger_to(free_number()); /* the next number is the port's */
    close(fd);
    hear(&hearer, &talk, 0);
    loop_turns(talk.reactor, 2);
    close(fd);
    if (!strcmp(poller, "epoll")) /* which does not notice */
        port_stop_listening(&hearer.port->base);
    TALK_UNTIL(&talk, hearer.stopped == 1);
    talk_free(&talk);
}

static void say(struct hearer *self)
{
    log_message("%s", self->text);
}

static void say_refused(struct hearer *self)
{
    (void)self;
    log_message("refused");
}

static void G3_G5_the_log(const char *poller)
{
    static char text[4096];
    char wanted[200];
    FILE *paper = tmpfile();
    struct talk talk;
    struct hearer hearer = { .on_data = say, .on_refused = say_refused };

    CHECK(paper != NULL);
    talk_new(&talk, poller, &Talker);
    log_start(paper, talk.reactor);
    hear(&hearer, &talk, 0);
    int fd = stranger_to(hearer.number);
    CHECK(send(fd, "said", 4, 0) == 4);
    TALK_UNTIL(&talk, hearer.received == 1);
    log_message("between");
    CHECK(udp_port_connect(hearer.port, here, closed_number()) == 0);
    kernel_fail_write(ECONNREFUSED, 2);
    CHECK(udp_port_write(hearer.port, "x", 1, NULL) == -1);
    TALK_UNTIL(&talk, hearer.refused == 1);
    port_stop_listening(&hearer.port->base);
    TALK_UNTIL(&talk, hearer.stopped == 1);
    fflush(paper);
    rewind(paper);
    text[fread(text, 1, sizeof(text) - 1, paper)] = '\0';
    /* In this order; the dates do not matter. */
    const char *at_line = text;
    const char *lines[] = {
        "[-] Hearer starting on %d\n",   "[-] Starting protocol Hearer\n",
        "[Hearer (UDP)] said\n",         "[-] between\n",
        "[Hearer (UDP)] refused\n",      "[-] (UDP Port %d Closed)\n",
        "[-] Stopping protocol Hearer\n"
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        snprintf(wanted, sizeof(wanted), lines[i], hearer.number);
        const char *found = strstr(at_line, wanted);
        if (!found)
            fprintf(stderr, "no %sin:\n%s", wanted, text);
        CHECK(found != NULL);
        at_line = found ? found : text;
    }
    close(fd);
    talk_free(&talk);
    fclose(paper);
}

static const struct unit_case cases[] = {
    { "U1_starts_before_it_returns", U1_starts_before_it_returns },
    { "U1_the_usual_interface", U1_the_usual_interface },
    { "U1_six_is_not_four", U1_six_is_not_four },
    { "U1_a_loop_that_is_being_freed", U1_a_loop_that_is_being_freed },
    { "U1_without_memory", U1_without_memory },
    { "U2_all_that_is_there", U2_all_that_is_there },
    { "U2_errors_when_reading", U2_errors_when_reading },
    { "U2_flood_of_empty_ones", U2_flood_of_empty_ones },
    { "U2_flood_of_kilobytes", U2_flood_of_kilobytes },
    { "U3_cut_to_the_size", U3_cut_to_the_size },
    { "U5_sends_at_once", U5_sends_at_once },
    { "U5_the_other_family", U5_the_other_family },
    { "U6_one_peer", U6_one_peer },
    { "U6_a_peer_by_another_name", U6_a_peer_by_another_name },
    { "U7_U8_trap19_refused", U7_U8_trap19_refused },
    { "U7_refused_when_sending", U7_refused_when_sending },
    { "U7_what_is_no_refusal", U7_what_is_no_refusal },
    { "U7_unconnected_hears_nothing", U7_unconnected_hears_nothing },
    { "U7_stop_when_refused", U7_stop_when_refused },
    { "U9_stops_later", U9_stops_later },
    { "U9_stop_in_the_middle", U9_stop_in_the_middle },
    { "U9_stop_in_start", U9_stop_in_start },
    { "U9_the_loop_ends", U9_the_loop_ends },
    { "U9_a_number_that_was_closed", a_number_that_was_closed },
    { "G3_G5_the_log", G3_G5_the_log },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
