/* SPDX-License-Identifier: MIT
 *
 * The log: group G. Each case bears the name of its row.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/text.h"
#include "protocol/log.h"
#include "stream/reconnecting_client_factory.h"
#include "talk.h"

enum { LOG_MAX = 1 << 16 };

/* What was logged, as one string; a file of its own for each case. */
struct paper {
    FILE *file;
    char text[LOG_MAX];
};

static struct paper paper;

static void begin(struct reactor *reactor)
{
    paper.file = tmpfile();
    CHECK(paper.file != NULL);
    log_start(paper.file, reactor);
}

static const char *read_paper(void)
{
    fflush(paper.file);
    rewind(paper.file);
    size_t n = fread(paper.text, 1, LOG_MAX - 1, paper.file);
    paper.text[n] = '\0';
    fseek(paper.file, 0, SEEK_END);
    return paper.text;
}

static bool says(const char *text)
{
    bool found = strstr(read_paper(), text) != NULL;

    if (!found)
        fprintf(stderr, "no '%s' in:\n%s", text, paper.text);
    return found;
}

static void end(void)
{
    fclose(paper.file);
}

static void check_date(const char *zone, const char *offset)
{
    struct reactor *reactor = loop_new("select");
    int year, month, day, hour, minute, second, length = 0;
    char sign[6];

    CHECK(setenv("TZ", zone, 1) == 0);
    tzset();
    begin(reactor);
    CHECK(sscanf(read_paper(), "%4d-%2d-%2d %2d:%2d:%2d%5s [-] Log opened.%n",
                 &year, &month, &day, &hour, &minute, &second, sign,
                 &length) == 7);
    CHECK(!strcmp(sign, offset));
    CHECK(length == 40 && paper.text[length] == '\n');
    reactor_free(reactor);
    end();
}

static void G1_the_date(const char *poller)
{
    (void)poller;
    check_date("XXX5", "-0500");
    check_date("XXX-5:30", "+0530");
    check_date("UTC0", "+0000");
}

static void G2_a_newline_is_followed_by_a_tab(const char *poller)
{
    struct reactor *reactor = loop_new(poller);

    log_message("before there is a log");
    begin(reactor);
    log_message("one\n2026-01-01 [-] forged\nthree");
    CHECK(says(" [-] one\n\t2026-01-01 [-] forged\n\tthree\n"));
    CHECK(!strstr(paper.text, "before"));
    log_message("%s", "100% %n %s");
    CHECK(says("100% %n %s\n"));
    reactor_free(reactor);
    end();
}

static void G2_a_long_message(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    static char text[LOG_MAX / 2];

    begin(reactor);
    memset(text, 'x', sizeof(text) - 1);
    log_message("%s", text);
    log_message("next");
    /* What is left out is said, and the next message is whole. */
    char mark[40];
    snprintf(mark, sizeof(mark), "x [%d bytes more]\n2",
             (int)sizeof(text) - 1 - (LOG_MESSAGE_MAX - 1));
    CHECK(says(mark));
    CHECK(says(" [-] next\n"));
    reactor_free(reactor);
    end();
}

static void log_made(struct talker *self)
{
    (void)self;
    log_message("I am made");
}

static void log_data(struct talker *self)
{
    (void)self;
    log_message("I have data");
}

static void log_lost(struct talker *self)
{
    (void)self;
    log_message("I am lost");
}

static void log_build(struct talk *self)
{
    (void)self;
    log_message("I build");
}

static void log_failed(struct talk *self)
{
    (void)self;
    log_message("I have failed");
}

static void log_client_lost(struct talk *self)
{
    (void)self;
    log_message("Client lost");
}

static void echo_it(struct talker *self)
{
    transport_write_text(self->base.transport, "x");
}

static void log_and_say(struct talker *self)
{
    log_made(self);
    transport_write_text(self->base.transport, "x");
}

static void log_later(void *argument)
{
    (void)argument;
    log_message("I am late");
}

static void G3_who_is_running(const char *poller)
{
    struct talk talk, caller;
    struct delayed_call later = { 0 };

    talk_listen(&talk, poller, &Talker);
    talk.base.name = "MyFactory";
    begin(talk.reactor);
    talk_join(&caller, talk.reactor, &HalfCloser);
    talk.on_build = log_build;
    talk.on_made = caller.on_made = log_made;
    talk.on_data = caller.on_data = log_data;
    talk.on_lost = caller.on_lost = log_lost;
    talk_call(&caller, talk.number, NULL);
    TALK_UNTIL(&talk, talk.made == 1 && caller.made == 1);
    CHECK(says(" [MyFactory] I build\n"));
    CHECK(says(" [MyFactory] I am made\n"));
    transport_write_text(talk_transport(&talk), "x");
    transport_write_text(talk_transport(&caller), "x");
    TALK_UNTIL(&talk, talk.received == 1 && caller.received == 1);
    CHECK(says(" [Talker,0,127.0.0.1] I have data\n"));
    CHECK(says(" [HalfCloser,client] I have data\n"));
    CHECK(!reactor_call_later(talk.reactor, &later, 0, log_later, NULL));
    loop_turns(talk.reactor, 2);
    CHECK(says(" [-] I am late\n"));
    connector_disconnect(caller.connector);
    TALK_UNTIL(&talk, talk.lost == 1 && caller.lost == 1);
    CHECK(says(" [Talker,0,127.0.0.1] I am lost\n"));
    CHECK(says(" [HalfCloser,client] I am lost\n"));
    talk_free(&talk);
    end();
}

/* The callbacks of a client's factory, too. */
static void G3_who_is_running_in_a_client(const char *poller)
{
    struct talk talk, caller;

    talk_listen(&talk, poller, &Talker);
    begin(talk.reactor);
    talk_join(&caller, talk.reactor, &Talker);
    caller.on_made = log_and_say;
    talk.on_data = echo_it;
    caller.on_data = log_data;
    caller.on_build = log_build;
    caller.on_failed = log_failed;
    caller.on_client_lost = log_client_lost;
    talk_call(&caller, talk.number, NULL);
    TALK_UNTIL(&talk, talk.made == 1 && caller.received == 1);
    connector_disconnect(caller.connector);
    TALK_UNTIL(&talk, talk.lost == 1 && caller.client_lost == 1);
    port_stop_listening(talk.port);
    TALK_UNTIL(&talk, talk.stopped == 1);
    loop_turns(talk.reactor, 2);
    talk_call(&caller, talk.number, NULL);
    TALK_UNTIL(&talk, caller.failed == 1);
    CHECK(says(" [Uninitialized] I build\n"));
    CHECK(says(" [Uninitialized] I am made\n"));
    CHECK(says(" [Talker,client] I have data\n"));
    CHECK(says(" [Talker,client] Client lost\n"));
    CHECK(says(" [Uninitialized] I have failed\n"));
    talk_free(&talk);
    end();
}

static void refuse_the_second(struct talk *talk)
{
    talk->refuses = talk->builds == 2;
}

static void G4_sessions_count_from_0(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    begin(talk.reactor);
    talk.on_build = refuse_the_second;
    talk.on_data = log_data;
    int a = talk_peer(&talk), b = talk_knock(&talk), c = talk_peer(&talk);
    peer_send(a, "x");
    peer_send(c, "x");
    TALK_UNTIL(&talk, talk.received == 2);
    CHECK(says("[Talker,0,127.0.0.1] I have data"));
    CHECK(says("[Talker,1,127.0.0.1] I have data"));
    CHECK(!strstr(paper.text, "[Talker,2,"));
    close(a);
    close(b);
    close(c);
    talk_free(&talk);
    end();
}

static void G5_the_standing_lines(const char *poller)
{
    struct talk talk;
    struct delayed_call stop = { 0 };
    struct address address;
    char starting[80], closed[80];

    talk_new(&talk, poller, &Talker);
    begin(talk.reactor);
    const struct tcp_port_options local = { "127.0.0.1", 0 };
    talk.port = reactor_listen_tcp(talk.reactor, 0, &talk.base, &local);
    CHECK(talk.port && !port_get_host(talk.port, &address));
    snprintf(starting, sizeof(starting), " [-] TalkFactory starting on %d\n",
             address_port(&address));
    snprintf(closed, sizeof(closed), "] (TCP Port %d Closed)\n",
             address_port(&address));
    CHECK(reactor_call_later(talk.reactor, &stop, 0, loop_stop, talk.reactor) ==
          0);
    CHECK(reactor_run(talk.reactor) == 0);
    const char *lines[] = { "[-] Log opened.\n",
                            starting,
                            " [-] Starting factory TalkFactory\n",
                            closed,
                            "] Stopping factory TalkFactory\n",
                            " [-] Main loop terminated.\n" };
    const char *from = read_paper();
    for (int i = 0; i < 6; i++) {
        const char *found = strstr(from, lines[i]);
        CHECK(found != NULL);
        from = found + strlen(lines[i]);
    }
    CHECK(!strstr(paper.text, "Received"));
    talk_free(&talk);
    end();
}

static void L11_L12_nobody_is_let_in(const char *poller)
{
    struct talk talk;

    talk_listen(&talk, poller, &Talker);
    begin(talk.reactor);
    int fd = talk_knock(&talk);
    kernel_fail_accept(EMFILE, 1);
    peer_expect_end(&talk, fd);
    CHECK(says(" [TalkFactory] EMFILE recovery: Closed socket from "
               "127.0.0.1:"));
    close(fd);
    fd = talk_knock(&talk);
    kernel_fail_accept(ENOBUFS, 1);
    loop_turns(talk.reactor, 2);
    CHECK(says(" [TalkFactory] Could not accept new connection (No buffer "
               "space available)\n"));
    close(fd);
    talk_free(&talk);
    end();
}

/* Of a factory that is not noisy only its port speaks. */
static void G5_a_quiet_factory(const char *poller)
{
    struct talk talk;

    talk_new(&talk, poller, &Talker);
    begin(talk.reactor);
    talk.base.quiet = true;
    const struct tcp_port_options local = { "127.0.0.1", 0 };
    CHECK(reactor_listen_tcp(talk.reactor, 0, &talk.base, &local));
    CHECK(talk.started == 1);
    talk_free(&talk);
    CHECK(says(" [-] TalkFactory starting on "));
    CHECK(says("] (TCP Port "));
    CHECK(!strstr(paper.text, " factory "));
    end();
}

static void C22_retry_is_announced(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    static struct reconnecting_client_factory factory;
    int number, listener = peer_listen(1, &number);
    char line[100];

    close(listener);
    begin(reactor);
    reconnecting_client_factory_init(&factory, "Retrying", &Talker);
    factory.jitter = 0;
    CHECK(reactor_connect_tcp(reactor, "127.0.0.1", number, &factory.base,
                              NULL) != NULL);
    for (int i = 0; i < 1000 && factory.retries == 0; i++)
        loop_turns(reactor, 1);
    snprintf(line, sizeof(line), "127.0.0.1:%d will retry in 2 seconds\n",
             number);
    CHECK(says(line));
    reconnecting_client_factory_stop_trying(&factory);
    reactor_free(reactor);
    end();
}

static const struct unit_case cases[] = {
    { "G1_the_date", G1_the_date },
    { "G2_a_newline_is_followed_by_a_tab", G2_a_newline_is_followed_by_a_tab },
    { "G2_a_long_message", G2_a_long_message },
    { "G3_who_is_running", G3_who_is_running },
    { "G3_who_is_running_in_a_client", G3_who_is_running_in_a_client },
    { "G4_sessions_count_from_0", G4_sessions_count_from_0 },
    { "G5_the_standing_lines", G5_the_standing_lines },
    { "L11_L12_nobody_is_let_in", L11_L12_nobody_is_let_in },
    { "G5_a_quiet_factory", G5_a_quiet_factory },
    { "C22_retry_is_announced", C22_retry_is_announced },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
