/* SPDX-License-Identifier: MIT
 *
 * monitor - asks an echo server every SECONDS whether it is there. A client
 * service keeps the connection, and makes it again when it is lost; a timer
 * service asks. Neither knows of the other.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "program/endpoint.h"
#include "protocol/log.h"
#include "services/application.h"
#include "services/client_service.h"
#include "services/timer_service.h"
#include "stream/reconnecting_client_factory.h"

/* A day. */
enum { SECONDS_MAX = 24 * 60 * 60 };

static const char question[] = "are you there?";

struct monitor {
    struct reconnecting_client_factory factory;
    struct reactor *reactor;
    struct protocol *connected; /* NULL: nobody is there */
    size_t due;                 /* bytes of answers that are not in */
    struct client_service client;
    struct timer_service timer;
    struct multi_service services; /* the two */
    struct application application;
};

static void probe_connection_made(struct protocol *protocol)
{
    struct monitor *self = (struct monitor *)protocol->factory;

    self->connected = protocol;
    self->due = 0;
    reconnecting_client_factory_reset_delay(&self->factory);
    log_message("The server is there");
}

static void probe_data_received(struct protocol *protocol, const char *data,
                                size_t length)
{
    struct monitor *self = (struct monitor *)protocol->factory;

    (void)data;
    self->due -= length < self->due ? length : self->due;
    if (self->due == 0)
        log_message("The server has answered");
}

static void probe_connection_lost(struct protocol *protocol,
                                  struct failure reason)
{
    struct monitor *self = (struct monitor *)protocol->factory;
    char text[FAILURE_TEXT_MAX];

    self->connected = NULL;
    log_message("The server is gone: %s", failure_message(reason, text));
}

static const struct protocol_class Probe = {
    .name = "Probe",
    .size = sizeof(struct protocol),
    .connection_made = probe_connection_made,
    .data_received = probe_data_received,
    .connection_lost = probe_connection_lost,
};

/* When the program ends, the service loses the connection; without the question
 * the factory would make another. */
static void client_connection_lost(struct factory *factory,
                                   struct connector *connector,
                                   struct failure reason)
{
    if (reactor_running(((struct monitor *)factory)->reactor))
        reconnecting_client_factory_retry(factory, connector, reason);
}

/* A server that owes us an answer is not sent a pile of questions. */
static void ask(void *argument)
{
    struct monitor *self = argument;

    if (!self->connected)
        return;
    if (self->due > 0) {
        log_message("The server does not answer");
        return;
    }
    self->due = strlen(question);
    transport_write_text(self->connected->transport, question);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 1234,
                               .about = "asks whether an echo server is up." };
    int seconds = 1;
    const struct option extra[] = {
        { "-s", "SECONDS", OPTION_NUMBER, &seconds, SECONDS_MAX },
        { 0 },
    };
    struct monitor self = { .connected = NULL };

    options_client(&options, extra, argc, argv);
    reconnecting_client_factory_init(&self.factory, "ProbeFactory", &Probe);
    self.factory.base.client_connection_lost = client_connection_lost;
    self.reactor = endpoint_reactor(&options);
    log_start(stdout, self.reactor);
    client_service_init_tcp(&self.client, self.reactor, options.host,
                            options.port, &self.factory.base, NULL);
    timer_service_init(&self.timer, self.reactor, seconds > 0 ? seconds : 0.1,
                       ask, &self);
    multi_service_init(&self.services);
    multi_service_add(&self.services, &self.client.base);
    multi_service_add(&self.services, &self.timer.base);
    if (application_start(&self.application, &self.services.base,
                          self.reactor) == 0)
        return endpoint_run(&options, self.reactor);
    int status = options_failed(&options, options.host, strerror(errno));
    reactor_free(self.reactor);
    return status;
}
