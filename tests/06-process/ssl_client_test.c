/* SPDX-License-Identifier: MIT
 *
 * reactor_connect_ssl: what a factory and a protocol hear, whatever the helper
 * does; what the helper is given; and that nothing is left of it.
 */
#include <signal.h>

#include "ssl_talk.h"

static void echoes(const char *poller)
{
    struct talk talk, server;
    const struct tcp_port_options local = { "127.0.0.1", 0 };
    struct address address;

    ssl_mode("");
    client_options = (struct ssl_connector_options){ .helper = ssl_helper() };
    talk_new(&talk, poller, &Talker);
    talk_join(&server, talk.reactor, &Echo);
    struct port *port =
        reactor_listen_tcp(talk.reactor, 0, &server.base, &local);
    CHECK(port && port_get_host(port, &address) == 0);
    ssl_call(&talk, "127.0.0.1", address_port(&address));
    TALK_UNTIL(&talk, talk.made == 1);
    for (int i = 0; i < 16; i++)
        talk_write(&talk, MEGABYTE / 16);
    TALK_UNTIL(&talk, talk.received == MEGABYTE);
    transport_lose_connection(talk_transport(&talk));
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionDone));
    ssl_free(&talk);
}

static void tells_who_is_there(const char *poller)
{
    struct talk talk;
    struct address address;
    char text[ADDRESS_TEXT_MAX], wanted[40];
    int listener = ssl_client(&talk, poller, &Talker, "");
    int fd = ssl_accept(&talk, listener);

    CHECK(transport_get_peer(talk_transport(&talk), &address) == 0);
    sprintf(wanted, "127.0.0.1:%d", talk.number);
    CHECK(!strcmp(address_text(&address, text), wanted));
    CHECK(transport_get_host(talk_transport(&talk), &address) < 0 &&
          errno == ENOTSUP);
    CHECK(talk.builds == 1 && talk.attempts == 1 && talk.started == 1);
    close(fd);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    close(listener);
    ssl_free(&talk);
}

/* Each of them fails the attempt, and the peer has not got a byte. */
static void refusals(const char *poller)
{
    static const struct {
        const char *mode, *message;
        int number;
    } rows[] = {
        { "expired", "TLS hand-shake failed: the certificate has expired.",
          10 },
        { "self-signed",
          "TLS hand-shake failed: the certificate is self-signed, and not "
          "trusted.",
          18 },
        { "unknown",
          "TLS hand-shake failed: the certificate is of an authority that is "
          "not known.",
          20 },
        { "name", "TLS hand-shake failed: the certificate is for another name.",
          62 },
        { "not-tls", "TLS hand-shake failed: no TLS is spoken there.", 0 },
        { "forged", "TLS hand-shake failed.", 0 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct talk talk;
        char byte;
        int fd = -1,
            listener = ssl_client(&talk, poller, &Talker, rows[i].mode);
        TALK_UNTIL(&talk, talk.failed == 1);
        CHECK(failure_check(talk.reason, &SslError));
        CHECK(talk.reason.number == rows[i].number);
        CHECK(!strcmp(talk.message, rows[i].message));
        CHECK(talk.made == 0 && talk.builds == 0 && talk.stopped == 1);
        TALK_UNTIL(&talk,
                   (fd = net_accept(listener, NULL, NET_NONBLOCKING)) >= 0);
        CHECK(recv(fd, &byte, 1, 0) == 0);
        close(fd);
        close(listener);
        ssl_free(&talk);
    }
}

static void nobody_there(const char *poller)
{
    struct talk talk;
    int listener = ssl_client(&talk, poller, &Talker, "");

    close(listener);
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(failure_check(talk.reason, &ConnectionRefusedError));
    CHECK(talk.reason.number == ECONNREFUSED);
    client_options.helper = "/nonexistent/openssl";
    ssl_call(&talk, "127.0.0.1", talk.number);
    TALK_UNTIL(&talk, talk.failed == 2);
    CHECK(failure_check(talk.reason, &SslHelperMissing));
    CHECK(talk.reason.number == ENOENT);
    CHECK(strstr(talk.message, "apt-get install openssl"));
    client_options.name = "-option";
    ssl_call(&talk, "127.0.0.1", talk.number);
    TALK_UNTIL(&talk, talk.failed == 3);
    CHECK(failure_check(talk.reason, &ConnectError));
    CHECK(talk.reason.number == EINVAL);
    ssl_free(&talk);
}

/* The hand-shake does not end; nor does it when the verdict is not ours. */
static void silence(const char *poller)
{
    static const char *const modes[] = { "silent", "no-verdict" };

    for (int i = 0; i < 2; i++) {
        struct talk talk;
        int listener = ssl_client(&talk, poller, &Talker, modes[i]);
        TALK_UNTIL(&talk, has_children());
        connector_disconnect(talk.connector);
        CHECK(talk.failed == 1 && failure_check(talk.reason, &UserError));
        client_options.timeout = 0.2;
        ssl_call(&talk, "127.0.0.1", talk.number);
        TALK_UNTIL(&talk, talk.failed == 2);
        CHECK(failure_check(talk.reason, &TimeoutError) && talk.made == 0);
        TALK_UNTIL(&talk, !has_children());
        close(listener);
        ssl_free(&talk);
    }
}

/* The peer says something and ends; what was said is heard before. */
static void ends(const char *poller)
{
    static const struct {
        const char *mode;
        const struct failure_type *type;
        int number;
    } rows[] = {
        { "", &ConnectionDone, 0 },       { "cut", &SslTruncated, 0 },
        { "cut-old", &SslTruncated, 0 },  { "odd", &SslHelperLost, 0 },
        { "stay", &SslHelperLost, 0 },    { "die", &SslHelperLost, 0 },
        { "pieces", &ConnectionDone, 0 }, { "flood", &ConnectionDone, 0 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct talk talk;
        int listener = ssl_client(&talk, poller, &HalfCloser, rows[i].mode);
        int fd = ssl_accept(&talk, listener);
        talk.notes = true;
        peer_send(fd, "bye");
        if (strcmp(rows[i].mode, "die") != 0)
            TALK_UNTIL(&talk, talk.received == 3);
        close(fd);
        TALK_UNTIL(&talk, talk.client_lost == 1);
        if (talk.reason.type != rows[i].type)
            fprintf(stderr, "%s: %s\n", rows[i].mode, talk.message);
        CHECK(failure_check(talk.reason, rows[i].type));
        CHECK(talk.reason.number == rows[i].number);
        CHECK(unit_noted(talk.received ? "data lost client-lost stop "
                                       : "lost client-lost stop "));
        close(listener);
        ssl_free(&talk);
    }
}

static void a_reset(const char *poller)
{
    struct talk talk;
    int listener = ssl_client(&talk, poller, &Talker, "");

    peer_reset(ssl_accept(&talk, listener));
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionLost));
    CHECK(talk.reason.number == ECONNRESET);
    close(listener);
    ssl_free(&talk);
}

/* The peer's end is good, but bytes of ours have not left. */
static void ends_while_we_write(const char *poller)
{
    struct talk talk;
    int listener = ssl_client(&talk, poller, &Talker, "");
    int fd = ssl_accept(&talk, listener);

    for (int i = 0; i < 16; i++)
        talk_write(&talk, MEGABYTE);
    shutdown(fd, SHUT_WR);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(!failure_check(talk.reason, &ConnectionDone));
    close(fd);
    close(listener);
    ssl_free(&talk);
}

/* All that was written before lose_connection arrives, at a slow reader's. */
static void loses_after_the_last_byte(const char *poller)
{
    struct talk talk;
    int listener = ssl_client(&talk, poller, &Talker, "");
    int fd = ssl_accept(&talk, listener);

    for (int i = 0; i < 5; i++)
        talk_write(&talk, MEGABYTE);
    CHECK(transport_queued(talk_transport(&talk)) > 0);
    transport_lose_write_connection(talk_transport(&talk)); /* the same here */
    CHECK(transport_disconnecting(talk_transport(&talk)));
    loop_turns(talk.reactor, 100);
    CHECK(peer_count(&talk, fd) == 5 * MEGABYTE);
    close(fd);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionDone));
    close(listener);
    ssl_free(&talk);
}

/* Nobody reads what comes: the peer has to wait, we keep nothing. */
static void holds_the_peer_back(const char *poller)
{
    static char piece[MEGABYTE];
    struct talk talk;
    int listener = ssl_client(&talk, poller, &Talker, "");
    int fd = ssl_accept(&talk, listener);
    size_t sent = 0;
    double quiet = reactor_seconds();

    transport_pause_producing(talk_transport(&talk));
    while (reactor_seconds() < quiet + 0.3) {
        ssize_t n = peer_push(fd, piece, sizeof(piece));
        if (n > 0) {
            sent += (size_t)n;
            quiet = reactor_seconds();
        }
        loop_turns(talk.reactor, 1);
        CHECK(sent < 64 * MEGABYTE);
    }
    CHECK(talk.received == 0);
    transport_resume_producing(talk_transport(&talk));
    TALK_UNTIL(&talk, talk.received == sent);
    close(fd);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionDone));
    close(listener);
    ssl_free(&talk);
}

static void aborts(const char *poller)
{
    struct talk talk;
    int listener = ssl_client(&talk, poller, &Talker, "");
    int fd = ssl_accept(&talk, listener);

    talk_write(&talk, 16 * MEGABYTE);
    transport_abort_connection(talk_transport(&talk));
    transport_write(talk_transport(&talk), "x", 1);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionAborted));
    TALK_UNTIL(&talk, !has_children());
    CHECK(peer_count(&talk, fd) < 16 * MEGABYTE);
    close(fd);
    close(listener);
    ssl_free(&talk);
}

/* The loop is stopped, or freed, at each stage. */
static void the_loop_ends(const char *poller)
{
    for (int stage = 0; stage < 6; stage++) {
        struct talk talk;
        int fd = -1, listener = ssl_client(&talk, poller, &Talker,
                                           stage < 2 ? "silent" : "stay");
        if (stage >= 2)
            fd = ssl_accept(&talk, listener);
        else
            TALK_UNTIL(&talk, has_children());
        if (stage >= 4) { /* the helper has ended its side, and stays */
            shutdown(fd, SHUT_WR);
            loop_run_for(talk.reactor, 0.2);
            CHECK(talk.lost == 0);
        }
        if (stage % 2 == 0) {
            static struct delayed_call stop;
            reactor_call_later(talk.reactor, &stop, 0, loop_stop, talk.reactor);
            CHECK(reactor_run(talk.reactor) == 0);
            CHECK(talk.client_lost == (stage >= 2));
            CHECK(talk.failed == (stage < 2));
        }
        close(fd);
        close(listener);
        ssl_free(&talk);
    }
}

/* What the helper is told, and what it has open. */
static void arguments(const char *poller)
{
    struct talk talk;
    char text[1000] = "", wanted[1000];

    setenv("TLS_HELPER_LOG", "arguments", 1);
    remove("arguments");
    int listener = ssl_client(&talk, poller, &Talker, "");
    client_options.ca_file = "ca.pem";
    client_options.certificate = "ours.pem";
    ssl_call(&talk, "localhost", talk.number);
    TALK_UNTIL(&talk, talk.made == 2);
    FILE *file = fopen("arguments", "r");
    CHECK(file && fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    unsetenv("TLS_HELPER_LOG");
    sprintf(wanted,
            "s_client -quiet -brief -no_ign_eof -nocommands -verify_quiet "
            "-connect 127.0.0.1:%d -servername localhost -verify_return_error "
            "-verify_hostname localhost -CAfile ca.pem -cert ours.pem -key "
            "ours.pem | open: 0 1 2\n",
            talk.number);
    CHECK(strstr(text, wanted));
    sprintf(wanted,
            "s_client -quiet -brief -no_ign_eof -nocommands -verify_quiet "
            "-connect 127.0.0.1:%d -noservername -verify_return_error "
            "-verify_ip 127.0.0.1",
            talk.number);
    CHECK(strstr(text, wanted));
    close(listener);
    ssl_free(&talk);
}

/* A connector goes on as over TCP: the same one connects again. */
static void again(struct talk *talk)
{
    if (talk->client_lost < 3)
        CHECK(connector_connect(talk->connector) == 0);
}

static void connects_again(const char *poller)
{
    struct talk talk;
    int listener = ssl_client(&talk, poller, &Talker, "");

    talk.on_client_lost = again;
    for (int i = 0; i < 3; i++)
        close(ssl_accept(&talk, listener));
    TALK_UNTIL(&talk, talk.client_lost == 3);
    CHECK(talk.attempts == 3 && talk.started == 1 && talk.stopped == 1);
    talk.refuses = true; /* and who refuses loses */
    ssl_call(&talk, "127.0.0.1", talk.number);
    TALK_UNTIL(&talk, talk.client_lost == 4);
    CHECK(failure_check(talk.reason, &ConnectionDone) && talk.made == 3);
    close(listener);
    ssl_free(&talk);
}

static void without_memory(const char *poller)
{
    for (int after = 0; after < 60; after++) {
        struct talk talk;
        ssl_mode("");
        client_options =
            (struct ssl_connector_options){ .helper = ssl_helper() };
        talk_new(&talk, poller, &Talker);
        int listener = peer_listen(20, &talk.number);
        unit_fail_allocation(after);
        talk.connector =
            reactor_connect_ssl(talk.reactor, "127.0.0.1", talk.number,
                                &talk.base, &client_options);
        if (talk.connector)
            TALK_UNTIL(&talk, talk.made == 1 || talk.failed == 1);
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        close(listener);
        ssl_free(&talk);
        if (!failed)
            break;
    }
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "echoes", echoes },
        { "tells_who_is_there", tells_who_is_there },
        { "refusals", refusals },
        { "nobody_there", nobody_there },
        { "silence", silence },
        { "ends", ends },
        { "a_reset", a_reset },
        { "ends_while_we_write", ends_while_we_write },
        { "loses_after_the_last_byte", loses_after_the_last_byte },
        { "holds_the_peer_back", holds_the_peer_back },
        { "aborts", aborts },
        { "the_loop_ends", the_loop_ends },
        { "arguments", arguments },
        { "connects_again", connects_again },
        { "without_memory", without_memory },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
