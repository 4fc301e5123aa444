/* SPDX-License-Identifier: MIT
 *
 * unix_datagram_server - sends each datagram back to the socket file that it
 * came from.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "examples/datagram.h"
#include "program/endpoint.h"
#include "unix/unix_datagram.h"

/* A sender without a file cannot be answered, and a full one loses it. */
static void datagram_received(struct datagram_protocol *self, const char *data,
                              size_t length, const struct address *from)
{
    udp_port_write(self->transport, data, length, from);
}

static const struct datagram_protocol_class Echo = {
    .name = "Echo",
    .datagram_received = datagram_received,
};

int main(int argc, char **argv)
{
    struct options options = { .about = "sends each datagram back." };
    struct datagram_protocol echo = { .class = &Echo };
    const struct unix_datagram_options large = { .max_packet_size =
                                                     DATAGRAM_MAX };
    const char *path = NULL;
    const struct option table[] = {
        { "-r", "select|poll|epoll", OPTION_CHOICE, &options.reactor, 0 },
        { NULL, "PATH", OPTION_OPERAND, &path, 0 },
        { 0 },
    };

    options_plain(&options, table, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    if (!reactor_listen_unix_datagram(reactor, path, &echo, &large)) {
        int status = options_failed(&options, path, strerror(errno));
        reactor_free(reactor);
        return status;
    }
    printf("listening on %s\n", path);
    return endpoint_run(&options, reactor);
}
