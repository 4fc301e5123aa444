/* SPDX-License-Identifier: MIT
 *
 * client.c - from a client's options to its status.
 */
#include "program/client.h"

void client_failed(struct client *self, const char *what, const char *why)
{
    self->status = options_failed(self->options, what, why);
}

static void connection_failed(struct factory *base, struct connector *connector,
                              struct failure reason)
{
    struct client *self = (struct client *)base;
    char text[FAILURE_TEXT_MAX];

    client_failed(self, connector_host(connector),
                  failure_message(reason, text));
    reactor_stop(self->reactor);
}

int client_run(struct client *self, const struct options *options)
{
    self->base.client_connection_failed = connection_failed;
    self->options = options;
    self->reactor = endpoint_reactor(options);
    endpoint_connect_tcp(options, self->reactor, &self->base);
    int status = endpoint_run(options, self->reactor);
    return status ? status : self->status;
}
