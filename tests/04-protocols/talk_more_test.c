/* SPDX-License-Identifier: MIT
 *
 * What a transport can do beside writing: pieces (T2), to be stopped as a
 * producer (T33), its switches (T36); a port's words (L4); a logged failure
 * (G6).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/log.h"
#include "protocol/string_transport.h"
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
    { "L4_cannot_listen", L4_cannot_listen },
    { "G6_a_failure", G6_a_failure },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
