/* SPDX-License-Identifier: MIT
 *
 * Listening and accepting: the rows of group L, and traps 11 and 12. Each case
 * bears the name of its row.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "protocol/log.h"
#include "talk.h"

enum { CROWD_MAX = 400 };

/* So many clients that wait to be accepted. */
static void knock(struct talk *talk, int *fds, int count)
{
    for (int i = 0; i < count; i++)
        fds[i] = talk_knock(talk);
}

static void hang_up(const int *fds, int count)
{
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

static void L1_listens_before_it_returns(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    CHECK(talk.number > 0 && talk.started == 1);
    int fd = talk_knock(&talk); /* no turn yet */
    TALK_UNTIL(&talk, talk.made == 1);
    close(fd);
    talk_free(&talk);
}

static void L2_defaults(const char *poller)
{
    const struct tcp_port_options six = { "::1", 0 };
    struct talk talk;
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    talk_new(&talk, poller, &Talker);
    talk.port = reactor_listen_tcp(talk.reactor, 0, &talk.base, NULL);
    CHECK(talk.port && port_get_host(talk.port, &address) == 0);
    CHECK(!strcmp(address_host(&address, text), "0.0.0.0"));
    CHECK(kernel_backlog() == 50);
    talk.number = address_port(&address);
    int fd = talk_peer(&talk);
    close(fd);
    talk.port = reactor_listen_tcp(talk.reactor, 0, &talk.base, &six);
    if (talk.port) { /* not every machine has it */
        CHECK(port_get_host(talk.port, &address) == 0);
        CHECK(address.bytes.ss_family == AF_INET6);
    }
    talk_free(&talk);
}

struct again {
    struct talk *talk;
    int times;
};

static void listen_again(void *argument)
{
    struct again *self = argument;
    const struct tcp_port_options local = { "127.0.0.1", 0 };

    self->times++;
    CHECK(self->talk->stopped == 1);
    CHECK(reactor_listen_tcp(self->talk->reactor, self->talk->number,
                             &self->talk->base, &local) != NULL);
}

static void L3_the_number_is_free_again(const char *poller)
{
    struct talk talk;
    struct again again = { &talk, 0 };

    talk_listen(&talk, poller, &Talker);
    int first = talk_peer(&talk);
    transport_lose_connection(talk_transport(&talk));
    peer_expect_end(&talk, first); /* ours is in TIME_WAIT from now on */
    close(first);
    TALK_UNTIL(&talk, talk.lost == 1);
    int second = talk_peer(&talk);
    port_on_stopped(talk.port, listen_again, &again);
    port_stop_listening(talk.port);
    CHECK(again.times == 0 && talk.stopped == 0);
    TALK_UNTIL(&talk, again.times == 1);
    int third = talk_peer(&talk);
    CHECK(talk.started == 2);
    close(second);
    close(third);
    talk_free(&talk);
}

static void L4_cannot_listen(const char *poller)
{
    const struct tcp_port_options local = { "127.0.0.1", 0 };
    const struct tcp_port_options stranger = { "192.0.2.1", 0 };
    const struct tcp_port_options nonsense = { "nonsense.invalid", 0 };
    struct talk talk, other;

    talk_listen(&talk, poller, &Talker);
    talk_join(&other, talk.reactor, &Talker);
    errno = 0;
    CHECK(!reactor_listen_tcp(talk.reactor, talk.number, &other.base, &local));
    CHECK(errno == EADDRINUSE && other.started == 0);
    errno = 0;
    CHECK(!reactor_listen_tcp(talk.reactor, 0, &other.base, &stranger));
    CHECK(errno == EADDRNOTAVAIL);
    CHECK(!reactor_listen_tcp(talk.reactor, 0, &other.base, &nonsense));
    errno = 0; /* and not port 0 or another */
    CHECK(!reactor_listen_tcp(talk.reactor, 65536, &other.base, &local));
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(!reactor_listen_tcp(talk.reactor, -1, &other.base, &local));
    CHECK(errno == EINVAL);
    CHECK(other.started == 0 && other.base.ports == 0);
    for (int i = 0;; i++) {
        unit_fail_allocation(i);
        struct port *port =
            reactor_listen_tcp(talk.reactor, 0, &other.base, &local);
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        if (!failed) {
            CHECK(port != NULL);
            break;
        }
        CHECK(!port);
    }
    loop_turns(talk.reactor, 2);
    talk_free(&talk);
    CHECK(other.started == 1 && other.stopped == 1);
}

static void L5_the_factory_starts_once(const char *poller)
{
    const struct tcp_port_options local = { "127.0.0.1", 0 };
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    struct port *second =
        reactor_listen_tcp(talk.reactor, 0, &talk.base, &local);
    CHECK(talk.started == 1);
    port_stop_listening(talk.port);
    loop_turns(talk.reactor, 3);
    CHECK(talk.stopped == 0);
    port_stop_listening(second);
    loop_turns(talk.reactor, 3);
    CHECK(talk.started == 1 && talk.stopped == 1);
    talk_free(&talk);
}

static void L6_clients_a_turn(const char *poller)
{
    struct talk talk;
    int fds[CROWD_MAX];

    unit_needs_descriptors(600);
    talk_listen(&talk, poller, &Talker);
    loop_turns(talk.reactor, 1);
    knock(&talk, fds, 250);
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 100);
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 220);
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 250);
    hang_up(fds, 250);
    TALK_UNTIL(&talk, talk.lost == 250);
    /* From now on 30 a turn, then 50. */
    knock(&talk, fds, 90);
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 280);
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 330);
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 340);
    hang_up(fds, 90);
    talk_free(&talk);
}

/* Nobody is there: the next turn accepts one, and the one after it 21. */
static void L6_never_below_one(const char *poller)
{
    struct talk talk;
    int fds[30];

    talk_listen(&talk, poller, &Talker);
    knock(&talk, fds, 30);
    kernel_fail_accept(EAGAIN, 1);
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 0);
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 1);
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 22);
    hang_up(fds, 30);
    talk_free(&talk);
}

static void L7_data_waits_for_the_next_turn(const char *poller)
{
    struct talk talk;
    int fds[2];

    talk_listen(&talk, poller, &Talker);
    talk.notes = true;
    knock(&talk, fds, 2);
    peer_send(fds[0], "one");
    peer_send(fds[1], "two");
    loop_turns(talk.reactor, 1);
    CHECK(unit_noted("build made build made "));
    TALK_UNTIL(&talk, talk.received == 6);
    CHECK(unit_noted("data data "));
    talk.notes = false;
    hang_up(fds, 2);
    talk_free(&talk);
}

static void second_only(struct talk *talk)
{
    talk->refuses = talk->builds != 2;
}

static void L8_nobody_home(const char *poller)
{
    struct talk talk;
    int fds[3];

    talk_listen(&talk, poller, &Talker);
    talk.on_build = second_only;
    knock(&talk, fds, 3);
    loop_turns(talk.reactor, 1);
    CHECK(talk.builds == 3 && talk.made == 1);
    peer_expect_end(&talk, fds[0]);
    peer_expect_end(&talk, fds[2]);
    peer_send(fds[1], "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    hang_up(fds, 3);
    talk_free(&talk);
}

static void fail_in_first(struct talk *talk)
{
    if (talk->builds == 1)
        unit_fail_allocation(0);
}

static void fail_after_first(struct talk *talk)
{
    if (talk->builds == 1)
        unit_fail_allocation(1);
}

static void no_memory(const char *poller, void (*on_build)(struct talk *))
{
    struct talk talk;
    int fds[2];

    talk_listen(&talk, poller, &Talker);
    loop_turns(talk.reactor, 1);
    talk.on_build = on_build;
    knock(&talk, fds, 2);
    TALK_UNTIL(&talk, talk.builds == 2);
    unit_fail_allocation(-1);
    CHECK(talk.made == 1);
    peer_expect_end(&talk, fds[0]);
    peer_send(fds[1], "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    hang_up(fds, 2);
    talk_free(&talk);
}

static void L9_no_memory_costs_one_client(const char *poller)
{
    no_memory(poller, fail_in_first);
    no_memory(poller, fail_after_first);
}

static void L11_accept_fails(const char *poller)
{
    const int passing[] = { EPERM, ECONNABORTED, EPROTO };
    const int lasting[] = { ENOBUFS, ENOMEM, ENFILE, EINVAL };
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    for (size_t i = 0; i < 3; i++) {
        int fd = talk_knock(&talk);
        kernel_fail_accept(passing[i], 1);
        loop_turns(talk.reactor, 1);
        CHECK(talk.made == (int)i + 1);
        close(fd);
    }
    for (size_t i = 0; i < 4; i++) {
        int64_t now = delayed_calls_now();
        /* Not even with a stopped clock may it spin. */
        kernel_fail_accept(lasting[i], 2);
        int fd = talk_knock(&talk);
        loop_turns(talk.reactor, 5);
        unit_stop_clock(now + 2000000000);
        loop_turns(talk.reactor, 5);
        kernel_fail_accept(0, 0);
        unit_stop_clock(now + 4000000000);
        loop_turns(talk.reactor, 5);
        int second = talk_knock(&talk);
        unit_stop_clock(now + 6000000000);
        int before = talk.made;
        peer_send(second, "hello");
        loop_turns(talk.reactor, 5);
        CHECK(talk.made > 0 && talk.made <= before + 2);
        CHECK(talk.received == 5 * (i + 1));
        unit_stop_clock(-1);
        close(fd);
        close(second);
    }
    talk_free(&talk);
}

static void L11_a_failing_accept_does_not_spin(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    loop_turns(talk.reactor, 1);
    int fd = talk_knock(&talk);
    kernel_fail_accept(ENOMEM, 1 << 30);
    loop_check_quiet(talk.reactor);
    kernel_fail_accept(0, 0);
    CHECK(talk.made == 0);
    close(fd);
    talk_free(&talk);
}

/* The limit was lowered: to give up the reserve is no help. */
static void L12_the_reserve_is_no_help(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    loop_turns(talk.reactor, 1);
    int fd = talk_knock(&talk);
    kernel_fail_accept(EMFILE, 1 << 30);
    loop_check_quiet(talk.reactor);
    kernel_fail_accept(0, 0);
    unit_stop_clock(delayed_calls_now() + 1000000000);
    loop_turns(talk.reactor, 2);
    unit_stop_clock(-1);
    CHECK(talk.made == 1);
    close(fd);
    talk_free(&talk);
}

/* Whoever waits is not sent away for what others have done to the machine. */
static void L11_no_descriptor_in_the_machine(const char *poller)
{
    struct talk talk;
    char byte;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_knock(&talk);
    kernel_fail_accept(ENFILE, 1);
    loop_turns(talk.reactor, 5);
    CHECK(talk.builds == 0);
    CHECK(recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN);
    unit_stop_clock(delayed_calls_now() + 1000000000);
    loop_turns(talk.reactor, 2);
    unit_stop_clock(-1);
    CHECK(talk.made == 1);
    close(fd);
    talk_free(&talk);
}

/* The end of its rest must not find it. */
static void L11_stopped_while_it_rests(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_knock(&talk);
    kernel_fail_accept(ENOMEM, 1);
    loop_turns(talk.reactor, 1);
    port_stop_listening(talk.port);
    loop_turns(talk.reactor, 2);
    CHECK(talk.stopped == 1);
    unit_stop_clock(delayed_calls_now() + 2000000000);
    loop_turns(talk.reactor, 5);
    unit_stop_clock(-1);
    CHECK(talk.made == 0);
    peer_expect_reset(&talk, fd);
    close(fd);
    talk_free(&talk);
}

static struct rlimit allow_numbers_up_to(int last)
{
    struct rlimit before, low;

    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    low = before;
    low.rlim_cur = (rlim_t)last + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    return before;
}

/* A port that found nothing for its reserve rests when it needs it, unless it
 * finds something then. */
static void L12_no_reserve(const char *poller)
{
    struct talk talk;
    struct address address;
    struct rlimit before;
    int fds[2], number;

    talk_new(&talk, poller, &Talker);
    number = dup(0); /* the next one is the port's, and the last */
    close(number);
    before = allow_numbers_up_to(number);
    talk.port = reactor_listen_tcp(talk.reactor, 0, &talk.base, NULL);
    CHECK(talk.port && setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(port_get_host(talk.port, &address) == 0);
    talk.number = address_port(&address);
    knock(&talk, fds, 2);
    allow_numbers_up_to(fds[1]);
    loop_check_quiet(talk.reactor);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    unit_stop_clock(delayed_calls_now() + 1000000000);
    kernel_fail_accept(EMFILE, 1);
    loop_turns(talk.reactor, 3);
    unit_stop_clock(-1);
    for (int i = 0; i < 2; i++)
        peer_expect_end(&talk, fds[i]);
    CHECK(talk.builds == 0);
    hang_up(fds, 2);
    talk_free(&talk);
}

/* Trap 12. */
static void L12_no_descriptor_left(const char *poller)
{
    struct talk talk;
    struct rlimit before, low;
    int fds[3];

    talk_listen(&talk, poller, &Talker);
    loop_turns(talk.reactor, 1);
    knock(&talk, fds, 3);
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    low = before;
    low.rlim_cur = (rlim_t)fds[2] + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    loop_turns(talk.reactor, 2);
    for (int i = 0; i < 3; i++) {
        peer_expect_end(&talk, fds[i]);
        close(fds[i]);
    }
    CHECK(talk.builds == 0);
    loop_check_quiet(talk.reactor);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    int fd = talk_peer(&talk);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    /* And once more: the reserve is back. */
    knock(&talk, fds, 3);
    low.rlim_cur = (rlim_t)fds[2] + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    for (int i = 0; i < 3; i++) {
        peer_expect_end(&talk, fds[i]);
        close(fds[i]);
    }
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(talk.builds == 1);
    talk_free(&talk);
}

static void note_stopped(void *argument)
{
    (void)argument;
    unit_note("stopped ");
}

static void L13_stop_listening(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    talk.notes = true;
    port_on_stopped(talk.port, note_stopped, NULL);
    port_stop_listening(talk.port);
    CHECK(unit_noted(""));
    TALK_UNTIL(&talk, talk.stopped == 1);
    loop_turns(talk.reactor, 1);
    CHECK(unit_noted("stop stopped "));
    talk.notes = false;
    peer_send(fd, "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    close(fd);
    talk_free(&talk);
}

static void stop_at_second(struct talk *talk)
{
    if (talk->builds == 2) {
        port_on_stopped(talk->port, note_stopped, NULL);
        port_stop_listening(talk->port);
    }
}

static void trap11_the_batch_is_not_cut(const char *poller)
{
    struct talk talk;
    int fds[150], reset = 0;

    unit_needs_descriptors(400);
    talk_listen(&talk, poller, &Talker);
    loop_turns(talk.reactor, 1);
    talk.on_build = stop_at_second;
    knock(&talk, fds, 150);
    for (int i = 0; i < 150; i++)
        peer_send(fds[i], "x");
    loop_turns(talk.reactor, 1);
    CHECK(talk.made == 100 && talk.received == 0 && talk.stopped == 0);
    loop_turns(talk.reactor, 1);
    CHECK(unit_noted("stopped ") && talk.stopped == 1);
    TALK_UNTIL(&talk, talk.received == 100);
    CHECK(talk.made == 100 && talk.lost == 0);
    for (int i = 0; i < 150; i++) {
        char byte;
        reset += recv(fds[i], &byte, 1, 0) < 0 && errno == ECONNRESET;
    }
    CHECK(reset == 50);
    hang_up(fds, 150);
    talk_free(&talk);
}

static void L15_stop_twice(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    port_on_stopped(talk.port, note_stopped, NULL);
    port_stop_listening(talk.port);
    port_stop_listening(talk.port);
    loop_turns(talk.reactor, 3);
    CHECK(unit_noted("stopped ") && talk.stopped == 1);
    talk_free(&talk);
    talk_listen(&talk, poller, &Talker);
    port_stop_listening(talk.port);
    talk_free(&talk);
}

static void L17_flags(const char *poller)
{
    enum { NUMBERS = 64 };
    bool there[NUMBERS];
    struct talk talk;
    int sockets = 0;

    for (int fd = 0; fd < NUMBERS; fd++)
        there[fd] = fcntl(fd, F_GETFD) >= 0;
    talk_listen(&talk, poller, &Talker);
    int peer = talk_peer(&talk);
    for (int fd = 0; fd < NUMBERS; fd++) {
        int type = 0;
        socklen_t size = sizeof(type);
        if (fd == peer || there[fd] || fcntl(fd, F_GETFD) < 0)
            continue;
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
            continue;
        CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
        sockets++;
    }
    CHECK(sockets == 2);
    close(peer);
    talk_free(&talk);
}

static const struct unit_case cases[] = {
    { "L1_listens_before_it_returns", L1_listens_before_it_returns },
    { "L2_defaults", L2_defaults },
    { "L3_the_number_is_free_again", L3_the_number_is_free_again },
    { "L4_cannot_listen", L4_cannot_listen },
    { "L5_the_factory_starts_once", L5_the_factory_starts_once },
    { "L6_clients_a_turn", L6_clients_a_turn },
    { "L6_never_below_one", L6_never_below_one },
    { "L7_data_waits_for_the_next_turn", L7_data_waits_for_the_next_turn },
    { "L8_nobody_home", L8_nobody_home },
    { "L9_no_memory_costs_one_client", L9_no_memory_costs_one_client },
    { "L11_accept_fails", L11_accept_fails },
    { "L11_a_failing_accept_does_not_spin",
      L11_a_failing_accept_does_not_spin },
    { "L11_no_descriptor_in_the_machine", L11_no_descriptor_in_the_machine },
    { "L11_stopped_while_it_rests", L11_stopped_while_it_rests },
    { "L12_no_reserve", L12_no_reserve },
    { "L12_the_reserve_is_no_help", L12_the_reserve_is_no_help },
    { "L12_trap12_no_descriptor_left", L12_no_descriptor_left },
    { "L13_stop_listening", L13_stop_listening },
    { "L14_trap11_the_batch_is_not_cut", trap11_the_batch_is_not_cut },
    { "L15_stop_twice", L15_stop_twice },
    { "L17_flags", L17_flags },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
