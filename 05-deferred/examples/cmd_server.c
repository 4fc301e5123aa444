/* SPDX-License-Identifier: MIT
 *
 * cmd_server - does what the lines of its clients say: comphash PATH, or exit.
 * It has room for clients_max of them.
 */
#include <stdio.h>
#include <string.h>

#include "examples/comphash.h"
#include "framing/line_receiver.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "protocol/log.h"
#include "stream/tcp_options.h"

struct my_factory {
    struct factory base;
    int clients_max;
    int clients; /* that are connected and were not turned away */
};

struct cmd_protocol {
    struct line_receiver base;
    struct comphash comphash;
    char client_ip[ADDRESS_TEXT_MAX]; /* empty: turned away */
};

/* A line may have any byte in it, a NUL as well: so no function for strings. A
 * longer word counts, too ("exiting" is "exit"), as it does in the Python
 * server that this one is modelled on. */
static bool starts_with(const char *line, size_t length, const char *word)
{
    return length >= strlen(word) && !memcmp(line, word, strlen(word));
}

/* Hears no line any more, and leaves when what it has asked is answered: who
 * sends its commands and ends its stream wants the answers, too. */
static void leave(struct cmd_protocol *self)
{
    line_receiver_pause(&self->base);
    comphash_leave(&self->comphash);
}

static void process_cmd(struct cmd_protocol *self, const char *line,
                        size_t length)
{
    if (starts_with(line, length, "comphash"))
        comphash_line(&self->comphash, line, length);
    else if (starts_with(line, length, "exit"))
        leave(self);
    else
        transport_write_text(self->base.base.transport, "Command not found.\n");
}

static void cmd_connection_made(struct protocol *base)
{
    struct cmd_protocol *self = (struct cmd_protocol *)base;
    struct my_factory *factory = (struct my_factory *)base->factory;
    struct address peer;

    self->comphash.reactor = base->transport->reactor;
    self->comphash.client = &self->base;
    /* An answer does not wait until the one before is acknowledged. */
    tcp_options_set_no_delay(base->transport, true);
    transport_get_peer(base->transport, &peer);
    address_host(&peer, self->client_ip);
    /* The prefix of this line is the factory's: the port is still at it. */
    log_message("Client connection from %s", self->client_ip);
    /* The bytes that it has sent are not read: to lose the connection stops
     * that, so no line of it comes any more. */
    if (factory->clients >= factory->clients_max) {
        log_message("Too many connections. bye !");
        self->client_ip[0] = '\0';
        transport_lose_connection(base->transport);
    } else {
        factory->clients++;
    }
}

/* The client has ended its stream. Without this function the connection would
 * be closed now, and the answers that are under way would be lost. */
static void cmd_read_connection_lost(struct protocol *base)
{
    leave((struct cmd_protocol *)base);
}

static void cmd_connection_lost(struct protocol *base, struct failure reason)
{
    struct cmd_protocol *self = (struct cmd_protocol *)base;
    char text[FAILURE_TEXT_MAX];

    log_message("Lost client connection. Reason: %s",
                failure_message(reason, text));
    if (self->client_ip[0]) /* it was counted */
        ((struct my_factory *)base->factory)->clients--;
    /* First the input, so that no line comes while those that are under way are
     * cancelled. */
    line_receiver_connection_lost(base, reason);
    comphash_cancel(&self->comphash);
}

static void cmd_line_received(struct line_receiver *base, const char *line,
                              size_t length)
{
    struct cmd_protocol *self = (struct cmd_protocol *)base;
    char text[LOG_TEXT_MAX];

    /* The delimiter is LF; telnet and Windows send CR LF (RFC 854). */
    if (length > 0 && line[length - 1] == '\r')
        length--;
    log_message("Cmd received from %s : %s", self->client_ip,
                text_escape(line, length, text, sizeof(text), TEXT_LOG));
    process_cmd(self, line, length);
}

static const struct line_receiver_class CmdProtocol = {
    .base =
        {
            .name = "CmdProtocol",
            .size = sizeof(struct cmd_protocol),
            .connection_made = cmd_connection_made,
            .data_received = line_receiver_data_received,
            .read_connection_lost = cmd_read_connection_lost,
            .connection_lost = cmd_connection_lost,
        },
    .delimiter = "\n",
    .line_received = cmd_line_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9999,
                               .about = "does what the lines of clients say." };
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
