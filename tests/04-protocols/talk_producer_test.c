/* SPDX-License-Identifier: MIT
 *
 * Producers: T23 to T32, and traps 7 and 8. Each case bears the name of its
 * row.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "talk.h"

enum { LIMIT = 65536 };

/* Writes `chunk` bytes whenever it is resumed, `times` times, and then ends;
 * times = -1: it never ends, and never writes. */
struct maker {
    struct producer base;
    struct talk *talk;
    size_t chunk;
    int times;
    bool stays; /* registered, when it has no more to write */
    bool aborts;
    int resumed, paused, stopped;
};

static void resume(struct producer *base)
{
    struct maker *self = (struct maker *)base;

    self->resumed++;
    if (self->aborts)
        transport_abort_connection(talk_transport(self->talk));
    else if (self->times > 0 && self->times-- > 0)
        talk_write(self->talk, self->chunk);
    else if (self->times == 0 && !self->stays)
        transport_unregister_producer(talk_transport(self->talk));
}

static void pause_it(struct producer *base)
{
    ((struct maker *)base)->paused++;
}

static void stop_it(struct producer *base)
{
    struct maker *self = (struct maker *)base;

    self->stopped++;
    CHECK(self->stopped == 1);
    if (self->talk->notes)
        unit_note("stop-producing ");
}

static struct maker maker_of(struct talk *talk, size_t chunk, int times)
{
    return (struct maker){ .base = { resume, pause_it, stop_it },
                           .talk = talk,
                           .chunk = chunk,
                           .times = times };
}

static int add(struct maker *maker, bool streaming)
{
    return transport_register_producer(talk_transport(maker->talk),
                                       &maker->base, streaming);
}

static void T23_one_at_a_time(const char *poller)
{
    struct talk talk;
    struct maker first, second, third;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    first = maker_of(&talk, 1, -1);
    second = maker_of(&talk, 1, -1);
    third = maker_of(&talk, 1, -1);
    CHECK(add(&first, true) == 0);
    errno = 0;
    CHECK(add(&second, true) < 0 && errno == EBUSY);
    CHECK(second.stopped == 0 && first.stopped == 0);
    transport_unregister_producer(talk_transport(&talk));
    CHECK(add(&second, true) == 0);
    transport_abort_connection(talk_transport(&talk));
    transport_unregister_producer(talk_transport(&talk));
    CHECK(add(&third, false) == 0); /* closed: it is stopped at once */
    CHECK(third.stopped == 1 && third.resumed == 0);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(first.stopped == 0 && second.stopped == 0 && third.stopped == 1);
    close(fd);
    talk_free(&talk);
}

static void T24_pull(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 100000, 5);
    CHECK(add(&maker, false) == 0);
    CHECK(maker.resumed == 1);
    peer_swallow(&talk, fd, 500000);
    loop_turns(talk.reactor, 5);
    CHECK(maker.resumed == 6 && maker.paused == 0 && maker.stopped == 0);
    /* One that writes nothing is not asked again. */
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, false) == 0);
    loop_check_quiet(talk.reactor);
    CHECK(maker.resumed == 1);
    transport_unregister_producer(talk_transport(&talk));
    maker = maker_of(&talk, 0, 1000); /* nor one that writes no byte */
    CHECK(add(&maker, false) == 0);
    loop_check_quiet(talk.reactor);
    CHECK(maker.resumed == 1);
    transport_unregister_producer(talk_transport(&talk));
    close(fd);
    talk_free(&talk);
}

static void T25_trap7_paused_above_the_limit(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, true) == 0);
    CHECK(maker.resumed == 0);
    talk_write(&talk, LIMIT);
    CHECK(maker.paused == 0);
    talk_write(&talk, 1);
    CHECK(maker.paused == 1);
    talk_write(&talk, 1);
    talk_write(&talk, 1);
    CHECK(maker.paused == 3 && maker.resumed == 0);
    peer_swallow(&talk, fd, LIMIT + 3);
    loop_turns(talk.reactor, 2);
    CHECK(maker.resumed == 1);
    /* T26: not paused, not resumed. */
    talk_write(&talk, LIMIT);
    peer_swallow(&talk, fd, LIMIT);
    loop_turns(talk.reactor, 2);
    CHECK(maker.resumed == 1 && maker.paused == 3);
    transport_unregister_producer(talk_transport(&talk));
    close(fd);
    talk_free(&talk);
}

static void T26_resumed_when_empty(const char *poller)
{
    enum { MUCH = 20000000 };
    struct talk talk;
    struct maker maker;
    static char bytes[65536];
    size_t left = MUCH;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, true) == 0);
    talk_write(&talk, MUCH);
    CHECK(maker.paused == 1);
    while (left > 0) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        left -= n > 0 ? (size_t)n : 0;
        bool empty = transport_queued(talk_transport(&talk)) == 0;
        CHECK(maker.resumed == empty);
        loop_turns(talk.reactor, 1);
    }
    CHECK(maker.resumed == 1 && maker.paused == 1);
    transport_unregister_producer(talk_transport(&talk));
    close(fd);
    talk_free(&talk);
}

static void T27_trap7_too_much_when_resumed(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 70000, 3);
    maker.stays = true;
    CHECK(add(&maker, true) == 0);
    talk_write(&talk, 70000);
    peer_swallow(&talk, fd, 4 * 70000);
    loop_turns(talk.reactor, 3);
    CHECK(maker.paused == 4 && maker.resumed == 4);
    transport_unregister_producer(talk_transport(&talk));
    close(fd);
    talk_free(&talk);
}

static void T28_stopped_before_the_protocol(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, true) == 0);
    talk.notes = true;
    peer_reset(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(unit_noted("stop-producing lost "));
    talk.notes = false;
    /* From inside resume_producing. */
    fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, 1);
    maker.aborts = true;
    talk.notes = true;
    CHECK(add(&maker, false) == 0);
    CHECK(unit_noted(""));
    TALK_UNTIL(&talk, talk.lost == 2);
    CHECK(unit_noted("stop-producing lost "));
    talk.notes = false;
    close(fd);
    talk_free(&talk);
}

static void T28_stopped_with_the_loop(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, true) == 0);
    talk_free(&talk);
    CHECK(maker.stopped == 1);
    close(fd);
}

static void T29_trap8_pull_goes_on(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 100000, 20);
    CHECK(add(&maker, false) == 0);
    transport_lose_connection(talk_transport(&talk));
    CHECK(peer_count(&talk, fd) == 20 * 100000);
    CHECK(maker.resumed == 21 && maker.stopped == 0);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    talk_free(&talk);
}

static void T30_trap8_idle_push_is_stopped(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, true) == 0);
    transport_write_text(talk_transport(&talk), "bye");
    transport_lose_connection(talk_transport(&talk));
    peer_expect(&talk, fd, "bye");
    peer_expect_end(&talk, fd);
    CHECK(maker.stopped == 1 && maker.resumed == 0);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(maker.stopped == 1);
    talk_free(&talk);
}

static void T31_trap8_paused_push_is_waited_for(const char *poller)
{
    struct talk talk;
    struct maker maker;
    char byte;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, true) == 0);
    talk_write(&talk, LIMIT + 1);
    transport_lose_connection(talk_transport(&talk));
    peer_swallow(&talk, fd, LIMIT + 1);
    loop_check_quiet(talk.reactor);
    CHECK(maker.resumed == 1 && maker.stopped == 0 && talk.lost == 0);
    CHECK(recv(fd, &byte, 1, 0) < 0 && errno == EAGAIN);
    transport_write_text(talk_transport(&talk), "the end");
    transport_unregister_producer(talk_transport(&talk));
    peer_expect(&talk, fd, "the end");
    peer_expect_end(&talk, fd);
    CHECK(maker.stopped == 0);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    talk_free(&talk);
}

static void T32_unregister_lets_it_close(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, false) == 0);
    transport_lose_connection(talk_transport(&talk));
    loop_check_quiet(talk.reactor);
    CHECK(talk.lost == 0 && maker.stopped == 0);
    int resumed = maker.resumed;
    transport_lose_connection(talk_transport(&talk)); /* T10 */
    loop_check_quiet(talk.reactor);
    CHECK(maker.resumed == resumed);
    transport_unregister_producer(talk_transport(&talk));
    CHECK(talk.lost == 0);
    peer_expect_end(&talk, fd);
    transport_unregister_producer(talk_transport(&talk));
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(maker.stopped == 0);
    talk_free(&talk);
}

/* The end of our stream waits for a producer, too, and comes when it has
 * unregistered itself. */
static void T32_unregister_lets_it_half_close(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &HalfCloser);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, false) == 0);
    transport_lose_write_connection(talk_transport(&talk));
    TALK_UNTIL(&talk, maker.resumed == 1);
    loop_check_quiet(talk.reactor);
    transport_unregister_producer(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    CHECK(talk.write_losts == 1 && talk.lost == 0);
    close(fd);
    TALK_UNTIL(&talk, talk.read_losts == 1);
    talk_free(&talk);
}

/* One that comes when the last byte has left: it lingers. */
static void T23_too_late(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    transport_lose_connection(talk_transport(&talk));
    peer_expect_end(&talk, fd);
    CHECK(add(&maker, true) == 0);
    CHECK(maker.stopped == 1);
    transport_unregister_producer(talk_transport(&talk));
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    talk_free(&talk);
}

/* The peer's stream ends while a producer is at it: all of it is sent. */
static void T12_owed_by_a_producer(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 100000, 20);
    CHECK(add(&maker, false) == 0);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    CHECK(peer_count(&talk, fd) == 20 * 100000);
    TALK_UNTIL(&talk, talk.lost == 1);
    close(fd);
    talk_free(&talk);
}

/* The same with one that has nothing to write at that moment; a push producer
 * that is not paused is stopped instead, and once. */
static void T12_T28_owed_by_an_idle_producer(const char *poller)
{
    struct talk talk;
    struct maker maker;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, false) == 0);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    loop_check_quiet(talk.reactor);
    CHECK(talk.lost == 0 && maker.stopped == 0);
    transport_write_text(talk_transport(&talk), "the end");
    transport_unregister_producer(talk_transport(&talk));
    peer_expect(&talk, fd, "the end");
    peer_expect_end(&talk, fd);
    close(fd);
    fd = talk_peer(&talk);
    maker = maker_of(&talk, 1, -1);
    CHECK(add(&maker, true) == 0);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    TALK_UNTIL(&talk, talk.lost == 2);
    CHECK(maker.stopped == 1 && maker.resumed == 0);
    close(fd);
    talk_free(&talk);
}

static const struct unit_case cases[] = {
    { "T23_one_at_a_time", T23_one_at_a_time },
    { "T23_too_late", T23_too_late },
    { "T24_pull", T24_pull },
    { "T25_T26_trap7_the_limit", T25_trap7_paused_above_the_limit },
    { "T26_trap7_resumed_when_empty", T26_resumed_when_empty },
    { "T27_trap7_too_much_when_resumed", T27_trap7_too_much_when_resumed },
    { "T28_stopped_before_the_protocol", T28_stopped_before_the_protocol },
    { "T28_stopped_with_the_loop", T28_stopped_with_the_loop },
    { "T29_trap8_pull_goes_on", T29_trap8_pull_goes_on },
    { "T30_trap8_idle_push_is_stopped", T30_trap8_idle_push_is_stopped },
    { "T31_trap8_paused_push_is_waited_for",
      T31_trap8_paused_push_is_waited_for },
    { "T32_unregister_lets_it_close", T32_unregister_lets_it_close },
    { "T32_unregister_lets_it_half_close", T32_unregister_lets_it_half_close },
    { "T12_owed_by_a_producer", T12_owed_by_a_producer },
    { "T12_T28_owed_by_an_idle_producer", T12_T28_owed_by_an_idle_producer },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
