/* SPDX-License-Identifier: MIT
 *
 * unix_server - the echo server at a path. The protocol and the factory are
 * those of echo_server: they have not heard of the change.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "program/endpoint.h"
#include "unix/unix_port.h"

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
    struct options options = { .about = "is the echo server at a path." };
    struct factory factory = { .name = "EchoFactory", .protocol = &Echo };
    const struct unix_port_options where = { .want_pid = true };
    const char *path;
    const struct option table[] = {
        { "-r", "select|poll|epoll", OPTION_CHOICE, &options.reactor, 0 },
        { NULL, "PATH", OPTION_OPERAND, &path, 0 },
        { 0 },
    };

    options_plain(&options, table, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    if (!reactor_listen_unix(reactor, path, &factory, &where)) {
        int status = options_failed(&options, path, strerror(errno));
        reactor_free(reactor);
        return status;
    }
    printf("listening on %s\n", path);
    return endpoint_run(&options, reactor);
}
