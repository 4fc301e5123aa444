/* SPDX-License-Identifier: MIT
 *
 * ssl_echo_server - sends back what comes over TLS: an SSLServer as a service,
 * with a certificate and its key in one file.
 */
#include <errno.h>

#include "program/endpoint.h"
#include "protocol/log.h"
#include "services/application.h"
#include "services/ssl_service.h"

static void echo_data_received(struct protocol *self, const char *data,
                               size_t length)
{
    transport_write(self->transport, data, length);
}

static void echo_connection_lost(struct protocol *self, struct failure reason)
{
    char text[FAILURE_TEXT_MAX];

    (void)self;
    log_message("%s", failure_message(reason, text));
}

static const struct protocol_class Echo = {
    .name = "Echo",
    .size = sizeof(struct protocol),
    .data_received = echo_data_received,
    .connection_lost = echo_connection_lost,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 8000,
                               .about = "sends back what comes over TLS." };
    struct ssl_port_options port = { .interface = NULL };
    const struct option extra[] = {
        { NULL, "CERT", OPTION_OPERAND, &port.certificate, 0 },
        { 0 },
    };
    struct factory factory = { .name = "EchoFactory", .protocol = &Echo };
    struct multi_service services;
    struct server_service server;
    struct application application;
    char text[SSL_PORT_TEXT_MAX];

    options_server(&options, extra, argc, argv);
    port.interface = options.interface;
    struct reactor *reactor = endpoint_reactor(&options);
    log_start(stdout, reactor);
    multi_service_init(&services);
    server_service_init_ssl(&server, reactor, options.port, &factory, &port);
    multi_service_add(&services, &server.base);
    if (application_start(&application, &services.base, reactor) == 0)
        return endpoint_run(&options, reactor);
    ssl_port_cannot_listen(text, options.port, &port, errno);
    int status = options_failed(&options, port.certificate, text);
    reactor_free(reactor);
    return status;
}
