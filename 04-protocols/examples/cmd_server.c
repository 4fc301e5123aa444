/* SPDX-License-Identifier: MIT
 *
 * cmd_server - logs the lines that its clients send, and has room for
 * clients_max of them.
 */
#include <stdio.h>

#include "framing/line_receiver.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "protocol/log.h"

struct my_factory {
    struct factory base;
    int clients_max;
    int clients; /* that are connected and were not turned away */
};

struct cmd_protocol {
    struct line_receiver base;
    char client_ip[ADDRESS_TEXT_MAX]; /* empty: turned away */
};

static void cmd_connection_made(struct protocol *base)
{
    struct cmd_protocol *self = (struct cmd_protocol *)base;
    struct my_factory *factory = (struct my_factory *)base->factory;
    struct address peer;

    transport_get_peer(base->transport, &peer);
    address_host(&peer, self->client_ip);
    log_message("Client connection from %s", self->client_ip);
    if (factory->clients >= factory->clients_max) {
        log_message("Too many connections. bye !");
        self->client_ip[0] = '\0';
        transport_lose_connection(base->transport);
    } else {
        factory->clients++;
    }
}

static void cmd_connection_lost(struct protocol *base, struct failure reason)
{
    struct cmd_protocol *self = (struct cmd_protocol *)base;
    char text[FAILURE_TEXT_MAX];

    log_message("Lost client connection. Reason: %s",
                failure_message(reason, text));
    if (self->client_ip[0])
        ((struct my_factory *)base->factory)->clients--;
    line_receiver_connection_lost(base, reason);
}

static void cmd_line_received(struct line_receiver *base, const char *line,
                              size_t length)
{
    struct cmd_protocol *self = (struct cmd_protocol *)base;
    char text[LOG_TEXT_MAX];

    log_message("Cmd received from %s : %s", self->client_ip,
                text_escape(line, length, text, sizeof(text), TEXT_LOG));
}

static const struct line_receiver_class CmdProtocol = {
    .base =
        {
            .name = "CmdProtocol",
            .size = sizeof(struct cmd_protocol),
            .connection_made = cmd_connection_made,
            .data_received = line_receiver_data_received,
            .connection_lost = cmd_connection_lost,
        },
    .delimiter = "\n",
    .line_received = cmd_line_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9999,
                               .about = "logs the lines of its clients." };
    struct my_factory factory = {
        .base = { .name = "MyFactory", .protocol = &CmdProtocol.base },
        .clients_max = 2,
    };
    const struct option extra[] = {
        { "-c", "CLIENTS_MAX", OPTION_NUMBER, &factory.clients_max, 1 << 20 },
        { 0 },
    };

    options_server(&options, extra, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    log_start(stdout, reactor);
    endpoint_listen_logged(&options, reactor, &factory.base);
    return endpoint_run(&options, reactor);
}
