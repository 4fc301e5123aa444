/* SPDX-License-Identifier: MIT
 *
 * A write that fails: what the peer said before is heard all the same, and then
 * comes the loss, once, with the reason of the write.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "stream/connection.h"
#include "talk.h"

static const char last_words[] = "sixteen bytes ok";

enum { MUCH = 600000 }; /* bytes: more than the kernel takes */

/* A peer that has bytes of ours which it does not read. */
static int deaf_peer(struct talk *talk, const char *poller,
                     const struct protocol_class *class)
{
    talk_listen(talk, poller, class);
    int fd = talk_peer(talk);
    transport_write_text(talk_transport(talk), "never read");
    loop_turns(talk->reactor, 2);
    return fd;
}

/* It speaks, and goes; for the bytes it has not read that is a reset. */
static void speak_and_go(int fd)
{
    peer_send(fd, last_words);
    close(fd);
}

static void check_the_end(struct talk *talk, const char *notes, int error)
{
    TALK_UNTIL(talk, talk->lost == 1);
    CHECK(unit_noted(notes));
    CHECK(!strcmp(talk->text, last_words));
    CHECK(failure_check(talk->reason, &ConnectionLost));
    CHECK(talk->reason.number == error);
    talk->notes = false;
}

static void L1_last_words(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    talk.notes = true;
    speak_and_go(fd);
    transport_write_text(talk_transport(&talk), "in vain");
    check_the_end(&talk, "data lost ", ECONNRESET);
    talk_free(&talk);
}

/* The same with a write that the kernel refuses while we are in it. */
static void L1_a_large_write(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    talk.notes = true;
    speak_and_go(fd);
    for (int i = 0; i < 10; i++)
        talk_write(&talk, 100000);
    CHECK(unit_noted(""));
    check_the_end(&talk, "data lost ", ECONNRESET);
    talk_free(&talk);
}

static void write_a_hundred(struct talker *self)
{
    for (int i = 0; i < 100; i++)
        transport_write_text(self->base.transport, "in vain, too");
    CHECK(transport_queued(self->base.transport) == 0);
}

/* Rule 32: a failed send is no callback, and the loss is told once. */
static void L1_told_once(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    talk.notes = true;
    speak_and_go(fd);
    for (int i = 0; i < 100; i++)
        transport_write_text(talk_transport(&talk), "in vain");
    CHECK(unit_noted(""));
    talk.on_data = talk.on_lost = write_a_hundred;
    check_the_end(&talk, "data lost ", ECONNRESET);
    loop_turns(talk.reactor, 5);
    CHECK(talk.lost == 1);
    talk_free(&talk);
}

/* On a UNIX stream an ordinary close is enough. */
static void L1_unix_stream(const char *poller)
{
    const struct address peer = { .bytes.ss_family = AF_UNIX,
                                  .length = sizeof(sa_family_t) };
    struct talk talk;
    struct failure reason;
    int fds[2];

    talk_new(&talk, poller, &Talker);
    talk.base.build_protocol = NULL; /* the one of talk.c wants IP */
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    CHECK(net_set_blocking(fds[0], false) == 0);
    struct connection *connection = connection_new(talk.reactor, fds[0], &peer);
    CHECK(connection != NULL);
    connection_start(connection,
                     factory_build_protocol(&talk.base, &peer, &reason));
    loop_turns(talk.reactor, 1);
    talk.notes = true;
    speak_and_go(fds[1]);
    transport_write_text(talk_transport(&talk), "in vain");
    check_the_end(&talk, "data lost ", EPIPE);
    talk_free(&talk);
}

/* The kernel takes no more, so we do not read the peer either. */
static void L1_much_is_queued(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    while (transport_queued(talk_transport(&talk)) == 0) {
        talk_write(&talk, 300000);
        loop_turns(talk.reactor, 2);
    }
    talk_write(&talk, 300000);
    CHECK(transport_queued(talk_transport(&talk)) >= 300000);
    talk.notes = true;
    speak_and_go(fd);
    check_the_end(&talk, "data lost ", ECONNRESET);
    talk_free(&talk);
}

/* Every byte that the kernel has received. */
static void L1_a_long_speech(const char *poller)
{
    static char bytes[MUCH];
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    transport_pause_producing(talk_transport(&talk));
    CHECK(peer_push(fd, bytes, sizeof(bytes)) > 0);
    close(fd);
    transport_write_text(talk_transport(&talk), "in vain");
    loop_turns(talk.reactor, 2);
    ssize_t there = recv(connection_descriptor(talk_transport(&talk)), bytes,
                         sizeof(bytes), MSG_PEEK);
    CHECK(there > 0 && talk.lost == 0);
    transport_resume_producing(talk_transport(&talk));
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(talk.received == (size_t)there);
    CHECK(talk.reason.number == ECONNRESET);
    talk_free(&talk);
}

static void L1_paused(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    transport_pause_producing(talk_transport(&talk));
    talk.notes = true;
    speak_and_go(fd);
    transport_write_text(talk_transport(&talk), "in vain");
    loop_turns(talk.reactor, 5);
    CHECK(unit_noted(""));
    transport_resume_producing(talk_transport(&talk));
    check_the_end(&talk, "data lost ", ECONNRESET);
    talk_free(&talk);
}

/* Who never reads on would keep a dead connection for ever. */
static void L1_paused_for_good(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    transport_pause_producing(talk_transport(&talk));
    speak_and_go(fd);
    transport_write_text(talk_transport(&talk), "in vain");
    loop_check_quiet(talk.reactor);
    CHECK(talk.lost == 0);
    unit_stop_clock(delayed_calls_now() + (int64_t)(CONNECTION_LINGER * 1e9));
    loop_turns(talk.reactor, 2);
    unit_stop_clock(-1);
    CHECK(talk.lost == 1 && talk.received == 0);
    CHECK(talk.reason.number == ECONNRESET);
    talk_free(&talk);
}

/* To close what cannot be written waits for nothing. */
static void L1_lose_connection(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    transport_pause_producing(talk_transport(&talk));
    speak_and_go(fd);
    transport_write_text(talk_transport(&talk), "in vain");
    loop_turns(talk.reactor, 2);
    CHECK(talk.lost == 0);
    transport_lose_write_connection(talk_transport(&talk));
    transport_lose_connection(talk_transport(&talk));
    CHECK(talk.lost == 0);
    loop_turns(talk.reactor, 2);
    CHECK(talk.lost == 1 && talk.reason.number == ECONNRESET);
    talk_free(&talk);
}

/* Everything is said, and the peer's last words are too late: no failure. */
static void L1_lingering(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    transport_lose_connection(talk_transport(&talk));
    loop_turns(talk.reactor, 2);
    CHECK(talk.lost == 0);
    speak_and_go(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(talk.received == 0);
    CHECK(failure_check(talk.reason, &ConnectionDone));
    talk_free(&talk);
}

/* The peer has ended its stream before, and there is nothing left to read. */
static void L1_the_peer_is_half_closed(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &HalfCloser);

    talk.notes = true;
    peer_send(fd, last_words);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    TALK_UNTIL(&talk, talk.read_losts == 1);
    CHECK(unit_noted("data read-lost "));
    close(fd); /* with bytes unread */
    transport_write_text(talk_transport(&talk), "in vain");
    check_the_end(&talk, "lost ", EPIPE);
    talk_free(&talk);
}

/* Ours is to end as soon as all is sent, which fails. */
static void L1_we_are_half_closing(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &HalfCloser);

    talk.notes = true;
    speak_and_go(fd);
    transport_write_text(talk_transport(&talk), "in vain");
    transport_lose_write_connection(talk_transport(&talk));
    check_the_end(&talk, "data lost ", ECONNRESET);
    CHECK(talk.write_losts == 0);
    talk_free(&talk);
}

struct maker {
    struct producer base;
    int resumed, paused, stopped;
};

static void resume_maker(struct producer *base)
{
    ((struct maker *)base)->resumed++;
}

static void pause_maker(struct producer *base)
{
    ((struct maker *)base)->paused++;
}

static void stop_maker(struct producer *base)
{
    ((struct maker *)base)->stopped++;
    unit_note("stopped ");
}

/* A push producer hears of the empty queue; one that is pulled is not asked
 * again. Either is stopped once, just before the end. */
static void L1_producers(const char *poller)
{
    for (int streaming = 0; streaming < 2; streaming++) {
        struct maker maker = { .base = { resume_maker, pause_maker,
                                         stop_maker } };
        struct talk talk;
        int fd = deaf_peer(&talk, poller, &Talker);

        CHECK(!transport_register_producer(talk_transport(&talk), &maker.base,
                                           streaming));
        talk.notes = true;
        speak_and_go(fd);
        talk_write(&talk, 100000);
        CHECK(maker.paused == streaming);
        check_the_end(&talk, "data stopped lost ", ECONNRESET);
        CHECK(maker.resumed == 1 && maker.stopped == 1);
        talk_free(&talk);
    }
}

/* One that comes too late is told so at once, and one that leaves is not. */
static void L1_producers_come_and_go(const char *poller)
{
    struct maker early = { .base = { resume_maker, pause_maker, stop_maker } };
    struct maker late = early;
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);
    struct transport *transport = talk_transport(&talk);

    CHECK(!transport_register_producer(transport, &early.base, true));
    transport_pause_producing(transport);
    speak_and_go(fd);
    transport_write_text(transport, "in vain");
    loop_turns(talk.reactor, 2);
    transport_unregister_producer(transport);
    CHECK(!transport_register_producer(transport, &late.base, true));
    CHECK(unit_noted("stopped ") && late.stopped == 1);
    transport_resume_producing(transport);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(early.stopped == 0 && late.stopped == 1);
    talk_free(&talk);
}

/* Nothing can be put off without memory for it: then the end comes first. */
static void L1_no_memory(const char *poller)
{
    struct talk talk;
    int fd = deaf_peer(&talk, poller, &Talker);

    transport_pause_producing(talk_transport(&talk));
    speak_and_go(fd);
    transport_write_text(talk_transport(&talk), "in vain");
    unit_fail_allocation(0);
    loop_turns(talk.reactor, 2);
    unit_fail_allocation(-1);
    CHECK(talk.lost == 1 && talk.reason.number == ECONNRESET);
    talk_free(&talk);
}

static const struct unit_case cases[] = {
    { "L1_last_words", L1_last_words },
    { "L1_a_large_write", L1_a_large_write },
    { "L1_told_once", L1_told_once },
    { "L1_unix_stream", L1_unix_stream },
    { "L1_much_is_queued", L1_much_is_queued },
    { "L1_a_long_speech", L1_a_long_speech },
    { "L1_paused", L1_paused },
    { "L1_paused_for_good", L1_paused_for_good },
    { "L1_lose_connection", L1_lose_connection },
    { "L1_lingering", L1_lingering },
    { "L1_the_peer_is_half_closed", L1_the_peer_is_half_closed },
    { "L1_we_are_half_closing", L1_we_are_half_closing },
    { "L1_producers", L1_producers },
    { "L1_producers_come_and_go", L1_producers_come_and_go },
    { "L1_no_memory", L1_no_memory },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
