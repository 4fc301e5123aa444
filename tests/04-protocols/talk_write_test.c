/* SPDX-License-Identifier: MIT
 *
 * Writing, reading and pausing: rows of groups T and F, and traps 6 and 18.
 * Each case bears the name of its row; talk_close_test.c has the ends, and
 * talk_producer_test.c the producers.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "stream/connection.h"
#include "talk.h"

static void T1_nothing_is_sent_by_write(const char *poller)
{
    struct talk talk;
    char byte;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_write_text(talk_transport(&talk), "hello");
    CHECK(recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN);
    CHECK(transport_queued(talk_transport(&talk)) == 5);
    loop_turns(talk.reactor, 1);
    peer_expect(&talk, fd, "hello");
    CHECK(transport_queued(talk_transport(&talk)) == 0);
    close(fd);
    talk_free(&talk);
}

/* Not as Twisted: of a large piece the kernel is given at once what it takes,
 * when nothing is queued. */
static void T1_a_large_write_goes_at_once(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    kernel_fail_write(0, 0);
    talk_write(&talk, (16 << 10) - 1);
    CHECK(kernel_writes() == 0);
    talk_write(&talk, 16 << 10); /* there is something queued before it */
    CHECK(kernel_writes() == 0);
    peer_swallow(&talk, fd, (32 << 10) - 1);
    kernel_fail_write(0, 0);
    talk_write(&talk, 16 << 10);
    CHECK(kernel_writes() == 1);
    CHECK(transport_queued(talk_transport(&talk)) == 0);
    loop_turns(talk.reactor, 2);
    CHECK(kernel_writes() == 1);
    talk_write(&talk, 2 * CONNECTION_SEND_MAX);
    CHECK(kernel_largest_write() == CONNECTION_SEND_MAX);
    peer_swallow(&talk, fd, (16 << 10) + 2 * CONNECTION_SEND_MAX);
    close(fd);
    talk_free(&talk);
}

static void T2_in_order_and_in_one_piece(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    kernel_fail_write(0, 0);
    transport_write_text(talk_transport(&talk), "one ");
    transport_write_text(talk_transport(&talk), "");
    transport_write(talk_transport(&talk), "two ", 4);
    transport_write(talk_transport(&talk), NULL, 0);
    transport_write(talk_transport(&talk), "\0three", 6);
    loop_turns(talk.reactor, 1);
    CHECK(kernel_writes() == 1);
    peer_expect(&talk, fd, "one two ");
    peer_swallow(&talk, fd, 1);
    peer_expect(&talk, fd, "three");
    close(fd);
    talk_free(&talk);
}

/* Nothing to write: the kernel is left alone. */
static void T2_nothing_is_nothing(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    loop_turns(talk.reactor, 2);
    kernel_fail_write(0, 0);
    transport_write_text(talk_transport(&talk), "");
    loop_turns(talk.reactor, 2);
    CHECK(kernel_writes() == 0);
    close(fd);
    talk_free(&talk);
}

static void T3_at_most_so_much_a_turn(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    kernel_fail_write(0, 0);
    talk_write(&talk, 800000);
    loop_turns(talk.reactor, 1);
    CHECK(kernel_largest_write() == CONNECTION_SEND_MAX);
    CHECK(kernel_writes() <= 3); /* at once, before the wait, after it */
    peer_swallow(&talk, fd, 800000);
    CHECK(kernel_largest_write() == CONNECTION_SEND_MAX);
    close(fd);
    talk_free(&talk);
}

static void T4_at_most_so_much_at_once(const char *poller)
{
    static char bytes[600000];
    struct talk talk;
    size_t sent = 0;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_pause_producing(talk_transport(&talk));
    while (sent < sizeof(bytes)) {
        ssize_t n = peer_push(fd, bytes, sizeof(bytes) - sent);
        CHECK(n > 0);
        sent += (size_t)n;
    }
    transport_resume_producing(talk_transport(&talk));
    size_t chunks = talk.chunks;
    loop_turns(talk.reactor, 1);
    CHECK(talk.chunks == chunks + 1); /* one call a turn */
    TALK_UNTIL(&talk, talk.received == sizeof(bytes));
    CHECK(talk.chunks >= 3 && talk.largest <= CONNECTION_READ_MAX);
    close(fd);
    talk_free(&talk);
}

static void T5_no_room(const char *poller)
{
    const int errors[] = { EAGAIN, ENOBUFS, EINTR };
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    for (int i = 0; i < 3; i++) {
        transport_write_text(talk_transport(&talk), "hello");
        kernel_fail_write(errors[i], 2);
        peer_expect(&talk, fd, "hello");
    }
    CHECK(talk.lost == 0);
    close(fd);
    talk_free(&talk);
}

static void write_in_vain(struct talker *self)
{
    struct transport *transport = self->base.transport;
    struct address address;

    transport_write_text(transport, "too late");
    CHECK(transport_queued(transport) == 0);
    transport_lose_connection(transport);
    transport_lose_write_connection(transport);
    transport_abort_connection(transport);
    transport_pause_producing(transport);
    transport_resume_producing(transport);
    transport_unregister_producer(transport);
    CHECK(transport_queued(transport) == 0);
    CHECK(transport_get_peer(transport, &address) == 0); /* T35 */
}

static void T6_F7_write_after_the_end(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    talk.on_lost = write_in_vain;
    int fd = talk_peer(&talk);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    loop_turns(talk.reactor, 3);
    fd = talk_peer(&talk);
    transport_lose_connection(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 2);
    fd = talk_peer(&talk);
    transport_abort_connection(talk_transport(&talk));
    peer_expect_reset(&talk, fd);
    close(fd);
    CHECK(talk.lost == 3);
    fd = talk_peer(&talk);
    talk_free(&talk);
    close(fd);
}

static void T14_trap6_paused_is_blind(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_pause_producing(talk_transport(&talk));
    peer_send(fd, "last");
    close(fd);
    loop_check_quiet(talk.reactor);
    CHECK(talk.received == 0 && talk.lost == 0);
    talk.notes = true;
    transport_resume_producing(talk_transport(&talk));
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(unit_noted("data lost "));
    CHECK(!strcmp(talk.text, "last"));
    CHECK(!strcmp(talk.message, "Connection was closed cleanly."));
    talk.notes = false;
    talk_free(&talk);
}

static void T14_paused_and_reset(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_pause_producing(talk_transport(&talk));
    peer_reset(fd);
    loop_check_quiet(talk.reactor);
    CHECK(talk.lost == 0);
    transport_resume_producing(talk_transport(&talk));
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionLost));
    talk_free(&talk);
}

/* Not as Twisted: whoever is there at the end of the loop is told. */
static void R14_paused_at_the_end(const char *poller)
{
    struct talk talk;
    struct delayed_call stop = { 0 };

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_pause_producing(talk_transport(&talk));
    loop_turns(talk.reactor, 1);
    CHECK(reactor_call_later(talk.reactor, &stop, 0, loop_stop, talk.reactor) ==
          0);
    CHECK(reactor_run(talk.reactor) == 0);
    CHECK(talk.lost == 1 && talk.stopped == 1);
    close(fd);
    talk_free(&talk);
}

static struct talker *both[2];
static bool aborts, writes_first;

static void keep_both(struct talker *self)
{
    both[self->index - 1] = self;
}

static void stop_the_other(struct talker *self)
{
    struct talker *other = both[self == both[0]];

    self->talk->on_data = NULL;
    if (writes_first)
        transport_write_text(other->base.transport, "x");
    if (aborts)
        transport_abort_connection(other->base.transport);
    else
        transport_pause_producing(other->base.transport);
}

static void in_the_same_turn(const char *poller)
{
    struct talk talk;
    int fds[2];

    talk_listen(&talk, poller, &Talker);
    talk.on_made = keep_both;
    fds[0] = talk_peer(&talk);
    fds[1] = talk_peer(&talk);
    talk.on_data = stop_the_other;
    if (writes_first) { /* so much that it still waits to write */
        static char bytes[1 << 22];
        for (int i = 0; i < 2; i++) {
            talk.on_data = NULL;
            transport_write(both[i]->base.transport, bytes, sizeof(bytes));
        }
        loop_turns(talk.reactor, 200);
        for (int i = 0; i < 2; i++)
            CHECK(transport_queued(both[i]->base.transport) > 0);
        talk.on_data = stop_the_other;
    }
    peer_send(fds[0], "one");
    peer_send(fds[1], "two");
    loop_turns(talk.reactor, 4);
    if (!writes_first) {
        CHECK(talk.received == 3 && talk.lost == aborts);
    } else {
        CHECK(talk.received == 0); /* neither is read: they are behind */
    }
    close(fds[0]);
    close(fds[1]);
    talk_free(&talk);
}

static void trap18_pause_the_other(const char *poller)
{
    aborts = writes_first = false;
    in_the_same_turn(poller);
}

static void trap18_abort_the_other(const char *poller)
{
    writes_first = false;
    aborts = true;
    in_the_same_turn(poller);
}

static void take_the_others(struct talker *self)
{
    struct talker *other = both[self == both[0]];
    char byte;

    self->talk->on_data = NULL;
    CHECK(recv(connection_descriptor(other->base.transport), &byte, 1, 0) > 0);
}

/* It was ready, and there is nothing: no end, no error. */
static void T13_nothing_to_read(const char *poller)
{
    struct talk talk;
    int fds[2];

    talk_listen(&talk, poller, &Talker);
    talk.on_made = keep_both;
    fds[0] = talk_peer(&talk);
    fds[1] = talk_peer(&talk);
    talk.on_data = take_the_others;
    peer_send(fds[0], "1");
    peer_send(fds[1], "2");
    loop_turns(talk.reactor, 4);
    CHECK(talk.received == 1 && talk.lost == 0);
    close(fds[0]);
    close(fds[1]);
    talk_free(&talk);
}

static void behind_is_not_read(const char *poller)
{
    aborts = false;
    writes_first = true;
    in_the_same_turn(poller);
}

struct pusher {
    struct producer base;
    int resumed, paused, stopped;
};

static struct pusher pushers[2];

static void count_resume(struct producer *self)
{
    ((struct pusher *)self)->resumed++;
}

static void count_pause(struct producer *self)
{
    ((struct pusher *)self)->paused++;
}

static void count_stop(struct producer *self)
{
    ((struct pusher *)self)->stopped++;
}

static struct producer *pusher_of(struct talker *self)
{
    struct pusher *pusher = &pushers[self == both[1]];

    *pusher = (struct pusher){
        .base = { count_resume, count_pause, count_stop },
    };
    return &pusher->base;
}

/* The case that Twisted gets wrong: it waits to write, and is paused by
 * another handler of the same turn. With a producer it is read meanwhile. */
static void trap18_pause_one_that_writes(const char *poller)
{
    static char bytes[1 << 22];
    struct talk talk;
    int fds[2];

    talk_listen(&talk, poller, &Talker);
    talk.on_made = keep_both;
    fds[0] = talk_peer(&talk);
    fds[1] = talk_peer(&talk);
    for (int i = 0; i < 2; i++) {
        struct transport *transport = both[i]->base.transport;
        CHECK(
            !transport_register_producer(transport, pusher_of(both[i]), true));
        transport_write(transport, bytes, sizeof(bytes));
    }
    loop_turns(talk.reactor, 200);
    for (int i = 0; i < 2; i++)
        CHECK(transport_queued(both[i]->base.transport) > 0);
    talk.on_data = stop_the_other;
    aborts = writes_first = false;
    peer_send(fds[0], "one");
    peer_send(fds[1], "two");
    loop_turns(talk.reactor, 4);
    CHECK(talk.received == 3 && talk.lost == 0);
    close(fds[0]);
    close(fds[1]);
    talk_free(&talk);
    CHECK(pushers[0].stopped == 1 && pushers[1].stopped == 1);
}

static void T33_resume_in_vain(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_pause_producing(talk_transport(&talk));
    transport_resume_producing(talk_transport(&talk));
    peer_send(fd, "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    transport_lose_connection(talk_transport(&talk));
    transport_resume_producing(talk_transport(&talk));
    peer_send(fd, "too late");
    peer_expect_end(&talk, fd);
    peer_send(fd, "even later");
    loop_turns(talk.reactor, 3);
    CHECK(talk.received == 5);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    fd = talk_peer(&talk);
    struct transport *transport = talk_transport(&talk);
    peer_send(fd, "hello");
    transport_abort_connection(transport);
    transport_pause_producing(transport);
    transport_resume_producing(transport);
    TALK_UNTIL(&talk, talk.lost == 2);
    CHECK(talk.received == 5);
    close(fd);
    talk_free(&talk);
}

static void T34_addresses(const char *poller)
{
    struct talk talk, caller;
    struct address a, b, port;
    char text[ADDRESS_TEXT_MAX], host[] = "localhost";

    talk_listen(&talk, poller, &Talker);
    talk_join(&caller, talk.reactor, &Talker);
    caller.connector = reactor_connect_tcp(talk.reactor, host, talk.number,
                                           &caller.base, NULL);
    host[0] = '\0'; /* it was copied */
    TALK_UNTIL(&talk, talk.made == 1 && caller.made == 1);
    CHECK(!transport_get_peer(talk_transport(&talk), &a));
    CHECK(!transport_get_host(talk_transport(&caller), &b));
    CHECK(a.length == b.length && !memcmp(&a.bytes, &b.bytes, a.length));
    CHECK(!transport_get_host(talk_transport(&talk), &a));
    CHECK(!transport_get_peer(talk_transport(&caller), &b));
    CHECK(!port_get_host(talk.port, &port));
    CHECK(a.length == b.length && !memcmp(&a.bytes, &b.bytes, a.length));
    CHECK(!memcmp(&a.bytes, &port.bytes, a.length));
    CHECK(!strcmp(address_host(&b, text), "127.0.0.1"));
    CHECK(!strcmp(connector_host(caller.connector), "localhost"));
    connector_disconnect(caller.connector);
    TALK_UNTIL(&talk, talk.lost == 1 && caller.client_lost == 1);
    talk_free(&talk);
    CHECK(caller.started == 1 && caller.stopped == 1);
}

/* The options that every new connection has. */
static void T36_no_delay_no_keep_alive(const char *poller)
{
    struct talk talk;
    int value = 1;
    socklen_t size = sizeof(value);

    talk_listen(&talk, poller, &Talker);
    int peer = talk_peer(&talk);
    int fd = connection_descriptor(talk_transport(&talk));
    CHECK(!getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size));
    CHECK(value == 0);
    CHECK(!getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size));
    CHECK(value == 0);
    close(peer);
    talk_free(&talk);
}

static void F1_one_beginning_one_end(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    talk.notes = true;
    int fd = talk_knock(&talk);
    peer_send(fd, "a");
    TALK_UNTIL(&talk, talk.received == 1);
    peer_send(fd, "b");
    TALK_UNTIL(&talk, talk.received == 2);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    loop_turns(talk.reactor, 5);
    CHECK(unit_noted("build made data data lost "));
    CHECK(!strcmp(talk.text, "ab"));
    talk.notes = false;
    talk_free(&talk);
}

static void has_its_factory(struct talker *self)
{
    CHECK(self->base.factory == &self->talk->base);
    CHECK(self->base.transport != NULL);
}

static void F8_the_factory_is_there_first(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    talk.base.build_protocol = NULL; /* the default one */
    talk.on_made = has_its_factory;
    int fd = talk_peer(&talk);
    close(fd);
    talk_free(&talk);
}

static void no_memory_to_write(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk), other = talk_peer(&talk);
    unit_fail_allocation(0);
    transport_write_text(talk_transport(&talk), "hello");
    unit_fail_allocation(-1);
    CHECK(talk.lost == 0);
    transport_write_text(talk_transport(&talk), "more");
    TALK_UNTIL(&talk, talk.lost == 1);
    peer_expect_end(&talk, other);
    peer_send(fd, "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    close(fd);
    close(other);
    talk_free(&talk);
}

static void echo(struct talker *self)
{
    static char bytes[CONNECTION_READ_MAX];

    transport_write(self->base.transport, bytes, self->talk->largest);
}

/* A peer that sends and never reads is not read. */
static void one_that_never_reads(const char *poller)
{
    static char bytes[1 << 16];
    struct talk talk;
    size_t sent = 0, most = 0;
    int idle = 0;

    talk_listen(&talk, poller, &Talker);
    talk.on_data = echo;
    int fd = talk_peer(&talk);
    while (idle < 50) {
        ssize_t n = peer_push(fd, bytes, sizeof(bytes));
        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        loop_turns(talk.reactor, 1);
        if (transport_queued(talk_transport(&talk)) > most)
            most = transport_queued(talk_transport(&talk));
    }
    CHECK(sent > 1 << 20);
    CHECK(most > CONNECTION_HIGH_WATER &&
          most <= CONNECTION_HIGH_WATER + CONNECTION_READ_MAX);
    loop_check_quiet(talk.reactor);
    close(fd);
    talk_free(&talk);
}

static const struct unit_case cases[] = {
    { "T1_nothing_is_sent_by_write", T1_nothing_is_sent_by_write },
    { "T1_a_large_write_goes_at_once", T1_a_large_write_goes_at_once },
    { "T2_in_order_and_in_one_piece", T2_in_order_and_in_one_piece },
    { "T2_nothing_is_nothing", T2_nothing_is_nothing },
    { "T3_at_most_so_much_a_turn", T3_at_most_so_much_a_turn },
    { "T4_at_most_so_much_at_once", T4_at_most_so_much_at_once },
    { "T5_no_room", T5_no_room },
    { "T6_T10_T35_F7_after_the_end", T6_F7_write_after_the_end },
    { "T14_trap6_paused_is_blind", T14_trap6_paused_is_blind },
    { "T14_trap6_paused_and_reset", T14_paused_and_reset },
    { "R14_trap6_paused_at_the_end", R14_paused_at_the_end },
    { "T13_nothing_to_read", T13_nothing_to_read },
    { "trap18_pause_the_other", trap18_pause_the_other },
    { "trap18_abort_the_other", trap18_abort_the_other },
    { "trap18_pause_one_that_writes", trap18_pause_one_that_writes },
    { "behind_is_not_read", behind_is_not_read },
    { "T33_resume_in_vain", T33_resume_in_vain },
    { "T34_addresses", T34_addresses },
    { "T36_no_delay_no_keep_alive", T36_no_delay_no_keep_alive },
    { "F1_F2_one_beginning_one_end", F1_one_beginning_one_end },
    { "F8_the_factory_is_there_first", F8_the_factory_is_there_first },
    { "no_memory_to_write", no_memory_to_write },
    { "one_that_never_reads", one_that_never_reads },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
