/* SPDX-License-Identifier: MIT
 *
 * echo_server - sends back what comes. This is all of it.
 */
#include "program/endpoint.h"

static void echo_data_received(struct protocol *self, const char *data,
                               size_t length)
{
    transport_write(self->transport, data, length);
}

static const struct protocol_class Echo = {
    .name = "Echo",
    .size = sizeof(struct protocol),
    .data_received = echo_data_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 1234, .about = "echoes what comes." };
    struct factory factory = { .name = "EchoFactory", .protocol = &Echo };

    options_server(&options, NULL, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    endpoint_listen_tcp(&options, reactor, &factory);
    return endpoint_run(&options, reactor);
}
