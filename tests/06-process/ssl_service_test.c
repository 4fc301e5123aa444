/* SPDX-License-Identifier: MIT
 *
 * SSLServer and SSLClient: a server and its client as parts of one service,
 * which is started, stopped, and started again.
 */
#include "services/ssl_service.h"
#include "ssl_talk.h"

static void done(void *word)
{
    unit_note(word);
}

static void start_stop_start(const char *poller)
{
    struct talk server, client;
    struct multi_service services;
    struct server_service listens;
    struct client_service connects;
    const struct ssl_port_options options = { .interface = "127.0.0.1",
                                              .helper = ssl_helper(),
                                              .certificate = ssl_helper() };
    int listener;

    ssl_mode("");
    client_options = (struct ssl_connector_options){ .helper = ssl_helper() };
    talk_new(&server, poller, &Talker);
    talk_join(&client, server.reactor, &Talker);
    listener = peer_listen(1, &server.number); /* a number that is free */
    close(listener);
    multi_service_init(&services);
    server_service_init_ssl(&listens, server.reactor, server.number,
                            &server.base, &options);
    client_service_init_ssl(&connects, server.reactor, "127.0.0.1",
                            server.number, &client.base, &client_options);
    CHECK(multi_service_add(&services, &listens.base) == 0);
    CHECK(multi_service_add(&services, &connects.base) == 0);
    for (int times = 1; times <= 2; times++) {
        CHECK(service_privileged_start(&services.base) == 0);
        CHECK(listens.port && !connects.connector);
        CHECK(service_start(&services.base) == 0);
        TALK_UNTIL(&server, client.made == times && server.made == times);
        talk_write(&client, 5);
        TALK_UNTIL(&server, server.received == 5u * (unsigned)times);
        CHECK(service_stop(&services.base, done, "stopped") == 0);
        CHECK(services.base.stopping); /* the port is still to be closed */
        TALK_UNTIL(&server, !services.base.stopping);
        CHECK(unit_noted("stopped") && !listens.port);
        /* The client's connection is lost, the server's has heard of it. */
        TALK_UNTIL(&server, client.client_lost == times);
        TALK_UNTIL(&server, server.lost == times);
        CHECK(failure_check(server.reason, &ConnectionDone));
    }
    ssl_free(&server);
    CHECK(client.made == client.lost && client.started == client.stopped);
}

/* No helper: the part that cannot start says so, and the whole with it. */
static void cannot_start(const char *poller)
{
    struct talk talk;
    struct server_service service;
    const struct ssl_port_options options = { .helper = "/nonexistent",
                                              .certificate = ssl_helper() };

    talk_new(&talk, poller, &Talker);
    server_service_init_ssl(&service, talk.reactor, 0, &talk.base, &options);
    CHECK(service_start(&service.base) < 0 && errno == ENOENT);
    CHECK(service_stop(&service.base, done, "stopped") == 0);
    CHECK(unit_noted("stopped") && talk.started == 0);
    ssl_free(&talk);
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "start_stop_start", start_stop_start },
        { "cannot_start", cannot_start },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
