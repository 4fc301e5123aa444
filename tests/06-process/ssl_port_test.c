/* SPDX-License-Identifier: MIT
 *
 * reactor_listen_ssl: clients are given to a helper, and come back; ends and
 * half-closes; hand-shakes that fail; limits; and that nothing is left.
 */
#include <dirent.h>
#include <signal.h>

#include "ssl_talk.h"

/* A loop and a port whose helpers are of this mode, in a directory of its own
 * that must be empty in the end. */
static struct port *server(struct talk *talk, const char *poller,
                           const struct protocol_class *class, const char *mode,
                           const struct ssl_port_options *options)
{
    ssl_mode(mode);
    setenv("TMPDIR", ".", 1);
    talk_new(talk, poller, class);
    return ssl_listen(talk, &talk->number, options);
}

static int left_behind(void)
{
    DIR *here = opendir(".");
    const struct dirent *entry;
    int count = 0;

    CHECK(here != NULL);
    while ((entry = readdir(here)))
        count += !strncmp(entry->d_name, "untwist-", 8);
    closedir(here);
    return count;
}

static void finish(struct talk *talk)
{
    ssl_free(talk);
    CHECK(left_behind() == 0);
}

/* Both sides through a helper. */
static void echoes(const char *poller)
{
    struct talk talk, client;

    server(&talk, poller, &Echo, "", NULL);
    talk_join(&client, talk.reactor, &Talker);
    client_options = (struct ssl_connector_options){ .helper = ssl_helper() };
    ssl_call(&client, "127.0.0.1", talk.number);
    TALK_UNTIL(&talk, client.made == 1);
    for (int i = 0; i < 16; i++)
        talk_write(&client, MEGABYTE / 16);
    TALK_UNTIL(&talk, client.received == MEGABYTE);
    transport_lose_connection(talk_transport(&client));
    TALK_UNTIL(&talk, client.client_lost == 1);
    CHECK(failure_check(client.reason, &ConnectionDone));
    finish(&talk);
}

static void tells_who_is_there(const char *poller)
{
    struct talk talk;
    struct address address, peer;
    char text[ADDRESS_TEXT_MAX], wanted[ADDRESS_TEXT_MAX];

    server(&talk, poller, &Talker, "", NULL);
    int fd = talk_peer(&talk);
    CHECK(transport_get_peer(talk_transport(&talk), &address) == 0);
    CHECK(address_local(&peer, fd) == 0);
    address_text(&peer, wanted);
    CHECK(!strcmp(address_text(&address, text), wanted));
    CHECK(transport_get_host(talk_transport(&talk), &address) == 0);
    CHECK(address_port(&address) == talk.number);
    peer_send(fd, "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionDone));
    finish(&talk);
}

static void ends(const char *poller)
{
    static const struct {
        const char *mode;
        const struct failure_type *type;
        int number;
    } rows[] = {
        { "", &ConnectionDone, 0 },
        { "cut", &SslTruncated, 0 },
        { "reset", &ConnectionLost, ECONNRESET },
        { "mute", &SslHelperLost, 0 },
        { "die", &SslHelperLost, 0 },
        { "twice", &ConnectionDone, 0 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct talk talk;
        server(&talk, poller, &Talker, rows[i].mode, NULL);
        int fd = talk_peer(&talk);
        peer_send(fd, "bye");
        if (strcmp(rows[i].mode, "die") != 0)
            TALK_UNTIL(&talk, talk.received == 3);
        close(fd);
        TALK_UNTIL(&talk, talk.lost == 1);
        if (talk.reason.type != rows[i].type)
            fprintf(stderr, "%s: %s\n", rows[i].mode, talk.message);
        CHECK(failure_check(talk.reason, rows[i].type));
        CHECK(talk.reason.number == rows[i].number);
        TALK_UNTIL(&talk, !has_children());
        finish(&talk);
    }
}

/* One ends its stream, and the other goes on. */
static void half_closes(const char *poller)
{
    struct talk talk;

    server(&talk, poller, &HalfCloser, "", NULL);
    int fd = talk_peer(&talk);
    shutdown(fd, SHUT_WR);
    TALK_UNTIL(&talk, talk.read_losts == 1);
    talk_write(&talk, MEGABYTE);
    transport_lose_connection(talk_transport(&talk));
    CHECK(peer_count(&talk, fd) == MEGABYTE);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(failure_check(talk.reason, &ConnectionDone));
    CHECK(talk.read_losts == 1);
    close(fd);
    fd = talk_peer(&talk); /* the other way round */
    talk_write(&talk, 3);
    transport_lose_write_connection(talk_transport(&talk));
    CHECK(peer_count(&talk, fd) == 3);
    CHECK(talk.write_losts == 1 && talk.lost == 1);
    peer_send(fd, "still here");
    TALK_UNTIL(&talk, talk.received == 10);
    close(fd);
    TALK_UNTIL(&talk, talk.read_losts == 2);
    /* Then the helper has nothing more to do. */
    TALK_UNTIL(&talk, talk.lost == 2);
    CHECK(failure_check(talk.reason, &ConnectionDone));
    finish(&talk);
}

/* The client has ended its stream, and well; then the helper dies with what it
 * has of ours. That is no clean end, though nothing is queued any more. */
static void dies_with_our_bytes(const char *poller)
{
    for (int ended = 0; ended < 2; ended++) {
        struct talk talk;
        server(&talk, poller, &HalfCloser, "die late", NULL);
        int fd = talk_peer(&talk);
        shutdown(fd, SHUT_WR);
        TALK_UNTIL(&talk, talk.read_losts == 1);
        talk_write(&talk, 3);
        if (ended)
            transport_lose_write_connection(talk_transport(&talk));
        TALK_UNTIL(&talk, talk.lost == 1);
        CHECK(failure_check(talk.reason, &ConnectionLost));
        close(fd);
        finish(&talk);
    }
}

/* All that was written arrives, at a client's that begins to read late. How
 * that one closes does not matter then: all was said. */
static void loses_after_the_last_byte(const char *poller)
{
    static const char *const modes[] = { "", "cut" };

    for (int way = 0; way < 2; way++) {
        struct talk talk;
        server(&talk, poller, &Talker, modes[way], NULL);
        int fd = talk_peer(&talk);
        for (int i = 0; i < 5; i++)
            talk_write(&talk, MEGABYTE);
        transport_lose_connection(talk_transport(&talk));
        loop_turns(talk.reactor, 100);
        CHECK(peer_count(&talk, fd) == 5 * MEGABYTE);
        close(fd);
        TALK_UNTIL(&talk, talk.lost == 1);
        CHECK(failure_check(talk.reason, &ConnectionDone));
        finish(&talk);
    }
}

/* They never reach the factory, and the client's connection is closed. */
static void no_handshake(const char *poller)
{
    static const char *const modes[] = { "http-client", "bad-certificate",
                                         "silent" };
    const struct ssl_port_options options = { .handshake_timeout = 1 };

    for (int i = 0; i < 3; i++) {
        struct talk talk;
        server(&talk, poller, &Talker, modes[i], &options);
        int fd = talk_knock(&talk);
        CHECK(peer_count(&talk, fd) == 0);
        close(fd);
        TALK_UNTIL(&talk, !has_children());
        CHECK(talk.builds == 0 && talk.made == 0);
        ssl_mode(""); /* and the port goes on */
        close(talk_peer(&talk));
        TALK_UNTIL(&talk, talk.lost == 1);
        finish(&talk);
    }
}

static void so_many_at_a_time(const char *poller)
{
    const struct ssl_port_options options = { .children_max = 2 };
    struct talk talk;

    server(&talk, poller, &Talker, "", &options);
    int first = talk_peer(&talk), second = talk_peer(&talk);
    int third = talk_knock(&talk), fourth = talk_knock(&talk);
    loop_check_quiet(talk.reactor); /* the two others wait, and so do we */
    CHECK(talk.builds == 2);
    close(first);
    TALK_UNTIL(&talk, talk.made == 3);
    loop_check_quiet(talk.reactor);
    CHECK(talk.builds == 3);
    close(second);
    TALK_UNTIL(&talk, talk.made == 4);
    close(third);
    close(fourth);
    TALK_UNTIL(&talk, talk.lost == 4);
    finish(&talk);
}

static void note_stopped(void *argument)
{
    ++*(volatile int *)argument;
}

/* The connections stay, and who is not one yet is closed. */
static void stops_listening(const char *poller)
{
    struct talk talk;
    volatile int stopped = 0;
    struct port *port = server(&talk, poller, &Talker, "", NULL);
    int fd = talk_peer(&talk);

    ssl_mode("silent");
    int late = talk_knock(&talk);
    TALK_UNTIL(&talk, talk.made == 1);
    port_on_stopped(port, note_stopped, (void *)&stopped);
    port_stop_listening(port);
    port_stop_listening(port);
    TALK_UNTIL(&talk, stopped == 1);
    CHECK(talk.stopped == 1 && talk.lost == 0);
    peer_send(fd, "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(talk.builds == 1 && stopped == 1);
    close(late);
    finish(&talk);
}

static void cannot_listen(const char *poller)
{
    struct talk talk;
    char text[SSL_PORT_TEXT_MAX];
    struct ssl_port_options options = { .interface = "127.0.0.1",
                                        .helper = "/nonexistent/stunnel",
                                        .certificate = ssl_helper() };

    server(&talk, poller, &Talker, "", NULL);
    CHECK(!reactor_listen_ssl(talk.reactor, 0, &talk.base, &options));
    CHECK(errno == ENOENT);
    ssl_port_cannot_listen(text, 0, &options, errno);
    CHECK(strstr(text, "apt-get install"));
    options.helper = "no-such-program-in-path";
    CHECK(!reactor_listen_ssl(talk.reactor, 0, &talk.base, &options));
    CHECK(errno == ENOENT);
    options.helper = ssl_helper();
    CHECK(!reactor_listen_ssl(talk.reactor, talk.number, &talk.base, &options));
    CHECK(errno == EADDRINUSE);
    options.certificate = "not-there.pem";
    CHECK(!reactor_listen_ssl(talk.reactor, 0, &talk.base, &options));
    CHECK(errno == ENOENT);
    ssl_port_cannot_listen(text, 443, &options, errno);
    CHECK(!strstr(text, "apt-get install") && strstr(text, "No such file"));
    options.certificate = "a\nb";
    CHECK(!reactor_listen_ssl(talk.reactor, 0, &talk.base, &options));
    CHECK(errno == EINVAL);
    CHECK(talk.started == 1 && left_behind() == 1); /* that of the good one */
    finish(&talk);
}

/* What a helper has open, and nothing else. */
static void descriptors(const char *poller)
{
    struct talk talk;
    char text[100] = "";

    setenv("TLS_HELPER_LOG", "arguments", 1);
    remove("arguments");
    server(&talk, poller, &Talker, "", NULL);
    close(talk_peer(&talk));
    TALK_UNTIL(&talk, talk.lost == 1);
    unsetenv("TLS_HELPER_LOG");
    FILE *file = fopen("arguments", "r");
    CHECK(file && fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    CHECK(!strcmp(text, "-fd 3 | open: 0 1 2 3\n"));
    finish(&talk);
}

/* The loop is stopped, or freed, while helpers shake hands, serve, and wait
 * for the other direction to end. */
static void the_loop_ends(const char *poller)
{
    for (int stage = 0; stage < 6; stage++) {
        struct talk talk;
        int fd;
        server(&talk, poller, &HalfCloser, stage < 2 ? "silent" : "", NULL);
        if (stage < 2) {
            fd = talk_knock(&talk);
            TALK_UNTIL(&talk, has_children());
        } else {
            fd = talk_peer(&talk);
        }
        if (stage >= 4) {
            shutdown(fd, SHUT_WR);
            TALK_UNTIL(&talk, talk.read_losts == 1);
        }
        if (stage % 2 == 0) {
            static struct delayed_call stop;
            reactor_call_later(talk.reactor, &stop, 0, loop_stop, talk.reactor);
            CHECK(reactor_run(talk.reactor) == 0);
            CHECK(talk.lost == talk.made);
        }
        close(fd);
        finish(&talk);
    }
}

/* Rough ones, one after the other; the number of descriptors is checked by
 * unit.c. */
static void two_hundred(const char *poller)
{
    struct talk talk;

    server(&talk, poller, &Echo, "", NULL);
    for (int i = 0; i < 50; i++) {
        int fds[4];
        for (int j = 0; j < 4; j++)
            fds[j] = talk_knock(&talk);
        peer_send(fds[0], "hello");
        peer_expect(&talk, fds[0], "hello");
        close(fds[0]);
        peer_reset(fds[1]);
        peer_send(fds[2], "x");
        peer_reset(fds[2]);
        close(fds[3]);
    }
    TALK_UNTIL(&talk, !has_children());
    finish(&talk);
}

static void no_memory(const char *poller)
{
    for (int after = 0; after < 60; after++) {
        struct talk talk;
        server(&talk, poller, &Talker, "", NULL);
        loop_turns(talk.reactor, 1); /* its own memory is not meant */
        unit_fail_allocation(after);
        int fd = talk_knock(&talk), over = 0;
        char byte;
        TALK_UNTIL(&talk, talk.made == 1 ||
                              (over = recv(fd, &byte, 1, 0) == 0 ||
                                      (errno == ECONNRESET && !talk.made)));
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        close(fd);
        finish(&talk);
        if (!failed)
            break;
    }
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "echoes", echoes },
        { "tells_who_is_there", tells_who_is_there },
        { "ends", ends },
        { "half_closes", half_closes },
        { "dies_with_our_bytes", dies_with_our_bytes },
        { "loses_after_the_last_byte", loses_after_the_last_byte },
        { "no_handshake", no_handshake },
        { "so_many_at_a_time", so_many_at_a_time },
        { "stops_listening", stops_listening },
        { "cannot_listen", cannot_listen },
        { "descriptors", descriptors },
        { "the_loop_ends", the_loop_ends },
        { "two_hundred", two_hundred },
        { "no_memory", no_memory },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
