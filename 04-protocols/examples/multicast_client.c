/* SPDX-License-Identifier: MIT
 *
 * multicast_client - asks a group, whoever that is, and prints each answer.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "examples/datagram.h"
#include "program/endpoint.h"
#include "udp/multicast.h"

static const char group[] = "228.0.0.5";
static const char question[] = "Client: Ping";

/* Seconds to wait for the first answer, and for others when there is one. */
static const double first_timeout = 3.0, others_timeout = 0.5;

struct ping {
    struct datagram_protocol base;
    struct reactor *reactor;
    struct delayed_call end;
    int answers;
};

static void datagram_received(struct datagram_protocol *base, const char *data,
                              size_t length, const struct address *from)
{
    struct ping *self = (struct ping *)base;

    datagram_print(data, length, from);
    if (self->answers++ == 0)
        delayed_call_reset(&self->end, others_timeout);
}

static const struct datagram_protocol_class Ping = {
    .name = "MulticastPingClient",
    .datagram_received = datagram_received,
};

static void leave(void *reactor)
{
    reactor_stop(reactor);
}

/* Asks, and arranges for the end. Returns 0, or -1 with errno. */
static int ask(struct ping *self, const struct options *options)
{
    const struct udp_options udp = { .interface = options->interface };
    struct address everybody;
    struct udp_port *port =
        reactor_listen_udp(self->reactor, 0, &self->base, &udp);

    if (!port || address_numeric(&everybody, group, options->port) < 0 ||
        multicast_set_interface(port, options->interface) < 0 ||
        udp_port_write(port, question, strlen(question), &everybody) < 0)
        return -1;
    return reactor_call_later(self->reactor, &self->end, first_timeout, leave,
                              self->reactor);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9999,
                               .about = "asks a group, prints the answers." };
    struct ping ping = { .base.class = &Ping };

    options_server(&options, NULL, argc, argv);
    ping.reactor = endpoint_reactor(&options);
    if (ask(&ping, &options) < 0) {
        int status = options_failed(&options, group, strerror(errno));
        reactor_free(ping.reactor);
        return status;
    }
    int status = endpoint_run(&options, ping.reactor);
    if (status == 0 && ping.answers == 0)
        status = options_failed(&options, group, "timed out, no answer");
    return status;
}
