/* SPDX-License-Identifier: MIT
 *
 * Services with a port: row V6, for each kind. Each case bears the name of its
 * row.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/net.h"
#include "services/server_service.h"
#include "stream/tcp_port.h"
#include "talk.h"
#include "udp/multicast.h"
#include "unix/unix_datagram.h"

static const struct tcp_port_options here = { "127.0.0.1", 0 };

static void done(void *word)
{
    unit_note(word);
}

/* A TCP server on a number of the kernel's choice, which it keeps. */
struct server {
    struct server_service service;
    struct talk talk;
};

static void number_of(struct server *self)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    CHECK(port_get_host(self->service.port, &address) == 0);
    CHECK(!strcmp(address_host(&address, text), here.interface));
    self->talk.number = self->service.number = address_port(&address);
}

static void server_new(struct server *self, const char *poller)
{
    talk_new(&self->talk, poller, &Talker);
    server_service_init_tcp(&self->service, self->talk.reactor, 0,
                            &self->talk.base, &here);
}

static void serve_one(struct server *self)
{
    int before = self->talk.lost, fd = talk_peer(&self->talk);

    close(fd);
    TALK_UNTIL(&self->talk, self->talk.lost == before + 1);
}

static bool refused(struct server *self)
{
    struct address address;
    int fd;

    CHECK(!address_resolve(&address, "127.0.0.1", self->talk.number));
    fd = probe_connect(&address);
    if (fd >= 0)
        close(fd);
    return fd < 0 && errno == ECONNREFUSED;
}

static void stop(struct server *self)
{
    CHECK(service_stop(&self->service.base, done, "=") == 0);
    CHECK(unit_noted("") && self->service.base.stopping);
    CHECK(service_start(&self->service.base) == -1 && errno == EBUSY);
    CHECK(service_stop(&self->service.base, done, "=") == -1);
    TALK_UNTIL(&self->talk, !self->service.base.stopping);
    CHECK(unit_noted("=") && !self->service.port && refused(self));
}

static void V6_listens_in_the_start(const char *poller)
{
    struct server it;

    server_new(&it, poller);
    CHECK(it.talk.started == 0 && !it.service.port);
    CHECK(service_start(&it.service.base) == 0);
    CHECK(it.talk.started == 1);
    number_of(&it);
    CHECK(service_start(&it.service.base) == -1 && errno == EALREADY);
    CHECK(it.talk.started == 1 && it.talk.base.ports == 1);
    serve_one(&it);
    stop(&it);
    talk_free(&it.talk);
}

static void V6_listens_in_the_privileged_start(const char *poller)
{
    struct server it;

    server_new(&it, poller);
    CHECK(service_privileged_start(&it.service.base) == 0);
    CHECK(it.talk.started == 1 && !it.service.base.running);
    number_of(&it);
    CHECK(service_privileged_start(&it.service.base) == 0);
    CHECK(service_start(&it.service.base) == 0);
    CHECK(service_privileged_start(&it.service.base) == 0);
    CHECK(it.talk.started == 1 && it.talk.base.ports == 1);
    serve_one(&it);
    stop(&it);
    talk_free(&it.talk);
}

/* Only the first of the starts has come. */
static void V6_stopped_before_the_start(const char *poller)
{
    struct server it;

    server_new(&it, poller);
    CHECK(service_stop(&it.service.base, done, "=") == 0 && unit_noted("="));
    CHECK(service_privileged_start(&it.service.base) == 0);
    number_of(&it);
    stop(&it);
    talk_free(&it.talk);
}

static void V6_started_again(const char *poller)
{
    struct server it;

    server_new(&it, poller);
    CHECK(service_start(&it.service.base) == 0);
    number_of(&it);
    for (int times = 1; times <= 3; times++) {
        serve_one(&it);
        CHECK(it.talk.started == times);
        stop(&it);
        CHECK(it.talk.stopped == times);
        CHECK(service_start(&it.service.base) == 0);
    }
    serve_one(&it);
    talk_free(&it.talk); /* and the port, that nobody has stopped */
}

static void start_again(void *argument)
{
    struct server *self = argument;

    unit_note("again ");
    CHECK(service_start(&self->service.base) == 0);
}

static void V6_started_again_when_it_has_stopped(const char *poller)
{
    struct server it;

    server_new(&it, poller);
    CHECK(service_start(&it.service.base) == 0);
    number_of(&it);
    CHECK(service_stop(&it.service.base, start_again, &it) == 0);
    TALK_UNTIL(&it.talk, it.talk.started == 2);
    CHECK(unit_noted("again ") && it.service.base.running);
    serve_one(&it);
    stop(&it);
    talk_free(&it.talk);
}

/* The connections are not the port's. */
static void V6_connections_stay(const char *poller)
{
    struct server it;

    server_new(&it, poller);
    CHECK(service_start(&it.service.base) == 0);
    number_of(&it);
    int fd = talk_peer(&it.talk);
    stop(&it);
    peer_send(fd, "still");
    TALK_UNTIL(&it.talk, it.talk.received == 5);
    close(fd);
    TALK_UNTIL(&it.talk, it.talk.lost == 1);
    talk_free(&it.talk);
}

static void V6_the_port_is_in_use(const char *poller)
{
    struct server it;
    int fd, number;

    server_new(&it, poller);
    fd = peer_listen(1, &number);
    it.service.number = number;
    CHECK(service_privileged_start(&it.service.base) == -1);
    CHECK(errno == EADDRINUSE && !it.service.port);
    CHECK(service_start(&it.service.base) == -1 && errno == EADDRINUSE);
    CHECK(service_start(&it.service.base) == -1 && errno == EALREADY);
    CHECK(service_stop(&it.service.base, done, "=") == 0 && unit_noted("="));
    CHECK(it.talk.started == 0);
    close(fd);
    CHECK(service_start(&it.service.base) == 0);
    number_of(&it);
    CHECK(it.talk.number == number);
    serve_one(&it);
    stop(&it);
    talk_free(&it.talk);
}

static void V6_no_memory(const char *poller)
{
    struct server it;
    int after = 0;

    server_new(&it, poller);
    for (bool failed = true; failed; after++) {
        unit_fail_allocation(after);
        failed = service_start(&it.service.base) < 0;
        CHECK(!failed || errno == ENOMEM);
        unit_fail_allocation(-1);
        if (failed)
            CHECK(service_stop(&it.service.base, NULL, NULL) == 0);
    }
    CHECK(after > 1 && it.talk.started == 1);
    number_of(&it);
    stop(&it);
    talk_free(&it.talk);
}

/* A whole of two stops when both ports are closed, whatever the order. */
static void V2_V6_two_in_a_whole(const char *poller)
{
    struct server it;
    struct server_service other;
    struct multi_service whole;

    server_new(&it, poller);
    multi_service_init(&whole);
    server_service_init_tcp(&other, it.talk.reactor, 0, &it.talk.base, &here);
    CHECK(multi_service_add(&whole, &it.service.base) == 0);
    CHECK(multi_service_add(&whole, &other.base) == 0);
    CHECK(service_privileged_start(&whole.base) == 0);
    CHECK(it.talk.started == 1 && it.talk.base.ports == 2);
    CHECK(service_start(&whole.base) == 0 && it.talk.base.ports == 2);
    number_of(&it);
    serve_one(&it);
    CHECK(service_stop(&whole.base, done, "=") == 0 && unit_noted(""));
    TALK_UNTIL(&it.talk, !whole.base.stopping);
    CHECK(unit_noted("=") && !it.service.port && !other.port);
    CHECK(it.talk.base.ports == 0 && refused(&it));
    talk_free(&it.talk);
}

/* --- datagrams --- */

struct hearer {
    struct datagram_protocol base;
    struct talk talk; /* for its loop */
    int started, stopped, heard;
    const char *group; /* to be joined */
};

static void hearer_start(struct datagram_protocol *base)
{
    struct hearer *self = (struct hearer *)base;

    self->started++;
    if (self->group &&
        multicast_join_group(base->transport, self->group, "127.0.0.1") < 0)
        self->group = NULL; /* not every machine has it */
}

static void hearer_stop(struct datagram_protocol *base)
{
    ((struct hearer *)base)->stopped++;
}

static void hear(struct datagram_protocol *base, const char *data,
                 size_t length, const struct address *from)
{
    CHECK(length == 5 && !memcmp(data, "hello", 5) && from);
    ((struct hearer *)base)->heard++;
}

static const struct datagram_protocol_class Hearer = {
    .name = "Hearer",
    .start_protocol = hearer_start,
    .stop_protocol = hearer_stop,
    .datagram_received = hear,
};

static void hearer_new(struct hearer *self, const char *poller)
{
    *self = (struct hearer){ .base.class = &Hearer };
    talk_new(&self->talk, poller, &Talker);
}

static void say_hello(struct server_service *service, const char *host)
{
    struct address address, to;
    int fd;

    CHECK(port_get_host(service->port, &address) == 0);
    CHECK(address_numeric(&to, host, address_port(&address)) == 0);
    fd = net_connect_udp(&to, NET_BLOCKING);
    CHECK(fd >= 0 && send(fd, "hello", 5, 0) == 5);
    close(fd);
}

/* It is at this address, as its options say. */
static void check_host(struct server_service *service, const char *host)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    CHECK(service_start(&service->base) == 0);
    CHECK(port_get_host(service->port, &address) == 0);
    CHECK(!strcmp(address_host(&address, text), host));
}

/* Both starts, the stop, and all of it again. */
static void datagrams(struct hearer *self, struct server_service *service,
                      void (*say)(struct server_service *service,
                                  const char *where),
                      const char *where)
{
    for (int times = 1; times <= 2; times++) {
        CHECK(service_privileged_start(&service->base) == 0);
        CHECK(self->started == times && !service->base.running);
        CHECK(service_start(&service->base) == 0 && self->started == times);
        say(service, where);
        TALK_UNTIL(&self->talk, self->heard == times);
        CHECK(service_stop(&service->base, done, "=") == 0 && unit_noted(""));
        TALK_UNTIL(&self->talk, !service->base.stopping);
        CHECK(unit_noted("=") && self->stopped == times && !service->port);
    }
}

static void V6_udp(const char *poller)
{
    static const struct udp_options local = { .interface = "127.0.0.1" };
    struct server_service service;
    struct hearer hearer;

    hearer_new(&hearer, poller);
    server_service_init_udp(&service, hearer.talk.reactor, 0, &hearer.base,
                            &local);
    datagrams(&hearer, &service, say_hello, "127.0.0.1");
    check_host(&service, "127.0.0.1");
    talk_free(&hearer.talk);
}

/* The port is shared with another who says so. */
static void V6_multicast(const char *poller)
{
    static const struct udp_options local = { .interface = "127.0.0.1" };
    struct server_service service, other;
    struct hearer hearer, neighbour;
    struct address address;

    hearer_new(&hearer, poller);
    hearer.group = "228.0.0.5";
    neighbour = (struct hearer){ .base.class = &Hearer };
    server_service_init_multicast(&service, hearer.talk.reactor, 0,
                                  &hearer.base, NULL);
    datagrams(&hearer, &service, say_hello, "127.0.0.1");
    CHECK(service_start(&service.base) == 0);
    CHECK(port_get_host(service.port, &address) == 0);
    server_service_init_multicast(&other, hearer.talk.reactor,
                                  address_port(&address), &neighbour.base,
                                  NULL);
    CHECK(service_start(&other.base) == 0 && neighbour.started == 1);
    CHECK(service_stop(&service.base, NULL, NULL) == 0);
    CHECK(service_stop(&other.base, done, "=") == 0);
    TALK_UNTIL(&hearer.talk, !service.base.stopping && !other.base.stopping);
    CHECK(unit_noted("="));
    server_service_init_multicast(&other, hearer.talk.reactor, 0,
                                  &neighbour.base, &local);
    check_host(&other, "127.0.0.1");
    talk_free(&hearer.talk);
}

static void say_to_file(struct server_service *service, const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    (void)service;
    CHECK(fd >= 0 && strlen(path) < sizeof(to.sun_path));
    strcpy(to.sun_path, path);
    CHECK(sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)) == 5);
    close(fd);
}

static void V6_V7_unix_datagram(const char *poller)
{
    static const struct unix_datagram_options narrow = { .mode = 0600 };
    char folder[] = "/tmp/service-XXXXXX", path[64];
    struct server_service service, client;
    struct hearer hearer, caller;
    struct stat status;

    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/socket", folder);
    hearer_new(&hearer, poller);
    caller = (struct hearer){ .base.class = &Hearer };
    server_service_init_unix_datagram(&service, hearer.talk.reactor, path,
                                      &hearer.base, &narrow);
    datagrams(&hearer, &service, say_to_file, path);
    CHECK(stat(path, &status) < 0 && errno == ENOENT);
    server_service_init_unix_datagram_client(&client, hearer.talk.reactor, path,
                                             &caller.base, NULL);
    CHECK(service_privileged_start(&client.base) == 0); /* does nothing */
    CHECK(service_start(&client.base) == -1 && errno == ENOENT);
    CHECK(service_stop(&client.base, done, "=") == 0 && unit_noted("="));
    CHECK(service_start(&service.base) == 0);
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
    CHECK(service_start(&client.base) == 0 && caller.started == 1);
    CHECK(udp_port_write((struct udp_port *)client.port, "hello", 5, NULL) ==
          0);
    TALK_UNTIL(&hearer.talk, hearer.heard == 3);
    CHECK(service_stop(&client.base, done, "=") == 0);
    CHECK(service_stop(&service.base, done, "=") == 0);
    TALK_UNTIL(&hearer.talk, !client.base.stopping && !service.base.stopping);
    CHECK(unit_noted("==") && rmdir(folder) == 0);
    talk_free(&hearer.talk);
}

/* The port ends without the service: it must not be asked any more. */
static void V6_a_port_that_ends_by_itself(const char *poller)
{
    struct server it;

    server_new(&it, poller);
    CHECK(service_start(&it.service.base) == 0);
    number_of(&it);
    port_stop_listening(it.service.port);
    TALK_UNTIL(&it.talk, !it.service.port);
    CHECK(it.talk.stopped == 1 && refused(&it));
    CHECK(service_stop(&it.service.base, done, "=") == 0 && unit_noted("="));
    /* The same in the turn of the stop. */
    CHECK(service_start(&it.service.base) == 0);
    number_of(&it);
    port_stop_listening(it.service.port);
    CHECK(service_stop(&it.service.base, done, "=") == 0);
    TALK_UNTIL(&it.talk, !it.service.base.stopping);
    CHECK(unit_noted("=") && !it.service.port);
    talk_free(&it.talk);
}

static struct service *to_stop;

static void stop_at_once(struct factory *factory)
{
    (void)factory;
    CHECK(service_stop(to_stop, done, "=") == 0);
}

static void V6_stopped_in_start_factory(const char *poller)
{
    struct server it;

    server_new(&it, poller);
    to_stop = &it.service.base;
    it.talk.base.start_factory = stop_at_once;
    CHECK(service_start(&it.service.base) == -1 && errno == ECANCELED);
    CHECK(unit_noted("")); /* not before the port is closed */
    number_of(&it);
    TALK_UNTIL(&it.talk, !it.service.base.stopping);
    CHECK(unit_noted("=") && !it.service.port && refused(&it));
    it.talk.started = it.talk.stopped; /* nobody has counted the start */
    talk_free(&it.talk);
}

static const struct unit_case cases[] = {
    { "V6_a_port_that_ends_by_itself", V6_a_port_that_ends_by_itself },
    { "V6_stopped_in_start_factory", V6_stopped_in_start_factory },
    { "V6_listens_in_the_start", V6_listens_in_the_start },
    { "V6_listens_in_the_privileged_start",
      V6_listens_in_the_privileged_start },
    { "V6_stopped_before_the_start", V6_stopped_before_the_start },
    { "V6_started_again", V6_started_again },
    { "V6_started_again_when_stopped", V6_started_again_when_it_has_stopped },
    { "V6_connections_stay", V6_connections_stay },
    { "V6_the_port_is_in_use", V6_the_port_is_in_use },
    { "V6_no_memory", V6_no_memory },
    { "V2_V6_two_in_a_whole", V2_V6_two_in_a_whole },
    { "V6_udp", V6_udp },
    { "V6_multicast", V6_multicast },
    { "V6_V7_unix_datagram", V6_V7_unix_datagram },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
