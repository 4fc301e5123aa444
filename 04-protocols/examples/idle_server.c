/* SPDX-License-Identifier: MIT
 *
 * idle_server - an echo server that does not wait for ever: who says nothing
 * for a while is hung up on, and of those whose machine has gone without a word
 * the kernel is asked to tell.
 */
#include <stdio.h>

#include "program/endpoint.h"
#include "protocol/log.h"
#include "protocol/timeout.h"
#include "stream/tcp_options.h"

struct idle_factory {
    struct factory base;
    int seconds; /* of silence */
};

struct idle_protocol {
    struct protocol base;
    struct timeout timeout;
};

static void idle_expired(void *argument)
{
    struct protocol *base = argument;

    log_message("Nothing has come for %d seconds",
                ((struct idle_factory *)base->factory)->seconds);
    transport_lose_connection(base->transport);
}

/* Keep-alive costs a packet every two hours. Without it a client that was
 * switched off, or whose wire was cut, would stay until we write to it. */
static void idle_connection_made(struct protocol *base)
{
    struct idle_protocol *self = (struct idle_protocol *)base;

    tcp_options_set_no_delay(base->transport, true);
    tcp_options_set_keep_alive(base->transport, true);
    log_message("no delay: %s, keep alive: %s",
                tcp_options_get_no_delay(base->transport) > 0 ? "on" : "off",
                tcp_options_get_keep_alive(base->transport) > 0 ? "on" : "off");
    timeout_start(&self->timeout, base,
                  ((struct idle_factory *)base->factory)->seconds,
                  idle_expired);
}

static void idle_data_received(struct protocol *base, const char *data,
                               size_t length)
{
    timeout_reset(&((struct idle_protocol *)base)->timeout);
    transport_write(base->transport, data, length);
}

static void idle_connection_lost(struct protocol *base, struct failure reason)
{
    char text[FAILURE_TEXT_MAX];

    timeout_stop(&((struct idle_protocol *)base)->timeout);
    log_message("%s", failure_message(reason, text));
}

static const struct protocol_class Idle = {
    .name = "Idle",
    .size = sizeof(struct idle_protocol),
    .connection_made = idle_connection_made,
    .data_received = idle_data_received,
    .connection_lost = idle_connection_lost,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 8007,
                               .about = "is an echo server with a timeout." };
    struct idle_factory factory = {
        .base = { .name = "IdleFactory", .protocol = &Idle },
        .seconds = 60,
    };
    const struct option extra[] = {
        { "-s", "SECONDS", OPTION_NUMBER, &factory.seconds, 86400 },
        { 0 },
    };

    options_server(&options, extra, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    log_start(stdout, reactor);
    endpoint_listen_logged(&options, reactor, &factory.base);
    return endpoint_run(&options, reactor);
}
