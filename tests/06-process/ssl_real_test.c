/* SPDX-License-Identifier: MIT
 *
 * TLS with the real helpers, openssl and stunnel, and certificates that
 * tls.bats makes, in the folder TLS_CERTIFICATES: good.pem (localhost,
 * 127.0.0.1), other.pem (other.example), expired.pem.
 */
#include <signal.h>

#include "ssl_talk.h"
#include "tls/ssl_connection.h"

enum { PIECES = 16 };

/* A file of the folder; two can be in use at a time. */
static const char *file(const char *name)
{
    static char paths[2][300];
    static int next;
    const char *folder = getenv("TLS_CERTIFICATES");

    CHECK(folder != NULL);
    next = !next;
    snprintf(paths[next], sizeof(paths[next]), "%s/%s", folder, name);
    return paths[next];
}

/* A loop, a port with that certificate, and a client that trusts another. */
struct pair {
    struct talk server, client;
};

static void pair_open(struct pair *pair, const char *poller,
                      const struct protocol_class *server,
                      const char *certificate, const char *trusted)
{
    const struct ssl_port_options options = { .interface = "127.0.0.1",
                                              .handshake_timeout = 1,
                                              .certificate =
                                                  file(certificate) };
    struct address address;

    talk_new(&pair->server, poller, server);
    talk_join(&pair->client, pair->server.reactor, &Talker);
    struct port *port = reactor_listen_ssl(pair->server.reactor, 0,
                                           &pair->server.base, &options);
    CHECK(port && port_get_host(port, &address) == 0);
    pair->server.number = address_port(&address);
    client_options = (struct ssl_connector_options){ .ca_file = file(trusted) };
}

static void pair_meet(struct pair *pair, const char *poller,
                      const struct protocol_class *server)
{
    pair_open(pair, poller, server, "good.pem", "good.pem");
    ssl_call(&pair->client, "127.0.0.1", pair->server.number);
    TALK_UNTIL(&pair->server, pair->client.made == 1);
}

static void pair_free(struct pair *pair)
{
    ssl_free(&pair->server);
    CHECK(pair->client.made == pair->client.lost);
    CHECK(pair->client.started == pair->client.stopped);
}

static void kill_helper_of(struct transport *transport)
{
    const struct ssl_connection *it =
        (struct ssl_connection *)((char *)transport -
                                  offsetof(struct ssl_connection, transport));

    CHECK(it->pid > 0 && kill(it->pid, SIGKILL) == 0);
}

static void echoes(const char *poller)
{
    struct pair pair;

    pair_meet(&pair, poller, &Echo);
    for (int i = 0; i < PIECES; i++)
        talk_write(&pair.client, MEGABYTE / PIECES);
    TALK_UNTIL(&pair.server, pair.client.received == MEGABYTE);
    transport_lose_connection(talk_transport(&pair.client));
    TALK_UNTIL(&pair.server, pair.client.client_lost == 1);
    CHECK(failure_check(pair.client.reason, &ConnectionDone));
    pair_free(&pair);
}

/* s_client has commands, of one letter at the beginning of a line. */
static void lines_like_commands(const char *poller)
{
    static const char text[] = "Q\nR\nk\nK\nB\nC\nquit\nQ\n";
    struct pair pair;

    pair_meet(&pair, poller, &Echo);
    transport_write_text(talk_transport(&pair.client), text);
    TALK_UNTIL(&pair.server, pair.client.received == strlen(text));
    CHECK(!strcmp(pair.client.text, text));
    pair_free(&pair);
}

static void verification(const char *poller)
{
    static const struct {
        const char *certificate, *trusted, *name;
        int number;
    } rows[] = {
        { "good.pem", "other.pem", "localhost", 18 },
        { "expired.pem", "expired.pem", "localhost", 10 },
        { "other.pem", "other.pem", "localhost", 62 },
        { "other.pem", "other.pem", NULL, 64 },
        { "signed.pem", "good.pem", "localhost", 20 },
        { "good.pem", "good.pem", "localhost", 0 },
        { "good.pem", "good.pem", NULL, 0 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct pair pair;
        pair_open(&pair, poller, &Echo, rows[i].certificate, rows[i].trusted);
        client_options.name = rows[i].name;
        ssl_call(&pair.client, "127.0.0.1", pair.server.number);
        TALK_UNTIL(&pair.server, pair.client.made + pair.client.failed == 1);
        if (pair.client.reason.number != rows[i].number)
            fprintf(stderr, "%zu: %s\n", i, pair.client.message);
        CHECK(pair.client.made == (rows[i].number == 0));
        CHECK(pair.client.reason.number == rows[i].number);
        if (rows[i].number) {
            CHECK(failure_check(pair.client.reason, &SslError));
            CHECK(pair.server.builds == 0);   /* nobody has got a byte */
            client_options.unverified = true; /* and who does not mind */
            ssl_call(&pair.client, "127.0.0.1", pair.server.number);
            TALK_UNTIL(&pair.server, pair.client.made == 1);
        }
        pair_free(&pair);
    }
}

/* A server that wants to see a certificate, and who comes with and without. */
static void client_certificates(const char *poller)
{
    struct talk server, client;
    const struct ssl_port_options options = { .interface = "127.0.0.1",
                                              .certificate = file("good.pem"),
                                              .ca_file = file("other.pem") };
    struct address address;

    talk_new(&server, poller, &Echo);
    talk_join(&client, server.reactor, &Talker);
    struct port *port =
        reactor_listen_ssl(server.reactor, 0, &server.base, &options);
    CHECK(port && port_get_host(port, &address) == 0);
    client_options =
        (struct ssl_connector_options){ .ca_file = file("good.pem"),
                                        .certificate = file("other.pem") };
    ssl_call(&client, "127.0.0.1", address_port(&address));
    TALK_UNTIL(&server, client.made == 1);
    talk_write(&client, 3);
    TALK_UNTIL(&server, client.received == 3);
    transport_lose_connection(talk_transport(&client));
    TALK_UNTIL(&server, client.client_lost == 1);
    CHECK(server.builds == 1);
    client_options.certificate = NULL;
    ssl_call(&client, "127.0.0.1", address_port(&address));
    /* In TLS 1.3 the client's side is done before it is refused. */
    TALK_UNTIL(&server, client.failed + client.client_lost == 2);
    CHECK(!failure_check(client.reason, &ConnectionDone));
    CHECK(server.builds == 1);
    ssl_free(&server);
}

/* The client's peer is a bare socket. */
static void no_tls_there(const char *poller)
{
    struct talk talk;
    int fd = -1, listener;

    talk_new(&talk, poller, &Talker);
    listener = peer_listen(20, &talk.number);
    client_options = (struct ssl_connector_options){ .timeout = 0 };
    ssl_call(&talk, "127.0.0.1", talk.number);
    TALK_UNTIL(&talk, (fd = net_accept(listener, NULL, NET_NONBLOCKING)) >= 0);
    peer_send(fd, "220 hello\r\n");
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(!strcmp(talk.message,
                  "TLS hand-shake failed: no TLS is spoken there."));
    close(fd);
    client_options.timeout = 0.3; /* and one that says nothing */
    ssl_call(&talk, "127.0.0.1", talk.number);
    TALK_UNTIL(&talk, talk.failed == 2);
    CHECK(failure_check(talk.reason, &TimeoutError));
    close(listener);
    client_options.timeout = 0;
    ssl_call(&talk, "127.0.0.1", talk.number);
    TALK_UNTIL(&talk, talk.failed == 3);
    CHECK(failure_check(talk.reason, &ConnectionRefusedError));
    ssl_free(&talk);
}

static void until_reset(struct talk *talk, int fd)
{
    char byte;

    TALK_UNTIL(talk, recv(fd, &byte, 1, 0) < 0 && errno == ECONNRESET);
}

/* The server's: plain text, silence. The factory hears of nobody. */
static void no_tls_here(const char *poller)
{
    struct pair pair;

    pair_open(&pair, poller, &Talker, "good.pem", "good.pem");
    int plain = talk_knock(&pair.server), silent = talk_knock(&pair.server);
    peer_send(plain, "GET / HTTP/1.0\r\n\r\n");
    until_reset(&pair.server, plain);
    until_reset(&pair.server, silent);
    CHECK(pair.server.builds == 0);
    close(plain);
    close(silent);
    TALK_UNTIL(&pair.server, !has_children());
    pair_free(&pair);
}

/* lose_connection of either side is a good end for the other; an abort, a
 * helper that is killed, none. */
static void ends(const char *poller)
{
    for (int way = 0; way < 6; way++) {
        struct pair pair;
        pair_meet(&pair, poller, &Talker);
        struct talk *dies = way % 2 ? &pair.client : &pair.server;
        struct talk *other = way % 2 ? &pair.server : &pair.client;
        TALK_UNTIL(&pair.server, pair.server.made == 1);
        talk_write(dies, 3);
        TALK_UNTIL(&pair.server, other->received == 3);
        if (way < 2)
            transport_lose_connection(talk_transport(dies));
        else if (way < 4)
            transport_abort_connection(talk_transport(dies));
        else
            kill_helper_of(talk_transport(dies));
        TALK_UNTIL(&pair.server, other->lost == 1 && dies->lost == 1);
        if (way < 2) {
            CHECK(failure_check(other->reason, &ConnectionDone));
            CHECK(failure_check(dies->reason, &ConnectionDone));
        } else {
            if (!failure_check(other->reason, &SslTruncated))
                fprintf(stderr, "%d: %s\n", way, other->message);
            CHECK(failure_check(other->reason, &SslTruncated));
            CHECK(failure_check(dies->reason,
                                way < 4 ? &ConnectionAborted : &SslHelperLost));
        }
        pair_free(&pair);
    }
}

/* All of it arrives, either way, at a reader's that begins late. */
static void loses_after_the_last_byte(const char *poller)
{
    for (int way = 0; way < 2; way++) {
        struct pair pair;
        pair_meet(&pair, poller, &Talker);
        TALK_UNTIL(&pair.server, pair.server.made == 1);
        struct talk *from = way ? &pair.client : &pair.server;
        struct talk *to = way ? &pair.server : &pair.client;
        transport_pause_producing(talk_transport(to));
        for (int i = 0; i < 5; i++)
            talk_write(from, MEGABYTE);
        transport_lose_connection(talk_transport(from));
        loop_run_for(pair.server.reactor, 0.2);
        CHECK(to->received == 0);
        transport_resume_producing(talk_transport(to));
        TALK_UNTIL(&pair.server, to->lost == 1);
        CHECK(to->received == 5 * MEGABYTE);
        CHECK(failure_check(to->reason, &ConnectionDone));
        TALK_UNTIL(&pair.server, from->lost == 1);
        CHECK(failure_check(from->reason, &ConnectionDone));
        pair_free(&pair);
    }
}

/* A reader that has stopped costs its writer a constant, either way. */
static void waits(const char *poller)
{
    for (int way = 0; way < 2; way++) {
        struct pair pair;
        size_t written = 0, before = 1;
        pair_meet(&pair, poller, &Talker);
        TALK_UNTIL(&pair.server, pair.server.made == 1);
        struct talk *from = way ? &pair.client : &pair.server;
        struct talk *to = way ? &pair.server : &pair.client;
        transport_pause_producing(talk_transport(to));
        while (written != before) {
            before = written;
            for (int i = 0; i < 200; i++) {
                if (transport_queued(talk_transport(from)) == 0) {
                    talk_write(from, MEGABYTE / 4);
                    written += MEGABYTE / 4;
                }
                loop_run_for(pair.server.reactor, 0.001);
            }
            CHECK(written < 32 * MEGABYTE);
        }
        transport_resume_producing(talk_transport(to));
        TALK_UNTIL(&pair.server, to->received == written);
        pair_free(&pair);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "echoes", echoes },
        { "lines_like_commands", lines_like_commands },
        { "verification", verification },
        { "client_certificates", client_certificates },
        { "no_tls_there", no_tls_there },
        { "no_tls_here", no_tls_here },
        { "ends", ends },
        { "loses_after_the_last_byte", loses_after_the_last_byte },
        { "waits", waits },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
