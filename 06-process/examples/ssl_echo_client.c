/* SPDX-License-Identifier: MIT
 *
 * ssl_echo_client - says hello over TLS, prints the answer, and how it ended:
 * an SSLClient as a service.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/text.h"
#include "program/endpoint.h"
#include "protocol/log.h"
#include "services/application.h"
#include "services/ssl_service.h"

struct echo_factory {
    struct factory base;
    struct reactor *reactor;
    int status; /* of the program */
};

static void echo_connection_made(struct protocol *self)
{
    transport_write_text(self->transport, "hello!");
}

static void echo_data_received(struct protocol *self, const char *data,
                               size_t length)
{
    printf("Server said: ");
    text_print(data, length, TEXT_LINE);
    printf("\n");
    transport_lose_connection(self->transport);
}

static const struct protocol_class EchoClient = {
    .name = "EchoClient",
    .size = sizeof(struct protocol),
    .connection_made = echo_connection_made,
    .data_received = echo_data_received,
};

/* Both ends of an attempt: it has failed, or it has been. */
static void goodbye(struct factory *base, struct connector *connector,
                    struct failure reason)
{
    struct echo_factory *self = (struct echo_factory *)base;
    char text[FAILURE_TEXT_MAX];

    (void)connector;
    printf("%s\n", failure_message(reason, text));
    self->status = !failure_check(reason, &ConnectionDone);
    reactor_stop(self->reactor);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 8000, .about = "says hello over TLS." };
    struct ssl_connector_options tls = { .timeout = 0 };
    const struct option extra[] = {
        { "--ca", "FILE", OPTION_TEXT, &tls.ca_file, 0 },
        { "--name", "NAME", OPTION_TEXT, &tls.name, 0 },
        { "--unverified", NULL, OPTION_SWITCH, &tls.unverified, 0 },
        { 0 },
    };
    struct echo_factory factory = {
        .base = { .name = "EchoFactory",
                  .protocol = &EchoClient,
                  .quiet = true,
                  .client_connection_failed = goodbye,
                  .client_connection_lost = goodbye },
    };
    struct multi_service services;
    struct client_service client;
    struct application application;

    options_client(&options, extra, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    factory.reactor = reactor;
    log_start(stderr, reactor); /* says so when nobody is verified */
    multi_service_init(&services);
    client_service_init_ssl(&client, reactor, options.host, options.port,
                            &factory.base, &tls);
    multi_service_add(&services, &client.base);
    if (application_start(&application, &services.base, reactor) < 0)
        factory.status =
            options_failed(&options, options.host, strerror(errno));
    else if (endpoint_run(&options, reactor) == 0)
        return factory.status;
    else
        return 1;
    reactor_free(reactor);
    return factory.status;
}
