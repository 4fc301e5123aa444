/* SPDX-License-Identifier: MIT
 *
 * Connecting: the rows of group C, and traps 9 and 10. Each case bears the
 * name of its row.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "talk.h"

static int accept_at(struct talk *talk, int listener)
{
    int fd = -1;

    TALK_UNTIL(talk, (fd = net_accept(listener, NULL, NET_NONBLOCKING)) >= 0);
    return fd;
}

static void C1_started_before_it_returns(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk.notes = true;
    talk_call(&talk, number, NULL);
    CHECK(unit_noted("start connecting "));
    CHECK(connector_state(talk.connector) == CONNECTING);
    CHECK(connector_port(talk.connector) == number);
    CHECK(!strcmp(connector_host(talk.connector), "127.0.0.1"));
    TALK_UNTIL(&talk, talk.made == 1);
    CHECK(unit_noted("build made "));
    talk.notes = false;
    close(listener);
    talk_free(&talk);
}

static void C2_outcomes_come_later(const char *poller)
{
    const struct connector_options stranger = { 0, "192.0.2.1", 0 };
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, closed_number(), NULL);
    CHECK(talk.failed == 0);
    talk_call(&talk, number, &stranger);
    CHECK(talk.failed == 0);
    talk_call(&talk, number, NULL);
    CHECK(talk.builds == 0 && talk.started == 1);
    TALK_UNTIL(&talk, talk.failed == 2 && talk.made == 1);
    CHECK(talk.stopped == 0); /* one of three still uses it */
    close(listener);
    talk_free(&talk);
}

static void C3_connect_twice(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, number, NULL);
    errno = 0;
    CHECK(connector_connect(talk.connector) < 0 && errno == EALREADY);
    TALK_UNTIL(&talk, talk.made == 1);
    CHECK(connector_state(talk.connector) == CONNECTED);
    errno = 0;
    CHECK(connector_connect(talk.connector) < 0 && errno == EALREADY);
    CHECK(connector_retry(talk.connector, 1) < 0 && errno == EALREADY);
    CHECK(talk.attempts == 1);
    close(listener);
    talk_free(&talk);
}

static void connected_already(struct talk *talk)
{
    CHECK(connector_state(talk->connector) == CONNECTED);
}

static void C4_order_of_success(const char *poller)
{
    const struct connector_options quick = { .timeout = 0.2 };
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk.on_build = connected_already;
    talk.notes = true;
    talk_call(&talk, number, &quick);
    int fd = accept_at(&talk, listener);
    peer_send(fd, "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    CHECK(unit_noted("start connecting build made data "));
    loop_run_for(talk.reactor, 0.25); /* no time-out any more */
    CHECK(talk.failed == 0 && talk.lost == 0);
    talk.notes = false;
    close(fd);
    close(listener);
    talk_free(&talk);
}

static void C5_order_of_failure(const char *poller)
{
    struct talk talk;

    talk_new(&talk, poller, &Talker);
    talk.notes = true;
    talk_call(&talk, closed_number(), NULL);
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(unit_noted("start connecting failed stop "));
    CHECK(talk.builds == 0);
    talk.notes = false;
    talk_free(&talk);
}

static void check_mapping(int error, const struct failure_type *type,
                          const char *start)
{
    char text[FAILURE_TEXT_MAX];
    struct failure failure = failure_of_connect(error);

    CHECK(failure_check(failure, type) && failure.number == error);
    CHECK(!strncmp(failure_message(failure, text), start, strlen(start)));
}

static void C6_E6_what_a_failure_is_called(const char *poller)
{
    struct talk talk;

    check_mapping(ECONNREFUSED, &ConnectionRefusedError,
                  "Connection was refused by other side: 111: "
                  "Connection refused.");
    check_mapping(ENETUNREACH, &NoRouteError,
                  "No route to host: 101: Network is unreachable.");
    check_mapping(ETIMEDOUT, &TCPTimedOutError, "TCP connection timed out");
    check_mapping(EACCES, &ConnectError,
                  "An error occurred while connecting: 13: Permission denied.");
    check_mapping(EHOSTUNREACH, &ConnectError,
                  "An error occurred while connecting: 113: No route to host.");
    check_mapping(0, &ConnectError, "An error occurred while connecting.");
    talk_new(&talk, poller, &Talker);
    talk_call(&talk, closed_number(), NULL);
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(failure_check(talk.reason, &ConnectionRefusedError));
    CHECK(talk.reason.number == ECONNREFUSED);
    talk_free(&talk);
}

static void C7_time_out(const char *poller)
{
    const struct connector_options quick = { .timeout = 0.05 };
    struct talk talk;
    int number, waiting, listener = deaf_listener(&number, &waiting);

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, number, &quick);
    double start = reactor_seconds();
    loop_run_for(talk.reactor, 0.03);
    CHECK(talk.failed == 0 || reactor_seconds() - start > 0.05);
    loop_run_for(talk.reactor, 0.03);
    CHECK(talk.failed == 1 && talk.stopped == 1);
    CHECK(!strcmp(talk.message, "User timeout caused connection failure."));
    loop_check_quiet(talk.reactor);
    close(listener);
    close(waiting);
    talk_free(&talk);
}

static void C7_thirty_seconds(const char *poller)
{
    struct talk talk;
    int number, waiting, listener = deaf_listener(&number, &waiting);
    int64_t now = delayed_calls_now();

    talk_new(&talk, poller, &Talker);
    unit_stop_clock(now);
    talk_call(&talk, number, NULL);
    loop_turns(talk.reactor, 3);
    unit_stop_clock(now + 29900000000);
    loop_turns(talk.reactor, 3);
    CHECK(talk.failed == 0);
    unit_stop_clock(now + 30000000000);
    loop_turns(talk.reactor, 3);
    CHECK(talk.failed == 1);
    unit_stop_clock(-1);
    close(listener);
    close(waiting);
    talk_free(&talk);
}

static void C8_our_own_end(const char *poller)
{
    struct talk talk;
    int number, taken, listener = peer_listen(5, &number);
    int other = peer_listen(5, &taken);
    struct connector_options bound = { 0, "127.0.0.2", unused_number() };
    struct address peer;
    char text[ADDRESS_TEXT_MAX];

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, number, &bound);
    int fd = accept_at(&talk, listener);
    CHECK(address_peer(&peer, fd) == 0);
    CHECK(!strcmp(address_host(&peer, text), "127.0.0.2"));
    CHECK(address_port(&peer) == bound.bind_port);
    bound = (struct connector_options){ 0, "127.0.0.1", taken };
    talk_call(&talk, number, &bound);
    CHECK(talk.failed == 0);
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(failure_check(talk.reason, &ConnectBindError));
    CHECK(!strcmp(talk.message, "Couldn't bind: 98: Address already in use."));
    bound = (struct connector_options){ 0, "192.0.2.1", 0 };
    talk_call(&talk, number, &bound);
    TALK_UNTIL(&talk, talk.failed == 2);
    CHECK(failure_check(talk.reason, &ConnectBindError));
    close(fd);
    close(listener);
    close(other);
    talk_free(&talk);
}

static void stop_connecting(struct talk *talk)
{
    int before = talk->failed;

    CHECK(connector_stop_connecting(talk->connector) == 0);
    CHECK(talk->failed == before + 1);
    CHECK(!strcmp(talk->message, "User aborted connection."));
}

static void C9_stop_connecting(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, number, NULL);
    stop_connecting(&talk); /* before the first turn */
    loop_turns(talk.reactor, 3);
    talk_call(&talk, number, NULL);
    loop_turns(talk.reactor, 0);
    if (talk.made == 0)
        stop_connecting(&talk);
    loop_turns(talk.reactor, 5);
    CHECK(talk.failed + talk.made == 2);
    close(listener);
    talk_free(&talk);
}

static void C9_stop_in_the_handshake(const char *poller)
{
    struct talk talk;
    int number, waiting, listener = deaf_listener(&number, &waiting);

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, number, NULL);
    loop_turns(talk.reactor, 3);
    stop_connecting(&talk);
    CHECK(talk.stopped == 1);
    loop_check_quiet(talk.reactor);
    CHECK(talk.failed == 1 && talk.builds == 0);
    close(listener);
    close(waiting);
    talk_free(&talk);
}

static void trap9_stop_in_started_connecting(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk.on_started = stop_connecting;
    talk.notes = true;
    talk_call(&talk, number, NULL);
    CHECK(unit_noted("start connecting failed stop "));
    CHECK(connector_state(talk.connector) == DISCONNECTED);
    connector_disconnect(talk.connector);
    loop_turns(talk.reactor, 3);
    CHECK(talk.failed == 1 && talk.builds == 0);
    talk.notes = false;
    close(listener);
    talk_free(&talk);
}

static void C10_not_connecting(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, number, NULL);
    TALK_UNTIL(&talk, talk.made == 1);
    errno = 0;
    CHECK(connector_stop_connecting(talk.connector) < 0 && errno == ENOTCONN);
    CHECK(talk.failed == 0);
    close(listener);
    talk_free(&talk);
}

static void disconnect(struct talk *talk)
{
    connector_disconnect(talk->connector);
}

static void C11_disconnect(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk.on_failed = talk.on_client_lost = disconnect; /* nothing */
    talk_call(&talk, number, NULL);
    connector_disconnect(talk.connector);
    CHECK(talk.failed == 1);
    talk_call(&talk, number, NULL);
    TALK_UNTIL(&talk, talk.made == 1);
    talk_write(&talk, 5);
    connector_disconnect(talk.connector);
    CHECK(talk.lost == 0);
    int fd = accept_at(&talk, listener);
    peer_swallow(&talk, fd, 5);
    peer_expect_end(&talk, fd);
    close(fd);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(!strcmp(talk.message, "Connection was closed cleanly."));
    close(listener);
    talk_free(&talk);
}

static void still_connected(struct talker *self)
{
    CHECK(connector_state(self->talk->connector) == CONNECTED);
    errno = 0;
    CHECK(connector_connect(self->talk->connector) < 0 && errno == EALREADY);
}

static void C12_C13_trap9_order_of_the_end(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk.on_lost = still_connected;
    talk.notes = true;
    talk_call(&talk, number, NULL);
    int fd = accept_at(&talk, listener);
    TALK_UNTIL(&talk, talk.made == 1);
    close(fd);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(unit_noted("start connecting build made lost client-lost stop "));
    CHECK(talk.attempts == 1);
    talk.notes = false;
    close(listener);
    talk_free(&talk);
}

static void three_more(struct talk *talk)
{
    if (talk->failed + talk->client_lost <= 3)
        CHECK(connector_connect(talk->connector) == 0);
}

static void C14_trap10_again_and_again(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk.on_client_lost = talk.on_failed = three_more;
    talk_call(&talk, number, NULL);
    for (int i = 1; i <= 4; i++) {
        int fd = accept_at(&talk, listener);
        TALK_UNTIL(&talk, talk.made == i);
        CHECK(talk.attempts == i && talk.started == 1 && talk.stopped == 0);
        close(fd);
        TALK_UNTIL(&talk, talk.client_lost == i);
    }
    loop_turns(talk.reactor, 3);
    CHECK(talk.attempts == 4 && talk.started == 1 && talk.stopped == 1);
    close(listener);
    /* The same when it is refused. */
    talk.client_lost = 0;
    talk_call(&talk, number, NULL);
    TALK_UNTIL(&talk, talk.failed == 4);
    loop_turns(talk.reactor, 3);
    CHECK(talk.attempts == 8 && talk.started == 2 && talk.stopped == 2);
    talk_free(&talk);
}

static void stop_the_second(struct talk *talk)
{
    if (talk->attempts == 2)
        stop_connecting(talk);
}

static void once_more(struct talk *talk)
{
    if (talk->attempts == 1)
        CHECK(connector_connect(talk->connector) == 0);
}

/* The second attempt begins and ends inside the callback that tells of the
 * end of the first. */
static void C9_C14_stop_the_second_attempt(const char *poller)
{
    struct talk talk;

    talk_new(&talk, poller, &Talker);
    talk.on_failed = once_more;
    talk.on_started = stop_the_second;
    talk_call(&talk, closed_number(), NULL);
    TALK_UNTIL(&talk, talk.failed == 2);
    loop_turns(talk.reactor, 3);
    CHECK(talk.attempts == 2 && talk.started == 1);
    CHECK(talk.stopped == 1);
    CHECK(talk.base.ports == 0);
    talk_free(&talk);
}

static void C15_nobody_wants_it(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk.refuses = true;
    talk.notes = true;
    talk_call(&talk, number, NULL);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(unit_noted("start connecting build client-lost stop "));
    CHECK(!strcmp(talk.message, "Connection was closed cleanly."));
    int fd = accept_at(&talk, listener);
    peer_expect_end(&talk, fd);
    talk.notes = false;
    close(fd);
    close(listener);
    talk_free(&talk);
}

static void take_memory(struct talk *self)
{
    (void)self;
    unit_fail_allocation(0);
}

/* It is no refusal: whoever waits for the connection hears of a failure. */
static void no_memory_for_a_protocol(const char *poller)
{
    struct talk talk;
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk.on_build = take_memory;
    talk.notes = true;
    talk_call(&talk, number, NULL);
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(unit_noted("start connecting build failed stop "));
    CHECK(talk.reason.number == ENOMEM);
    int fd = accept_at(&talk, listener);
    peer_expect_end(&talk, fd);
    talk.notes = false;
    close(fd);
    close(listener);
    talk_free(&talk);
}

static void C19_no_read_before_the_end_of_the_handshake(const char *poller)
{
    struct talk talk;

    talk_new(&talk, poller, &Talker);
    for (int i = 1; i <= 20; i++) {
        talk_call(&talk, closed_number(), NULL);
        TALK_UNTIL(&talk, talk.failed == i);
        CHECK(failure_check(talk.reason, &ConnectionRefusedError));
    }
    CHECK(talk.builds == 0 && talk.client_lost == 0);
    talk_free(&talk);
}

static void connected_to_itself(const char *poller)
{
    struct connector_options same = { 0, "127.0.0.1", unused_number() };
    struct talk talk;

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, same.bind_port, &same);
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(failure_check(talk.reason, &ConnectionRefusedError));
    talk_free(&talk);
}

/* The loop ends: those who connect fail, those who are connected are lost. */
static void C20_the_loop_ends(const char *poller)
{
    struct talk talk;
    struct delayed_call stop = { 0 };
    int number, waiting, listener = deaf_listener(&number, &waiting);

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, number, NULL);
    loop_turns(talk.reactor, 3);
    CHECK(reactor_call_later(talk.reactor, &stop, 0, loop_stop, talk.reactor) ==
          0);
    CHECK(reactor_run(talk.reactor) == 0);
    CHECK(talk.failed == 1 && talk.stopped == 1);
    CHECK(failure_check(talk.reason, &ConnectError));
    CHECK(talk.reason.number == ECANCELED);
    close(listener);
    close(waiting);
    talk_free(&talk);
}

/* A loop that never ran: the connector hears nothing, and is freed. */
static void C20_the_loop_never_ran(const char *poller)
{
    struct talk talk;

    talk_new(&talk, poller, &Talker);
    talk_call(&talk, closed_number(), NULL);
    reactor_free(talk.reactor);
    CHECK(talk.builds == 0);
}

/* Told to try again while the loop ends. */
static void C20_connect_at_the_end(const char *poller)
{
    struct talk talk;
    struct delayed_call stop = { 0 };
    int number, listener = peer_listen(5, &number);

    talk_new(&talk, poller, &Talker);
    talk.on_client_lost = talk.on_failed = three_more;
    talk_call(&talk, number, NULL);
    TALK_UNTIL(&talk, talk.made == 1);
    CHECK(reactor_call_later(talk.reactor, &stop, 0, loop_stop, talk.reactor) ==
          0);
    CHECK(reactor_run(talk.reactor) == 0);
    CHECK(talk.client_lost == 1);
    CHECK(talk.lost == 1);
    reactor_free(talk.reactor);
    close(listener);
}

static void no_such_port(const char *poller)
{
    const int wrong[] = { -1, 65536, 65536 + 9 };
    const struct connector_options named = { .bind_address = "localhost" };
    struct talk talk;

    talk_new(&talk, poller, &Talker);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        const struct connector_options from = { .bind_address = "127.0.0.1",
                                                .bind_port = wrong[i] };
        errno = 0;
        CHECK(!reactor_connect_tcp(talk.reactor, "127.0.0.1", wrong[i],
                                   &talk.base, NULL) &&
              errno == EINVAL);
        errno = 0;
        CHECK(!reactor_connect_tcp(talk.reactor, "127.0.0.1", 9, &talk.base,
                                   &from) &&
              errno == EINVAL);
    }
    errno = 0;
    CHECK(!reactor_connect_tcp(talk.reactor, "127.0.0.1", 9, &talk.base,
                               &named) &&
          errno == EINVAL);
    CHECK(talk.started == 0);
    talk_free(&talk);
}

static void no_memory(const char *poller)
{
    int number, listener = peer_listen(200, &number);
    struct talk talk;

    for (int i = 0; i < 60; i++) {
        talk_new(&talk, poller, &Talker);
        loop_turns(talk.reactor, 1);
        unit_fail_allocation(i);
        struct connector *c = reactor_connect_tcp(talk.reactor, "127.0.0.1",
                                                  number, &talk.base, NULL);
        if (c)
            loop_turns(talk.reactor, 6);
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        if (c)
            TALK_UNTIL(&talk, talk.failed + talk.client_lost + talk.made >= 1);
        if (!c)
            CHECK(talk.started == talk.stopped);
        talk_free(&talk);
        if (!failed)
            break;
    }
    close(listener);
}

static const struct unit_case cases[] = {
    { "C1_started_before_it_returns", C1_started_before_it_returns },
    { "C2_outcomes_come_later", C2_outcomes_come_later },
    { "C3_connect_twice", C3_connect_twice },
    { "C4_order_of_success", C4_order_of_success },
    { "C5_order_of_failure", C5_order_of_failure },
    { "C6_E6_what_a_failure_is_called", C6_E6_what_a_failure_is_called },
    { "C7_time_out", C7_time_out },
    { "C7_thirty_seconds", C7_thirty_seconds },
    { "C8_our_own_end", C8_our_own_end },
    { "C9_stop_connecting", C9_stop_connecting },
    { "C9_stop_in_the_handshake", C9_stop_in_the_handshake },
    { "C9_trap9_stop_in_started_connecting", trap9_stop_in_started_connecting },
    { "C10_not_connecting", C10_not_connecting },
    { "C11_disconnect", C11_disconnect },
    { "C12_C13_trap9_order_of_the_end", C12_C13_trap9_order_of_the_end },
    { "C14_trap10_again_and_again", C14_trap10_again_and_again },
    { "C9_C14_stop_the_second_attempt", C9_C14_stop_the_second_attempt },
    { "C15_nobody_wants_it", C15_nobody_wants_it },
    { "C19_refused", C19_no_read_before_the_end_of_the_handshake },
    { "C19_connected_to_itself", connected_to_itself },
    { "C20_the_loop_ends", C20_the_loop_ends },
    { "C20_the_loop_never_ran", C20_the_loop_never_ran },
    { "C20_connect_at_the_end", C20_connect_at_the_end },
    { "no_such_port", no_such_port },
    { "no_memory", no_memory },
    { "no_memory_for_a_protocol", no_memory_for_a_protocol },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
