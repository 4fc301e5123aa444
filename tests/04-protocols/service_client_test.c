/* SPDX-License-Identifier: MIT
 *
 * Services that connect: row V7, over TCP and over a socket file. Each case
 * bears the name of its row.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/log.h"
#include "services/client_service.h"
#include "services/server_service.h"
#include "stream/reconnecting_client_factory.h"
#include "talk.h"
#include "unix/unix_port.h"

static void done(void *word)
{
    unit_note(word);
}

/* A talk that listens, another one that the service connects to it. */
struct client {
    struct talk server, talk;
    struct client_service service;
};

static void client_new(struct client *self, const char *poller)
{
    talk_listen(&self->server, poller, &Talker);
    talk_join(&self->talk, self->server.reactor, &Talker);
    client_service_init_tcp(&self->service, self->server.reactor, "127.0.0.1",
                            self->server.number, &self->talk.base, NULL);
}

static void client_free(struct client *self)
{
    talk_free(&self->server);
    CHECK(self->talk.made == self->talk.lost);
    CHECK(self->talk.started == self->talk.stopped);
    CHECK(self->talk.base.ports == 0 && !self->service.connector);
}

static void start(struct client *self)
{
    CHECK(service_start(&self->service.base) == 0);
}

/* It does not wait. */
static void stop(struct client *self)
{
    CHECK(service_stop(&self->service.base, done, "=") == 0);
    CHECK(unit_noted("=") && !self->service.base.stopping);
}

static void connect_it(struct client *self)
{
    int before = self->talk.made;

    start(self);
    TALK_UNTIL(&self->server, self->talk.made == before + 1 &&
                                  self->server.made == self->talk.made);
}

static void V7_connects_in_the_start(const char *poller)
{
    struct client it;

    client_new(&it, poller);
    CHECK(service_privileged_start(&it.service.base) == 0);
    CHECK(it.talk.attempts == 0);
    start(&it);
    CHECK(it.talk.attempts == 1 && it.talk.started == 1);
    CHECK(service_start(&it.service.base) == -1 && errno == EALREADY);
    TALK_UNTIL(&it.server, it.talk.made == 1);
    /* The protocol is its own factory's, and of its own class. */
    CHECK(it.talk.last->base.factory == &it.talk.base);
    CHECK(it.talk.last->base.class == &Talker);
    transport_write_text(it.talk.last->base.transport, "hello");
    TALK_UNTIL(&it.server, it.server.received == 5);
    stop(&it);
    CHECK(it.talk.lost == 0);
    TALK_UNTIL(&it.server, it.talk.client_lost == 1 && it.server.lost == 1);
    CHECK(it.talk.stopped == 1);
    client_free(&it);
}

static void V7_ends_an_attempt(const char *poller)
{
    struct client it;

    client_new(&it, poller);
    start(&it);
    stop(&it);
    CHECK(it.talk.failed == 1 && it.talk.reason.type == &UserError);
    loop_turns(it.server.reactor, 10);
    CHECK(it.talk.made == 0 && it.server.made == 0 && it.talk.failed == 1);
    client_free(&it);
}

/* Its connector is gone by the time it is stopped. */
static void V7_stopped_when_it_is_over(const char *poller)
{
    struct client it;
    int number;

    client_new(&it, poller);
    connect_it(&it);
    transport_lose_connection(talk_transport(&it.server));
    TALK_UNTIL(&it.server, it.talk.client_lost == 1);
    loop_turns(it.server.reactor, 5);
    CHECK(!it.service.connector);
    stop(&it);
    close(peer_listen(1, &number));
    it.service.number = number; /* nobody is there */
    start(&it);
    TALK_UNTIL(&it.server, it.talk.failed == 1);
    loop_turns(it.server.reactor, 5);
    stop(&it);
    stop(&it);
    CHECK(it.talk.failed == 1 && it.talk.attempts == 2);
    client_free(&it);
}

static void V7_started_again(const char *poller)
{
    struct client it;

    client_new(&it, poller);
    connect_it(&it);
    stop(&it);
    connect_it(&it); /* while the first one still ends */
    CHECK(it.talk.attempts == 2);
    TALK_UNTIL(&it.server, it.talk.client_lost == 1 && it.server.lost == 1);
    transport_write_text(talk_transport(&it.server), "hello");
    TALK_UNTIL(&it.server, it.talk.received == 5);
    stop(&it);
    TALK_UNTIL(&it.server, it.talk.client_lost == 2);
    client_free(&it);
}

static void again(struct talk *self)
{
    CHECK(connector_connect(self->connector) == 0);
}

static void later(struct talk *self)
{
    CHECK(connector_retry(self->connector, 0.01) == 0);
}

/* That is the factory's business; the service knows of each attempt. */
static void V7_a_factory_that_tries_again(const char *poller)
{
    for (int which = 0; which < 2; which++) {
        struct client it;

        client_new(&it, poller);
        it.talk.on_client_lost = which ? later : again;
        connect_it(&it);
        transport_lose_connection(talk_transport(&it.server));
        TALK_UNTIL(&it.server, it.server.made == 2 && it.talk.made == 2);
        stop(&it);
        TALK_UNTIL(&it.server, it.server.made == 3 && it.talk.made == 3);
        it.talk.on_client_lost = NULL;
        stop(&it);
        TALK_UNTIL(&it.server, it.talk.client_lost == 3);
        loop_run_for(it.server.reactor, 0.03);
        CHECK(it.talk.attempts == 3 && it.server.lost == 3);
        client_free(&it);
    }
}

/* It waits for its next attempt. */
static void V7_stopped_while_it_waits(const char *poller)
{
    struct client it;

    client_new(&it, poller);
    it.talk.on_client_lost = later;
    connect_it(&it);
    transport_lose_connection(talk_transport(&it.server));
    TALK_UNTIL(&it.server, it.talk.client_lost == 1);
    it.talk.on_client_lost = NULL;
    stop(&it);
    connect_it(&it); /* one by the start, and one that was to come */
    TALK_UNTIL(&it.server, it.server.made == 3 && it.talk.made == 3);
    stop(&it);
    TALK_UNTIL(&it.server, it.talk.lost == 2);
    loop_turns(it.server.reactor, 5);
    stop(&it);
    CHECK(it.talk.lost == 2);
    client_free(&it); /* which ends the other one */
}

static struct client *started;

static void stop_inside(struct talk *self)
{
    self->on_started = NULL;
    stop(started);
}

static void V7_stopped_in_started_connecting(const char *poller)
{
    struct client it;

    client_new(&it, poller);
    started = &it;
    it.talk.on_started = stop_inside;
    CHECK(service_start(&it.service.base) == -1 && errno == ECANCELED);
    CHECK(it.talk.failed == 1);
    loop_turns(it.server.reactor, 5);
    CHECK(it.talk.attempts == 1 && it.server.made == 0);
    connect_it(&it);
    client_free(&it);
}

/* There is no connector yet that could be stopped. */
static void stop_early(struct factory *factory)
{
    struct talk *talk = (struct talk *)factory;

    talk->started++;
    stop(started);
}

static void V7_stopped_in_start_factory(const char *poller)
{
    struct client it;

    client_new(&it, poller);
    started = &it;
    it.talk.base.start_factory = stop_early;
    CHECK(service_start(&it.service.base) == -1 && errno == ECANCELED);
    CHECK(it.talk.failed == 1 && it.talk.attempts == 1);
    loop_turns(it.server.reactor, 5);
    CHECK(it.server.made == 0);
    client_free(&it);
}

/* The lines of the log are its factory's. */
static void V7_G5_the_log(const char *poller)
{
    static char text[4096];
    FILE *papers[2]; /* the log keeps each until it has the next */

    for (int quiet = 0; quiet < 2; quiet++) {
        FILE *paper = papers[quiet] = tmpfile();
        struct client it;
        CHECK(paper != NULL);
        client_new(&it, poller);
        log_start(paper, it.server.reactor);
        it.talk.base.name = "Caller";
        it.talk.base.quiet = quiet;
        connect_it(&it);
        client_free(&it);
        rewind(paper);
        text[fread(text, 1, sizeof(text) - 1, paper)] = '\0';
        CHECK(!quiet == (strstr(text, "Starting factory Caller\n") != NULL));
        CHECK(!quiet == (strstr(text, "Stopping factory Caller\n") != NULL));
    }
    fclose(papers[0]);
    fclose(papers[1]);
}

/* Those of reactor_connect_tcp. */
static void V7_its_options(const char *poller)
{
    static const struct connector_options from = { .bind_address =
                                                       "127.0.0.2" };
    struct client it;
    struct address peer;
    char text[ADDRESS_TEXT_MAX];

    client_new(&it, poller);
    it.service.options = &from;
    connect_it(&it);
    CHECK(transport_get_peer(talk_transport(&it.server), &peer) == 0);
    CHECK(!strcmp(address_host(&peer, text), "127.0.0.2"));
    client_free(&it);
}

static void V7_stopped_in_a_callback(const char *poller)
{
    struct client it;
    int number;

    client_new(&it, poller);
    started = &it;
    it.talk.on_client_lost = it.talk.on_failed = stop_inside;
    connect_it(&it);
    transport_lose_connection(talk_transport(&it.server));
    TALK_UNTIL(&it.server, it.talk.client_lost == 1);
    close(peer_listen(1, &number));
    it.service.number = number;
    start(&it);
    TALK_UNTIL(&it.server, it.talk.failed == 1);
    loop_turns(it.server.reactor, 5);
    CHECK(it.talk.attempts == 2);
    client_free(&it);
}

static void V7_nobody_wants_it(const char *poller)
{
    struct client it;

    client_new(&it, poller);
    it.talk.refuses = true;
    start(&it);
    TALK_UNTIL(&it.server, it.talk.client_lost == 1 && it.server.lost == 1);
    CHECK(it.talk.made == 0);
    stop(&it);
    client_free(&it);
}

/* The factory that reconnects by itself. */
static void V7_reconnecting(const char *poller)
{
    struct talk server;
    struct reconnecting_client_factory factory;
    struct client_service service;

    talk_listen(&server, poller, &Talker);
    reconnecting_client_factory_init(&factory, "Again",
                                     &(struct protocol_class){
                                         .name = "Idle",
                                         .size = sizeof(struct protocol),
                                     });
    factory.delay = factory.initial_delay = 0.001;
    factory.max_delay = 0.01;
    client_service_init_tcp(&service, server.reactor, "127.0.0.1",
                            server.number, &factory.base, NULL);
    CHECK(service_start(&service.base) == 0);
    for (int times = 1; times <= 3; times++) {
        TALK_UNTIL(&server, server.made == times);
        transport_lose_connection(talk_transport(&server));
    }
    TALK_UNTIL(&server, server.made == 4);
    CHECK(service_stop(&service.base, done, "=") == 0 && unit_noted("="));
    reconnecting_client_factory_stop_trying(&factory);
    TALK_UNTIL(&server, server.lost == 4);
    loop_run_for(server.reactor, 0.05);
    reconnecting_client_factory_stop_trying(&factory);
    CHECK(server.made == 4 && factory.base.ports == 0);
    talk_free(&server);
}

static void V7_no_memory(const char *poller)
{
    struct client it;
    int after = 0;

    client_new(&it, poller);
    for (bool failed = true; failed; after++) {
        unit_fail_allocation(after);
        failed = service_start(&it.service.base) < 0;
        unit_fail_allocation(-1);
        if (failed)
            stop(&it);
    }
    CHECK(after > 1);
    TALK_UNTIL(&it.server, it.talk.made == 1);
    client_free(&it);
}

static int there; /* protocols of both ends */

static void count_made(struct protocol *self)
{
    (void)self;
    there++;
}

static void count_lost(struct protocol *self, struct failure reason)
{
    (void)self;
    (void)reason;
    there--;
}

static const struct protocol_class Counted = { .name = "Counted",
                                               .size = sizeof(struct protocol),
                                               .connection_made = count_made,
                                               .connection_lost = count_lost };

static void V6_V7_over_a_socket_file(const char *poller)
{
    struct factory factory = { .name = "Served", .protocol = &Counted },
                   caller = { .name = "Caller", .protocol = &Counted };
    char folder[] = "/tmp/service-XXXXXX", path[64];
    static const struct unix_port_options narrow = { .mode = 0600 };
    struct talk talk; /* for its loop */
    struct server_service server;
    struct client_service client;
    struct stat status;

    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/socket", folder);
    talk_new(&talk, poller, &Talker);
    server_service_init_unix(&server, talk.reactor, path, &factory, &narrow);
    client_service_init_unix(&client, talk.reactor, path, &caller, NULL);
    for (int times = 0; times < 2; times++) {
        CHECK(service_privileged_start(&server.base) == 0);
        CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
        CHECK(service_start(&server.base) == 0 && factory.ports == 1);
        CHECK(service_start(&client.base) == 0 && caller.ports == 1);
        TALK_UNTIL(&talk, there == 2);
        CHECK(service_stop(&client.base, done, "client ") == 0);
        CHECK(service_stop(&server.base, done, "server ") == 0);
        CHECK(unit_noted("client "));
        TALK_UNTIL(&talk, there == 0 && !server.base.stopping);
        CHECK(unit_noted("server ") && factory.ports + caller.ports == 0);
    }
    CHECK(rmdir(folder) == 0);
    talk_free(&talk);
}

static const struct unit_case cases[] = {
    { "V7_connects_in_the_start", V7_connects_in_the_start },
    { "V7_ends_an_attempt", V7_ends_an_attempt },
    { "V7_stopped_when_it_is_over", V7_stopped_when_it_is_over },
    { "V7_started_again", V7_started_again },
    { "V7_a_factory_that_tries_again", V7_a_factory_that_tries_again },
    { "V7_stopped_while_it_waits", V7_stopped_while_it_waits },
    { "V7_stopped_in_started_connecting", V7_stopped_in_started_connecting },
    { "V7_stopped_in_start_factory", V7_stopped_in_start_factory },
    { "V7_G5_the_log", V7_G5_the_log },
    { "V7_its_options", V7_its_options },
    { "V7_stopped_in_a_callback", V7_stopped_in_a_callback },
    { "V7_nobody_wants_it", V7_nobody_wants_it },
    { "V7_reconnecting", V7_reconnecting },
    { "V7_no_memory", V7_no_memory },
    { "V6_V7_over_a_socket_file", V6_V7_over_a_socket_file },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
