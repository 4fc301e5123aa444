/* SPDX-License-Identifier: MIT
 *
 * multicast_server - joins a group and answers whoever asks it. Start it
 * twice: both hear the question, and both answer.
 */
#include <errno.h>
#include <string.h>

#include "examples/datagram.h"
#include "program/endpoint.h"
#include "udp/multicast.h"

static const char group[] = "228.0.0.5";
static const char question[] = "Client: Ping", answer[] = "Server: Pong";

/* The answer goes to the one who has asked, not to the group. */
static void datagram_received(struct datagram_protocol *self, const char *data,
                              size_t length, const struct address *from)
{
    datagram_print(data, length, from);
    if (length == strlen(question) && !memcmp(data, question, length))
        udp_port_write(self->transport, answer, strlen(answer), from);
}

static const struct datagram_protocol_class PingPong = {
    .name = "MulticastPingPong",
    .datagram_received = datagram_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9999,
                               .about = "answers whoever asks its group." };
    struct datagram_protocol protocol = { .class = &PingPong };
    /* Bound to the group, and not to every address, the port hears nothing but
     * the group. -i is where the group is joined. */
    const struct udp_options udp = { .interface = group,
                                     .listen_multiple = true };

    options_server(&options, NULL, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    struct udp_port *port = datagram_listen(&options, reactor, &protocol, &udp);
    if (multicast_join_group(port, group, options.interface) == 0) {
        datagram_ready(port);
        return endpoint_run(&options, reactor);
    }
    int status = options_failed(&options, options.interface, strerror(errno));
    reactor_free(reactor);
    return status;
}
