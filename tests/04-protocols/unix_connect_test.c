/* SPDX-License-Identifier: MIT
 *
 * Connecting to a path: row U14, and what a full queue does. Each case bears
 * the name of its row.
 */
#include <stdio.h>

#include "stream/reconnecting_client_factory.h"
#include "unix_talk.h"

static void call(struct talk *talk, const struct connector_options *options)
{
    talk->connector =
        reactor_connect_unix(talk->reactor, path, &talk->base, options);
    CHECK(talk->connector != NULL);
}

/* The attempt fails in a later turn, with this message. */
static void check_failure(const char *poller, const char *name,
                          const char *message)
{
    struct talk talk;

    unix_join(&talk, loop_new(poller));
    talk.notes = true;
    CHECK(reactor_connect_unix(talk.reactor, name, &talk.base, NULL));
    CHECK(unit_noted("start connecting "));
    TALK_UNTIL(&talk, talk.failed == 1);
    loop_turns(talk.reactor, 2);
    CHECK(unit_noted("failed stop ") && talk.builds == 0);
    if (strcmp(talk.message, message))
        fprintf(stderr, "%s\n", talk.message);
    CHECK(!strcmp(talk.message, message));
    talk_free(&talk);
}

static void U14_a_path_that_is_not_there(const char *poller)
{
    unlink(path);
    check_failure(poller, path,
                  "An error occurred while connecting: 2: No such file or "
                  "directory.");
    check_failure(poller, "",
                  "An error occurred while connecting: 2: No such file or "
                  "directory.");
}

static void U14_nobody_listens_there(const char *poller)
{
    unlink(path);
    unix_leave_stale();
    check_failure(poller, path,
                  "Connection was refused by other side: 111: Connection "
                  "refused.");
    unlink(path);
}

static void T22_a_path_that_is_too_long(const char *poller)
{
    char longer[ADDRESS_PATH_MAX + 2];

    memset(longer, 'x', sizeof(longer));
    longer[ADDRESS_PATH_MAX + 1] = '\0';
    /* What is left of it when it is cut must not do either. */
    longer[ADDRESS_PATH_MAX] = '\0';
    unlink(longer);
    struct address address;
    CHECK(address_from_path(&address, longer) == 0);
    int fd = net_bind_unix(&address, NET_NONBLOCKING);
    CHECK(fd >= 0 && listen(fd, 5) == 0);
    longer[ADDRESS_PATH_MAX] = 'x';
    check_failure(poller, longer,
                  "An error occurred while connecting: 36: File name too "
                  "long.");
    close(fd);
    longer[ADDRESS_PATH_MAX] = '\0';
    CHECK(unlink(longer) == 0);
}

static void note(void *word)
{
    unit_note(word);
}

static void U14_made_in_the_first_turn(const char *poller)
{
    struct delayed_call after = { 0 };
    struct talk talk;

    unix_new(&talk, poller);
    int listener = unix_bare_listener(5);
    talk.notes = true;
    int waits = unit_waits();
    call(&talk, NULL);
    CHECK(!reactor_call_later(talk.reactor, &after, 0, note, "after "));
    CHECK(unit_noted("start connecting "));
    loop_turns(talk.reactor, 1);
    CHECK(unit_waits() == waits + 1 && unit_noted("after build made "));
    CHECK(connector_state(talk.connector) == CONNECTED);
    CHECK(!strcmp(connector_host(talk.connector), path));
    CHECK(connector_port(talk.connector) == 0);
    int fd = net_accept(listener, NULL, NET_NONBLOCKING);
    peer_send(fd, "hello");
    TALK_UNTIL(&talk, talk.received == 5);
    close(fd);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(unit_noted("data lost client-lost stop "));
    CHECK(!strcmp(talk.message, "Connection was closed cleanly."));
    talk.notes = false;
    close(listener);
    talk_free(&talk);
    unlink(path);
}

static void connect_again(struct talk *talk)
{
    if (talk->client_lost == 1)
        CHECK(connector_connect(talk->connector) == 0);
}

static void retry(struct talk *talk)
{
    if (talk->failed == 1)
        CHECK(connector_retry(talk->connector, 0.01) == 0);
}

static void again_and_again(const char *poller)
{
    struct talk talk;
    struct address host;

    unix_new(&talk, poller);
    talk.on_failed = retry;
    talk.on_client_lost = connect_again;
    call(&talk, NULL);
    TALK_UNTIL(&talk, talk.failed == 1);
    int listener = unix_bare_listener(5);
    TALK_UNTIL(&talk, talk.made == 1);
    /* A client has no name of its own. */
    CHECK(transport_get_host(talk_transport(&talk), &host) == 0);
    CHECK(host.length == sizeof(sa_family_t));
    connector_disconnect(talk.connector);
    close(net_accept(listener, NULL, NET_NONBLOCKING));
    TALK_UNTIL(&talk, talk.made == 2);
    CHECK(talk.attempts == 3 && talk.client_lost == 1);
    close(net_accept(listener, NULL, NET_NONBLOCKING));
    TALK_UNTIL(&talk, talk.client_lost == 2);
    close(listener);
    talk_free(&talk);
    unlink(path);
}

struct patient {
    struct reconnecting_client_factory base;
    struct talk *talk;
};

static struct protocol *build_for(struct factory *base,
                                  const struct address *peer,
                                  struct failure *reason)
{
    struct talk *talk = ((struct patient *)base)->talk;

    (void)peer, (void)reason;
    talk->builds++;
    return NULL;
}

static void a_client_that_waits_for_its_server(const char *poller)
{
    struct patient patient = { 0 };
    struct talk talk;

    unix_new(&talk, poller);
    reconnecting_client_factory_init(&patient.base, "Patient", &Talker);
    patient.base.base.build_protocol = build_for;
    patient.base.initial_delay = patient.base.delay = 0.001;
    patient.talk = &talk;
    CHECK(reactor_connect_unix(talk.reactor, path, &patient.base.base, NULL));
    TALK_UNTIL(&talk, patient.base.retries == 3);
    int listener = unix_bare_listener(5);
    TALK_UNTIL(&talk, talk.builds == 1);
    close(listener);
    talk_free(&talk);
    unlink(path);
}

/* A server with so full a queue that nobody else gets in. */
struct busy {
    int listener, count;
    int fds[8];
};

static void make_busy(struct busy *busy)
{
    *busy = (struct busy){ .listener = unix_bare_listener(1) };
    while (busy->count < 8 && (busy->fds[busy->count] = unix_knock()) >= 0)
        busy->count++;
    CHECK(busy->count < 8 && errno == EAGAIN);
}

static void end_busy(struct busy *busy)
{
    while (busy->count > 0)
        close(busy->fds[--busy->count]);
    close(busy->listener);
    unlink(path);
}

static void T55_a_full_queue_is_waited_for(const char *poller)
{
    struct talk talk;
    struct busy busy;
    int fd;

    unix_new(&talk, poller);
    make_busy(&busy);
    call(&talk, NULL);
    int waits = unit_waits();
    loop_run_for(talk.reactor, 0.2);
    CHECK(unit_waits() - waits < 60); /* it does not spin */
    CHECK(talk.failed == 0 && talk.builds == 0);
    CHECK(connector_state(talk.connector) == CONNECTING);
    while ((fd = net_accept(busy.listener, NULL, NET_NONBLOCKING)) >= 0)
        close(fd);
    TALK_UNTIL(&talk, talk.made == 1);
    CHECK(talk.attempts == 1 && talk.failed == 0);
    end_busy(&busy);
    talk_free(&talk);
}

static void T55_until_the_timeout(const char *poller)
{
    const struct connector_options quick = { .timeout = 0.05 };
    struct talk talk;
    struct busy busy;

    unix_new(&talk, poller);
    make_busy(&busy);
    call(&talk, &quick);
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(!strcmp(talk.message, "User timeout caused connection failure."));
    int waits = unit_waits();
    loop_run_for(talk.reactor, 0.1);
    CHECK(unit_waits() - waits < 5); /* no try is left behind */
    end_busy(&busy);
    talk_free(&talk);
}

static void T55_or_until_it_is_given_up(const char *poller)
{
    struct talk talk;
    struct busy busy;

    unix_new(&talk, poller);
    make_busy(&busy);
    call(&talk, NULL);
    loop_run_for(talk.reactor, 0.03);
    CHECK(connector_stop_connecting(talk.connector) == 0);
    CHECK(talk.failed == 1 && failure_check(talk.reason, &UserError));
    loop_check_quiet(talk.reactor);
    talk.connector = NULL;
    call(&talk, NULL);
    loop_run_for(talk.reactor, 0.03);
    connector_disconnect(talk.connector);
    CHECK(talk.failed == 2 && talk.stopped == 2);
    call(&talk, NULL);
    loop_run_for(talk.reactor, 0.03);
    reactor_free(talk.reactor); /* with one that is still trying */
    end_busy(&busy);
}

static void T55_the_server_dies_meanwhile(const char *poller)
{
    struct talk talk;
    struct busy busy;

    unix_new(&talk, poller);
    make_busy(&busy);
    call(&talk, NULL);
    loop_run_for(talk.reactor, 0.03);
    end_busy(&busy);
    TALK_UNTIL(&talk, talk.failed == 1);
    CHECK(talk.reason.number == ENOENT);
    talk_free(&talk);
}

static void nobody_wants_to_talk(const char *poller)
{
    struct talk talk;

    unix_new(&talk, poller);
    int listener = unix_bare_listener(5);
    talk.refuses = true;
    call(&talk, NULL);
    TALK_UNTIL(&talk, talk.client_lost == 1);
    CHECK(talk.builds == 1 && talk.made == 0);
    close(listener);
    talk_free(&talk);
    unlink(path);
}

/* Two hundred of them and a queue of fifty, in one loop. */
static void a_crowd_gets_in(const char *poller)
{
    enum { CROWD = 200 };
    struct talk server, client;
    const struct connector_options patient = { .timeout = 5 };

    unit_needs_descriptors(2 * CROWD + 100);
    unix_new(&server, poller);
    unix_join(&client, server.reactor);
    CHECK(reactor_listen_unix(server.reactor, path, &server.base, NULL));
    for (int i = 0; i < CROWD; i++)
        call(&client, &patient);
    TALK_UNTIL(&client, client.made == CROWD && server.made == CROWD);
    CHECK(client.failed == 0);
    reactor_free(server.reactor);
    CHECK(client.lost == CROWD && server.lost == CROWD);
    CHECK(client.stopped == client.started && server.stopped == 1);
}

static void no_memory_is_one_attempt(const char *poller)
{
    struct talk talk;

    unix_new(&talk, poller);
    int listener = unix_bare_listener(100);
    for (int i = 0; talk.made == 0; i++) {
        int over = talk.failed + talk.client_lost;
        unit_fail_allocation(i);
        struct connector *connector =
            reactor_connect_unix(talk.reactor, path, &talk.base, NULL);
        CHECK(connector || errno == ENOMEM);
        if (connector)
            TALK_UNTIL(&talk,
                       talk.failed + talk.client_lost > over || talk.made == 1);
        unit_fail_allocation(-1);
    }
    close(listener);
    talk_free(&talk);
    unlink(path);
}

static const struct unit_case cases[] = {
    { "U14_a_path_that_is_not_there", U14_a_path_that_is_not_there },
    { "U14_nobody_listens_there", U14_nobody_listens_there },
    { "U14_made_in_the_first_turn", U14_made_in_the_first_turn },
    { "T22_a_path_that_is_too_long", T22_a_path_that_is_too_long },
    { "again_and_again", again_and_again },
    { "a_client_that_waits_for_its_server",
      a_client_that_waits_for_its_server },
    { "T55_a_full_queue_is_waited_for", T55_a_full_queue_is_waited_for },
    { "T55_until_the_timeout", T55_until_the_timeout },
    { "T55_or_until_it_is_given_up", T55_or_until_it_is_given_up },
    { "T55_the_server_dies_meanwhile", T55_the_server_dies_meanwhile },
    { "nobody_wants_to_talk", nobody_wants_to_talk },
    { "a_crowd_gets_in", a_crowd_gets_in },
    { "no_memory_is_one_attempt", no_memory_is_one_attempt },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
