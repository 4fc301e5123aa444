/* SPDX-License-Identifier: MIT
 *
 * How a connection ends: rows of groups T, F and E, and traps 1 to 5. Each
 * case bears the name of its row.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream/connection.h"
#include "talk.h"

static const char done[] = "Connection was closed cleanly.";
static const char half_done[] = "Connection was closed cleanly: "
                                "Connection done.";
static const char not_clean[] = "Connection to the other side was lost in a "
                                "non-clean fashion";
static const char aborted[] = "Connection was aborted locally using "
                              "ITCPTransport.abortConnection.";

enum { MUCH = 20000000 }; /* bytes: more than any kernel keeps */

static void lose(struct talker *self)
{
    transport_lose_connection(self->base.transport);
    CHECK(self->talk->lost == 0);
    CHECK(transport_disconnecting(self->base.transport));
}

static void T7_lose_connection_sends_all_first(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    talk_write(&talk, MUCH);
    lose(talk.last);
    peer_send(fd, "never delivered");
    CHECK(peer_count(&talk, fd) == MUCH);
    CHECK(talk.received == 0);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(!strcmp(talk.message, done));
    talk_free(&talk);
}

/* Also while only a little waits to be sent, and whoever resumes it. */
static void T7_T33_lose_connection_stops_reading(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    kernel_fail_write(EAGAIN, 20);
    transport_write_text(talk_transport(&talk), "bye");
    transport_lose_connection(talk_transport(&talk));
    peer_send(fd, "never delivered");
    loop_turns(talk.reactor, 3);
    transport_pause_producing(talk_transport(&talk));
    transport_resume_producing(talk_transport(&talk));
    loop_turns(talk.reactor, 3);
    CHECK(transport_queued(talk_transport(&talk)) == 3);
    peer_expect(&talk, fd, "bye");
    peer_expect_end(&talk, fd);
    CHECK(talk.received == 0);
    close(fd);
    talk_free(&talk);
}

static void bye(struct talker *self)
{
    struct transport *transport = self->base.transport;

    transport_write_text(transport, "bye");
    transport_lose_connection(transport);
    transport_write_text(transport, "+more");
    CHECK(self->talk->lost == 0);
}

static void T8_trap1_write_after_lose_connection(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    talk.on_data = bye;
    int fd = talk_peer(&talk);
    peer_send(fd, "x");
    peer_expect(&talk, fd, "bye+more");
    peer_expect_end(&talk, fd);
    close(fd);
    talk_free(&talk);
}

static void lose_twice(struct talker *self)
{
    transport_lose_connection(self->base.transport);
    transport_lose_connection(self->base.transport);
    self->talk->on_data = NULL;
}

static void T9_T10_not_before_it_returns(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    talk.on_data = lose_twice;
    talk.on_lost = lose_twice;
    talk.notes = true;
    int fd = talk_peer(&talk);
    peer_send(fd, "x");
    peer_expect_end(&talk, fd);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    loop_turns(talk.reactor, 5);
    CHECK(unit_noted("build made data lost "));
    talk.notes = false;
    talk_free(&talk);
}

static void T11_trap5_unread_input(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_pause_producing(talk_transport(&talk));
    peer_send(fd, "unread");
    loop_turns(talk.reactor, 1);
    transport_write_text(talk_transport(&talk), "final");
    transport_lose_connection(talk_transport(&talk));
    peer_expect(&talk, fd, "final");
    peer_expect_end(&talk, fd);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(talk.received == 0 && !strcmp(talk.message, done));
    talk_free(&talk);
}

/* So much that most of it is still in the kernel when we close. */
static void T11_trap5_unread_input_and_a_slow_reader(const char *poller)
{
    enum { REPLY = 500000 };
    struct talk talk;
    char bytes[1000] = { 0 };

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_pause_producing(talk_transport(&talk));
    CHECK(peer_push(fd, bytes, sizeof(bytes)) == sizeof(bytes));
    talk_write(&talk, REPLY);
    transport_lose_connection(talk_transport(&talk));
    loop_turns(talk.reactor, 50);
    CHECK(peer_push(fd, bytes, sizeof(bytes)) == sizeof(bytes));
    loop_turns(talk.reactor, 50);
    CHECK(peer_count(&talk, fd) == REPLY);
    close(fd);
    talk_free(&talk);
}

/* The same with both halves closed by ourselves, one after the other. */
static void T11_T22_unread_input_after_half_close(const char *poller)
{
    enum { REPLY = 500000 };
    struct talk talk;
    char bytes[1000] = { 0 };

    talk_listen(&talk, poller, &HalfCloser);
    int fd = talk_peer(&talk);
    transport_pause_producing(talk_transport(&talk));
    CHECK(peer_push(fd, bytes, sizeof(bytes)) == sizeof(bytes));
    talk_write(&talk, REPLY);
    transport_lose_write_connection(talk_transport(&talk));
    TALK_UNTIL(&talk, talk.write_losts == 1);
    transport_lose_connection(talk_transport(&talk));
    loop_turns(talk.reactor, 5);
    CHECK(peer_count(&talk, fd) == REPLY);
    close(fd);
    talk_free(&talk);
}

static void lingering_ends(const char *poller)
{
    struct talk talk;
    int64_t now = delayed_calls_now();

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    unit_stop_clock(now);
    transport_lose_connection(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    for (int i = 0; i < 30; i++) { /* it listens, and goes on talking */
        peer_push(fd, "more", 4);
        unit_stop_clock(now += 100000000);
        loop_turns(talk.reactor, 2);
    }
    unit_stop_clock(-1);
    CHECK(talk.lost == 1 && talk.received == 0);
    CHECK(!strcmp(talk.message, done));
    close(fd);
    talk_free(&talk);
}

/* Our last bytes have left and our stream has ended: whatever the peer does
 * then, and however the loop ends, we are done. */
static void E1_done_whatever_comes_then(const char *poller)
{
    struct talk talk;
    struct delayed_call stop = { 0 };

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_lose_connection(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    peer_reset(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(!strcmp(talk.message, done));
    fd = talk_peer(&talk);
    transport_lose_connection(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    CHECK(reactor_call_later(talk.reactor, &stop, 0, loop_stop, talk.reactor) ==
          0);
    CHECK(reactor_run(talk.reactor) == 0);
    CHECK(talk.lost == 2);
    CHECK(!strcmp(talk.message, done));
    close(fd);
    talk_free(&talk);
}

/* Not as Twisted: what is owed at the end of the peer's stream is sent. */
static void T12_trap4_what_is_owed_is_sent(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    talk_write(&talk, MUCH);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    loop_turns(talk.reactor, 20);
    CHECK(talk.lost == 0);
    CHECK(peer_count(&talk, fd) == MUCH);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(!strcmp(talk.message, done));
    close(fd);
    talk_free(&talk);
}

/* So little that the peer is still read, and hears nothing for a while. */
static void T12_trap4_owed_a_little(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    kernel_fail_write(EAGAIN, 20);
    talk_write(&talk, 60000);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    CHECK(peer_count(&talk, fd) == 60000);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(!strcmp(talk.message, done));
    close(fd);
    talk_free(&talk);
}

static void T13_E2_reset(const char *poller)
{
    struct talk talk;
    char exact[FAILURE_TEXT_MAX];

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    peer_reset(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionLost));
    strcpy(exact, not_clean);
    strcat(exact, ".");
    CHECK(!strcmp(talk.message, exact));
    fd = talk_peer(&talk);
    transport_write_text(talk_transport(&talk), "hello");
    kernel_fail_write(EPIPE, 1);
    TALK_UNTIL(&talk, talk.lost == 2);
    CHECK(!strcmp(talk.message, exact));
    close(fd);
    fd = talk_peer(&talk);
    peer_send(fd, "before"); /* what was sent before counts */
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 3);
    CHECK(talk.received == 6);
    talk_free(&talk);
}

static void abort_twice(struct talker *self)
{
    struct transport *transport = self->base.transport;

    transport_write_text(transport, "X");
    transport_abort_connection(transport);
    CHECK(transport_disconnecting(transport));
    transport_abort_connection(transport);
    transport_write_text(transport, "Y");
    transport_lose_connection(transport);
    CHECK(self->talk->lost == 0);
}

static void T15_T16_trap3_abort(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    talk.on_data = abort_twice;
    talk.notes = true;
    int fd = talk_peer(&talk);
    peer_send(fd, "x");
    peer_expect_reset(&talk, fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    loop_turns(talk.reactor, 5);
    CHECK(unit_noted("build made data lost "));
    CHECK(!strcmp(talk.message, aborted)); /* E5 */
    talk.notes = false;
    close(fd);
    talk_free(&talk);
}

static void T16_nothing_is_owed_after_abort(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    for (int i = 0; i < 100; i++) /* a large one would be with the kernel */
        talk_write(&talk, 1000);
    transport_abort_connection(talk_transport(&talk));
    CHECK(transport_queued(talk_transport(&talk)) == 0);
    peer_expect_reset(&talk, fd);
    close(fd);
    talk_free(&talk);
}

static void T17_abort_a_close_that_is_stuck(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    talk_write(&talk, MUCH);
    transport_lose_connection(talk_transport(&talk));
    loop_turns(talk.reactor, 50);
    CHECK(talk.lost == 0);
    transport_abort_connection(talk_transport(&talk));
    CHECK(talk.lost == 0);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(!strcmp(talk.message, aborted));
    close(fd);
    /* And one that lingers. */
    fd = talk_peer(&talk);
    transport_lose_connection(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    transport_abort_connection(talk_transport(&talk));
    TALK_UNTIL(&talk, talk.lost == 2);
    close(fd);
    talk_free(&talk);
}

static void T18_T19_lose_write_connection(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &HalfCloser);
    int fd = talk_peer(&talk);
    transport_write_text(talk_transport(&talk), "bye");
    transport_lose_write_connection(talk_transport(&talk));
    transport_write_text(talk_transport(&talk), "+more");
    CHECK(talk.write_losts == 0);
    peer_expect(&talk, fd, "bye+more");
    peer_expect_end(&talk, fd);
    CHECK(talk.write_losts == 1 && talk.lost == 0);
    transport_write_text(talk_transport(&talk), "too late");
    transport_lose_write_connection(talk_transport(&talk));
    loop_turns(talk.reactor, 3);
    CHECK(talk.write_losts == 1);
    CHECK(transport_queued(talk_transport(&talk)) == 0);
    peer_send(fd, "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    TALK_UNTIL(&talk, talk.read_losts == 1);
    loop_check_quiet(talk.reactor);
    CHECK(talk.lost == 0); /* T21 */
    transport_lose_connection(talk_transport(&talk));
    CHECK(talk.lost == 0);
    loop_turns(talk.reactor, 2);
    CHECK(talk.lost == 1 && !strcmp(talk.message, half_done)); /* T22, E4 */
    close(fd);
    talk_free(&talk);
}

/* For a protocol that does not care about halves. */
static void T18_without_half_close(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_write_text(talk_transport(&talk), "bye");
    transport_lose_write_connection(talk_transport(&talk));
    peer_expect(&talk, fd, "bye");
    peer_expect_end(&talk, fd);
    peer_send(fd, "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    CHECK(talk.lost == 0);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionDone));
    talk_free(&talk);
}

/* It is the peer that has ended it, whatever we did before. */
static void E1_the_peer_ends_last(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_lose_write_connection(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(!strcmp(talk.message, done));
    talk_free(&talk);
}

static void touch_after_lose(struct talker *self)
{
    transport_lose_connection(self->base.transport);
    CHECK(self->talk->lost == 0);
    self->index = 42; /* the address sanitizer looks on */
}

/* Ours never calls back before it returns: no exception. */
static void T22_trap2_lose_after_half_close(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &HalfCloser);
    int fd = talk_peer(&talk);
    transport_lose_write_connection(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    talk.on_data = touch_after_lose;
    peer_send(fd, "x");
    CHECK(shutdown(fd, SHUT_WR) == 0); /* or we would linger */
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(talk.received == 1 && !strcmp(talk.message, half_done));
    close(fd);
    talk_free(&talk);
}

static void T20_trap4_half_closeable(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &HalfCloser);
    int fd = talk_peer(&talk);
    talk_write(&talk, 1000000);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    peer_swallow(&talk, fd, 1000000);
    TALK_UNTIL(&talk, talk.read_losts == 1);
    loop_check_quiet(talk.reactor);
    CHECK(talk.lost == 0 && talk.read_losts == 1);
    talk_write(&talk, 1000000);
    transport_write_text(talk_transport(&talk), "bye");
    transport_lose_connection(talk_transport(&talk));
    peer_swallow(&talk, fd, 1000000);
    peer_expect(&talk, fd, "bye");
    peer_expect_end(&talk, fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(!strcmp(talk.message, done));
    close(fd);
    talk_free(&talk);
}

/* Both directions are shut, theirs first: it is open until we lose it. */
static void T21_ours_ends_last(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &HalfCloser);
    int fd = talk_peer(&talk);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    TALK_UNTIL(&talk, talk.read_losts == 1);
    transport_lose_write_connection(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    loop_check_quiet(talk.reactor);
    CHECK(talk.write_losts == 1 && talk.lost == 0);
    transport_lose_connection(talk_transport(&talk));
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(!strcmp(talk.message, half_done));
    close(fd);
    talk_free(&talk);
}

/* After the end of the peer's stream reading cannot be begun again. */
static void T20_paused_and_resumed(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &HalfCloser);
    int fd = talk_peer(&talk);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    TALK_UNTIL(&talk, talk.read_losts == 1);
    transport_pause_producing(talk_transport(&talk));
    transport_resume_producing(talk_transport(&talk));
    loop_check_quiet(talk.reactor);
    CHECK(talk.read_losts == 1);
    talk_write(&talk, MUCH);
    TALK_UNTIL(&talk, transport_queued(talk_transport(&talk)) < MUCH);
    peer_reset(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(talk.read_losts == 1);
    CHECK(failure_check(talk.reason, &ConnectionLost));
    talk_free(&talk);
}

static void E3_the_loop_ends(const char *poller)
{
    struct talk talk;
    struct delayed_call stop = { 0 };
    char exact[FAILURE_TEXT_MAX];

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    CHECK(reactor_call_later(talk.reactor, &stop, 0, loop_stop, talk.reactor) ==
          0);
    CHECK(reactor_run(talk.reactor) == 0);
    CHECK(talk.lost == 1);
    strcpy(exact, not_clean);
    strcat(exact, ": Connection lost.");
    CHECK(!strcmp(talk.message, exact));
    close(fd);
    talk_free(&talk);
}

static void F6_lose_at_once(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    talk.on_made = lose;
    int fd = talk_knock(&talk);
    peer_send(fd, "first bytes");
    peer_expect_end(&talk, fd);
    CHECK(talk.received == 0);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(!strcmp(talk.message, done));
    talk_free(&talk);
}

static void abort_in_made(struct talker *self)
{
    int before = self->talk->lost;

    transport_abort_connection(self->base.transport);
    CHECK(self->talk->lost == before);
}

static void F4_abort_at_once(const char *poller)
{
    struct talk talk, caller;

    talk_listen(&talk, poller, &Talker);
    talk_join(&caller, talk.reactor, &Talker);
    caller.on_made = abort_in_made;
    talk_call(&caller, talk.number, NULL);
    TALK_UNTIL(&talk, caller.client_lost == 1 && talk.lost == 1);
    CHECK(!strcmp(caller.message, aborted));
    CHECK(caller.received == 0);
    talk.on_made = abort_in_made;
    int fd = talk_knock(&talk);
    peer_send(fd, "x");
    peer_expect_reset(&talk, fd);
    CHECK(talk.received == 0);
    close(fd);
    talk_free(&talk);
}

static void F3_abort_when_it_is_lost_already(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    talk.on_data = lose;
    int fd = talk_peer(&talk);
    peer_send(fd, "x");
    peer_reset(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    loop_turns(talk.reactor, 5);
    CHECK(talk.lost == 1);
    talk_free(&talk);
}

static const struct unit_case cases[] = {
    { "T7_E1_all_is_sent_first", T7_lose_connection_sends_all_first },
    { "T7_T33_stops_reading", T7_T33_lose_connection_stops_reading },
    { "T8_trap1_write_after_lose", T8_trap1_write_after_lose_connection },
    { "T9_T10_F4_not_before_it_returns", T9_T10_not_before_it_returns },
    { "T11_trap5_unread_input", T11_trap5_unread_input },
    { "T11_trap5_slow_reader", T11_trap5_unread_input_and_a_slow_reader },
    { "T11_T22_unread_after_half_close",
      T11_T22_unread_input_after_half_close },
    { "T11_lingering_ends", lingering_ends },
    { "T12_trap4_what_is_owed_is_sent", T12_trap4_what_is_owed_is_sent },
    { "T12_trap4_owed_a_little", T12_trap4_owed_a_little },
    { "T13_E2_reset", T13_E2_reset },
    { "T15_T16_F3_E5_trap3_abort", T15_T16_trap3_abort },
    { "T16_nothing_is_owed_after_abort", T16_nothing_is_owed_after_abort },
    { "T17_a_close_that_is_stuck", T17_abort_a_close_that_is_stuck },
    { "T18_T19_T21_T22_E4_half_close", T18_T19_lose_write_connection },
    { "T18_without_half_close", T18_without_half_close },
    { "T20_trap4_half_closeable", T20_trap4_half_closeable },
    { "T20_paused_and_resumed", T20_paused_and_resumed },
    { "T21_ours_ends_last", T21_ours_ends_last },
    { "T22_trap2_lose_after_half_close", T22_trap2_lose_after_half_close },
    { "E1_the_peer_ends_last", E1_the_peer_ends_last },
    { "E1_done_whatever_comes_then", E1_done_whatever_comes_then },
    { "E3_the_loop_ends", E3_the_loop_ends },
    { "F3_lost_for_two_reasons", F3_abort_when_it_is_lost_already },
    { "F4_abort_at_once", F4_abort_at_once },
    { "F6_lose_at_once", F6_lose_at_once },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
