/* SPDX-License-Identifier: MIT
 *
 * line_server - sends back every line that comes, as a line: what a protocol
 * on top of LineReceiver costs.
 */
#include "framing/line_receiver.h"
#include "program/endpoint.h"

static const struct line_receiver_class EchoLines = {
    .base = {
        .name = "EchoLines",
        .size = sizeof(struct line_receiver),
        .data_received = line_receiver_data_received,
        .connection_lost = line_receiver_connection_lost,
    },
    .line_received = line_receiver_send_line,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 8000 };
    struct factory factory = { .name = "EchoLinesFactory",
                               .protocol = &EchoLines.base };

    options_server(&options, NULL, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    endpoint_listen_tcp(&options, reactor, &factory);
    reactor_run(reactor);
    reactor_free(reactor);
    return 0;
}
