/* SPDX-License-Identifier: MIT
 *
 * A service and the life of its reactor: started before the loop, stopped in
 * the first phase of the shutdown, which waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/application.h"
#include "services/client_service.h"
#include "services/server_service.h"
#include "services/timer_service.h"
#include "talk.h"
#include "unix/unix_port.h"

static const struct tcp_port_options here = { "127.0.0.1", 0 };

static const double pause_seconds = 0.02;

/* A service that takes its time to stop. */
struct slow {
    struct service base;
    struct reactor *reactor;
    struct delayed_call call;
    int error; /* of its start; 0: none */
};

static int slow_start(struct service *base)
{
    unit_note("start ");
    errno = ((struct slow *)base)->error;
    return errno ? -1 : 0;
}

static void slow_stopped(void *argument)
{
    unit_note("stopped ");
    service_stopped(argument);
}

static void slow_stop(struct service *base)
{
    struct slow *self = (struct slow *)base;

    unit_note("stop ");
    CHECK(reactor_call_later(self->reactor, &self->call, pause_seconds,
                             slow_stopped, self) == 0);
}

static const struct service_class Slow = { NULL, slow_start, slow_stop };

static void running(void *reactor)
{
    unit_note("running ");
    loop_stop(reactor);
}

static void ended(void *argument)
{
    (void)argument;
    unit_note("ended ");
}

struct play {
    struct reactor *reactor;
    struct slow slow;
    struct application application;
    struct trigger running, ended;
};

static void play_new(struct play *self, const char *poller)
{
    *self = (struct play){ .reactor = loop_new(poller) };
    self->slow = (struct slow){ .base.class = &Slow, .reactor = self->reactor };
    CHECK(reactor_call_when_running(self->reactor, &self->running, running,
                                    self->reactor) == 0);
    CHECK(reactor_add_trigger(self->reactor, TRIGGER_AFTER, REACTOR_SHUTDOWN,
                              &self->ended, ended, NULL) == 0);
}

static int play_start(struct play *self)
{
    return application_start(&self->application, &self->slow.base,
                             self->reactor);
}

static void P14_the_shutdown_waits(const char *poller)
{
    struct play it;

    play_new(&it, poller);
    CHECK(play_start(&it) == 0 && it.slow.base.running);
    CHECK(reactor_run(it.reactor) == 0);
    CHECK(unit_noted("start running stop stopped ended "));
    CHECK(!it.slow.base.running && !it.slow.base.parent);
    reactor_free(it.reactor);
}

/* Stopped by somebody else, a moment before: it is waited for all the same. */
static void P14_stopped_a_moment_before(const char *poller)
{
    struct play it;

    play_new(&it, poller);
    CHECK(play_start(&it) == 0);
    CHECK(service_stop(&it.slow.base, ended, NULL) == 0);
    CHECK(reactor_run(it.reactor) == 0);
    CHECK(unit_noted("start stop running stopped ended ended "));
    reactor_free(it.reactor);
}

static void P14_a_start_that_fails(const char *poller)
{
    struct play it;
    struct server_service server;
    struct multi_service whole;
    struct talk talk;

    play_new(&it, poller);
    talk_join(&talk, it.reactor, &Talker);
    multi_service_init(&whole);
    server_service_init_tcp(&server, it.reactor, 0, &talk.base, &here);
    CHECK(multi_service_add(&whole, &server.base) == 0);
    CHECK(multi_service_add(&whole, &it.slow.base) == 0);
    it.slow.error = EDOM;
    CHECK(application_start(&it.application, &whole.base, it.reactor) == -1);
    CHECK(errno == EDOM && talk.started == 1);
    CHECK(reactor_run(it.reactor) == 0);
    CHECK(unit_noted("start stop running stopped ended "));
    CHECK(talk.stopped == 1 && !server.port && !whole.base.parent);
    reactor_free(it.reactor);
}

/* The loop never runs. */
static void P14_given_up(const char *poller)
{
    struct application application;
    struct server_service first, second;
    struct multi_service whole;
    struct talk talk;
    int number, fd = peer_listen(1, &number);

    talk_new(&talk, poller, &Talker);
    multi_service_init(&whole);
    server_service_init_tcp(&first, talk.reactor, 0, &talk.base, &here);
    server_service_init_tcp(&second, talk.reactor, number, &talk.base, &here);
    CHECK(multi_service_add(&whole, &first.base) == 0);
    CHECK(multi_service_add(&whole, &second.base) == 0);
    CHECK(application_start(&application, &whole.base, talk.reactor) == -1);
    CHECK(errno == EADDRINUSE && first.port && !second.port);
    talk_free(&talk);
    CHECK(!first.port && !whole.base.parent);
    close(fd);
}

static void P14_one_that_has_a_parent(const char *poller)
{
    struct play it;
    struct multi_service whole;

    play_new(&it, poller);
    multi_service_init(&whole);
    CHECK(multi_service_add(&whole, &it.slow.base) == 0);
    CHECK(play_start(&it) == -1 && errno == EBUSY);
    CHECK(unit_noted("") && it.slow.base.parent == &whole);
    CHECK(application_start(&it.application, &whole.base, it.reactor) == 0);
    CHECK(reactor_run(it.reactor) == 0);
    CHECK(unit_noted("start running stop stopped ended "));
    reactor_free(it.reactor);
}

/* Every kind that there is, in one whole; all of it stops, and nobody has to
 * free anything. */
struct all {
    struct talk talk, caller;
    struct server_service tcp, file;
    struct client_service client;
    struct timer_service timer;
    struct multi_service whole;
    struct application application;
    int ticks;
};

static void tick(void *argument)
{
    struct all *self = argument;

    self->ticks++;
    if (self->caller.made == 1 && self->talk.made == 1 &&
        self->client.base.running)
        reactor_stop(self->talk.reactor);
}

static void all_start(struct all *self, const char *path)
{
    struct reactor *reactor = self->talk.reactor;

    multi_service_init(&self->whole);
    server_service_init_tcp(&self->tcp, reactor, 0, &self->talk.base, &here);
    server_service_init_unix(&self->file, reactor, path, &self->talk.base,
                             NULL);
    timer_service_init(&self->timer, reactor, 0.001, tick, self);
    CHECK(multi_service_add(&self->whole, &self->tcp.base) == 0);
    CHECK(multi_service_add(&self->whole, &self->file.base) == 0);
    CHECK(multi_service_add(&self->whole, &self->timer.base) == 0);
    CHECK(application_start(&self->application, &self->whole.base, reactor) ==
          0);
}

static void P14_all_kinds(const char *poller)
{
    char folder[] = "/tmp/service-XXXXXX", path[64];
    struct address address;
    struct stat status;
    struct all it = { .ticks = 0 };

    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/socket", folder);
    talk_new(&it.talk, poller, &Talker);
    talk_join(&it.caller, it.talk.reactor, &Talker);
    all_start(&it, path);
    CHECK(it.ticks == 1 && stat(path, &status) == 0);
    CHECK(port_get_host(it.tcp.port, &address) == 0);
    client_service_init_tcp(&it.client, it.talk.reactor, "127.0.0.1",
                            address_port(&address), &it.caller.base, NULL);
    CHECK(multi_service_add(&it.whole, &it.client.base) == 0);
    CHECK(reactor_run(it.talk.reactor) == 0);
    CHECK(it.ticks > 1 && it.caller.lost == 1 && it.talk.lost == 1);
    CHECK(!it.tcp.port && !it.file.port && it.caller.stopped == 1);
    CHECK(stat(path, &status) < 0 && rmdir(folder) == 0);
    talk_free(&it.talk);
}

static const struct unit_case cases[] = {
    { "P14_the_shutdown_waits", P14_the_shutdown_waits },
    { "P14_stopped_a_moment_before", P14_stopped_a_moment_before },
    { "P14_a_start_that_fails", P14_a_start_that_fails },
    { "P14_given_up", P14_given_up },
    { "P14_one_that_has_a_parent", P14_one_that_has_a_parent },
    { "P14_all_kinds", P14_all_kinds },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
