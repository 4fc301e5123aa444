/* SPDX-License-Identifier: MIT
 *
 * reconnecting_client - stays with an echo server: when that goes, or is not
 * there yet, it tries again, each time a little later.
 */
#include <stdio.h>

#include "net/text.h"
#include "program/endpoint.h"
#include "protocol/log.h"
#include "stream/reconnecting_client_factory.h"

struct staying_factory {
    struct reconnecting_client_factory base;
    struct reactor *reactor;
};

static void staying_connection_made(struct protocol *self)
{
    transport_write_text(self->transport, "hello!");
}

/* The answer is the proof that it was worth to come: only now is the next wait
 * short again, not as soon as somebody accepts us and hangs up. */
static void staying_data_received(struct protocol *self, const char *data,
                                  size_t length)
{
    char text[LOG_TEXT_MAX];

    log_message("Server said: %s",
                text_escape(data, length, text, sizeof(text), TEXT_LOG));
    reconnecting_client_factory_reset_delay(
        (struct reconnecting_client_factory *)self->factory);
}

static void staying_connection_lost(struct protocol *self,
                                    struct failure reason)
{
    char text[FAILURE_TEXT_MAX];

    (void)self;
    log_message("%s", failure_message(reason, text));
}

static const struct protocol_class Staying = {
    .name = "Staying",
    .size = sizeof(struct protocol),
    .connection_made = staying_connection_made,
    .data_received = staying_data_received,
    .connection_lost = staying_connection_lost,
};

/* The factory has the connector while it will try again. */
static void stop_if_abandoned(struct staying_factory *self)
{
    if (!self->base.connector)
        reactor_stop(self->reactor);
}

static void client_connection_failed(struct factory *base,
                                     struct connector *connector,
                                     struct failure reason)
{
    char text[FAILURE_TEXT_MAX];

    log_message("%s", failure_message(reason, text));
    reconnecting_client_factory_retry(base, connector, reason);
    stop_if_abandoned((struct staying_factory *)base);
}

static void client_connection_lost(struct factory *base,
                                   struct connector *connector,
                                   struct failure reason)
{
    reconnecting_client_factory_retry(base, connector, reason);
    stop_if_abandoned((struct staying_factory *)base);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 1234,
                               .about = "stays with an echo server." };
    struct staying_factory factory;
    int retries = 0;
    const struct option extra[] = {
        { "-n", "RETRIES", OPTION_NUMBER, &retries, 1 << 20 },
        { 0 },
    };

    reconnecting_client_factory_init(&factory.base, "StayingFactory", &Staying);
    factory.base.base.client_connection_failed = client_connection_failed;
    factory.base.base.client_connection_lost = client_connection_lost;
    options_client(&options, extra, argc, argv);
    factory.base.max_retries = retries; /* 0: for ever */
    factory.reactor = endpoint_reactor(&options);
    log_start(stdout, factory.reactor);
    endpoint_connect_tcp(&options, factory.reactor, &factory.base.base);
    return endpoint_run(&options, factory.reactor);
}
