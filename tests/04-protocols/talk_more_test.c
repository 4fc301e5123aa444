/* SPDX-License-Identifier: MIT
 *
 * What a transport can do beside writing: pieces (T2), to be stopped as a
 * producer (T33), its switches (T36); a port's words (L4); a logged failure
 * (G6); a protocol's timeout, and a class with a mistake in it (A8).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/log.h"
#include "protocol/string_transport.h"
#include "protocol/timeout.h"
#include "stream/connection.h"
#include "stream/tcp_options.h"
#include "talk.h"

static void T2_a_sequence_is_one_write(const char *poller)
{
    struct talk talk;
    const struct iovec pieces[] = { { (char *)"one ", 4 },
                                    { NULL, 0 },
                                    { (char *)"two ", 4 } };

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    kernel_fail_write(0, 0);
    transport_write_sequence(talk_transport(&talk), pieces, 3);
    transport_write_text(talk_transport(&talk), "three ");
    transport_write_sequence(talk_transport(&talk), pieces, 1);
    transport_write_sequence(talk_transport(&talk), pieces, 0);
    loop_turns(talk.reactor, 1);
    CHECK(kernel_writes() == 1);
    peer_expect(&talk, fd, "one two three one ");
    close(fd);
    talk_free(&talk);
}

static void T33_to_stop_is_to_lose(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    transport_write_text(talk_transport(&talk), "last words");
    transport_stop_producing(talk_transport(&talk));
    CHECK(transport_disconnecting(talk_transport(&talk)) && talk.lost == 0);
    peer_expect(&talk, fd, "last words");
    peer_expect_end(&talk, fd);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionDone));
    talk_free(&talk);
}

static void T36_switches(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    struct transport *transport = talk_transport(&talk);
    CHECK(tcp_options_get_no_delay(transport) == 0);
    CHECK(tcp_options_get_keep_alive(transport) == 0);
    CHECK(tcp_options_set_no_delay(transport, true) == 0);
    CHECK(tcp_options_get_no_delay(transport) == 1);
    CHECK(tcp_options_get_keep_alive(transport) == 0);
    CHECK(tcp_options_set_keep_alive(transport, true) == 0);
    CHECK(tcp_options_get_keep_alive(transport) == 1);
    CHECK(tcp_options_set_no_delay(transport, false) == 0);
    CHECK(tcp_options_get_no_delay(transport) == 0);
    close(fd);
    talk_free(&talk);
}

static void T36_a_string_has_none(const char *poller)
{
    static const struct protocol_class Mute = { .name = "Mute",
                                                .size =
                                                    sizeof(struct protocol) };
    struct factory factory = { .name = "MuteFactory", .protocol = &Mute };
    struct string_transport transport;

    (void)poller;
    CHECK(string_transport_open(&transport, &factory) == 0);
    CHECK(tcp_options_get_no_delay(&transport.base) < 0 && errno == ENOTSOCK);
    CHECK(tcp_options_set_keep_alive(&transport.base, true) < 0);
    string_transport_close(&transport);
}

static struct timeout patience;
static int expirations;

static void start_patience(struct talker *self)
{
    timeout_start(&patience, &self->base, 10, NULL);
}

static void reset_patience(struct talker *self)
{
    (void)self;
    timeout_reset(&patience);
}

static void stop_patience(struct talker *self)
{
    (void)self;
    timeout_stop(&patience);
}

static void count_expiration(void *self)
{
    expirations++;
    timeout_start(&patience, self, 10, count_expiration);
}

/* Twisted's TimeoutMixin: whoever says something has as long again. */
static void A8_timeout(const char *poller)
{
    struct talk talk;
    int64_t now = delayed_calls_now();

    talk_listen(&talk, poller, &Talker);
    talk.on_made = start_patience;
    talk.on_data = reset_patience;
    talk.on_lost = stop_patience;
    unit_stop_clock(now);
    int fd = talk_knock(&talk);
    while (talk.made == 0)
        loop_turns(talk.reactor, 1);
    unit_stop_clock(now += 9000000000);
    peer_send(fd, "x");
    while (talk.received == 0)
        loop_turns(talk.reactor, 1);
    unit_stop_clock(now += 9000000000);
    loop_turns(talk.reactor, 3);
    CHECK(!transport_disconnecting(talk_transport(&talk)));
    unit_stop_clock(now += 1000000000);
    loop_turns(talk.reactor, 1);
    CHECK(transport_disconnecting(talk_transport(&talk)));
    unit_stop_clock(-1);
    peer_expect_end(&talk, fd);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    talk_free(&talk);
}

/* With a function of one's own, which may start it again. */
static void A8_timeout_again(const char *poller)
{
    struct talk talk;
    int64_t now = delayed_calls_now();

    talk_listen(&talk, poller, &Talker);
    talk.on_lost = stop_patience;
    int fd = talk_peer(&talk);
    expirations = 0;
    unit_stop_clock(now);
    timeout_start(&patience, &talk.last->base, 1000, NULL);
    timeout_start(&patience, &talk.last->base, 10, count_expiration);
    for (int i = 1; i <= 3; i++) {
        unit_stop_clock(now += 10000000000);
        loop_turns(talk.reactor, 1);
        CHECK(expirations == i);
    }
    unit_stop_clock(-1);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    loop_check_quiet(talk.reactor);
    CHECK(expirations == 3);
    talk_free(&talk);
}

/* It would never come, so it is as if it had. */
static void A8_timeout_without_memory(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    timeout_start(&patience, &talk.last->base, -1, NULL); /* no duration */
    peer_expect_reset(&talk, fd);
    close(fd);
    talk_free(&talk);
}

/* A class that does not say how large it is: told at once, and in words. */
static void A8_a_class_without_size(const char *poller)
{
    static const struct protocol_class Forgotten = { .name = "Forgotten" };
    char text[512];
    int words[2], status;

    (void)poller;
    CHECK(pipe(words) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(words[1], STDERR_FILENO);
        protocol_new(&Forgotten);
        _exit(0);
    }
    close(words[1]);
    ssize_t length = read(words[0], text, sizeof(text) - 1);
    close(words[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(length > 0);
    text[length] = '\0';
    CHECK(strstr(text, "says in .size how large its protocols are"));
}

/* The number of a connection, after more of them than an int can count. */
static void L11_many_connections(const char *poller)
{
    const struct address peer = { .bytes.ss_family = AF_UNIX,
                                  .length = sizeof(sa_family_t) };
    struct talk talk;
    struct failure reason;
    char text[RUNNING_TEXT_MAX];
    int fds[2];

    talk_new(&talk, poller, &Talker);
    talk.base.build_protocol = NULL;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    struct connection *connection = connection_new(talk.reactor, fds[0], &peer);
    connection_start(connection,
                     factory_build_protocol(&talk.base, &peer, &reason));
    connection_describe(connection, text);
    CHECK(!strcmp(text, "Talker,client"));
    connection_set_number(connection, 3000000000u);
    connection_describe(connection, text);
    CHECK(!strcmp(text, "Talker,3000000000,"));
    close(fds[1]);
    talk_free(&talk);
}

static void L4_cannot_listen(const char *poller)
{
    char text[TCP_PORT_TEXT_MAX];

    (void)poller;
    CHECK(!strcmp(tcp_port_cannot_listen(text, NULL, 1234, EADDRINUSE),
                  "Couldn't listen on any:1234: [Errno 98] Address already in "
                  "use."));
    CHECK(!strcmp(tcp_port_cannot_listen(text, "127.0.0.1", 80, EACCES),
                  "Couldn't listen on 127.0.0.1:80: [Errno 13] Permission "
                  "denied."));
}

static void G6_a_failure(const char *poller)
{
    struct reactor *reactor = reactor_new(poller);
    char *printed = NULL;
    size_t length;
    FILE *stream = open_memstream(&printed, &length);

    CHECK(reactor && stream);
    log_start(stream, reactor);
    log_failure(NULL, (struct failure){ &ConnectionDone, 0, NULL });
    log_failure("while testing", (struct failure){ &ConnectError, 2, NULL });
    fflush(stream);
    CHECK(strstr(printed, " [-] Unhandled Error\n\tConnectionDone: Connection "
                          "was closed cleanly.\n"));
    CHECK(strstr(printed, " [-] while testing\n\tConnectError: An error "
                          "occurred while connecting: 2: No such file or "
                          "directory.\n"));
    reactor_free(reactor);
    fclose(stream);
    free(printed);
}

static const struct unit_case cases[] = {
    { "T2_a_sequence_is_one_write", T2_a_sequence_is_one_write },
    { "T33_to_stop_is_to_lose", T33_to_stop_is_to_lose },
    { "T36_switches", T36_switches },
    { "T36_a_string_has_none", T36_a_string_has_none },
    { "A8_timeout", A8_timeout },
    { "A8_timeout_again", A8_timeout_again },
    { "A8_timeout_without_memory", A8_timeout_without_memory },
    { "A8_a_class_without_size", A8_a_class_without_size },
    { "L11_many_connections", L11_many_connections },
    { "L4_cannot_listen", L4_cannot_listen },
    { "G6_a_failure", G6_a_failure },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
