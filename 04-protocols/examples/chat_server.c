/* SPDX-License-Identifier: MIT
 *
 * chat_server - each line goes to every other client. Who is there is the
 * factory's to know: it was there before the first of them and will be after
 * the last.
 */
#include <stdio.h>
#include <string.h>

#include "framing/line_receiver.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "protocol/log.h"

enum { BEHIND_MAX = 1 << 20 }; /* bytes that a client may leave unread */

struct chat_factory {
    struct factory base;
    struct chat_client *first;
};

struct chat_client {
    struct line_receiver base;
    struct chat_client *next, **link; /* among the factory's clients */
    char name[ADDRESS_TEXT_MAX];      /* "127.0.0.1:54321" */
};

static void chat_connection_made(struct protocol *base)
{
    struct chat_client *self = (struct chat_client *)base;
    struct chat_factory *factory = (struct chat_factory *)base->factory;
    struct address peer;

    transport_get_peer(base->transport, &peer);
    address_text(&peer, self->name);
    log_message("%s has come", self->name);
    self->next = factory->first;
    self->link = &factory->first;
    if (self->next)
        self->next->link = &self->next;
    factory->first = self;
}

static void chat_connection_lost(struct protocol *base, struct failure reason)
{
    struct chat_client *self = (struct chat_client *)base;
    char text[FAILURE_TEXT_MAX];

    log_message("%s has gone: %s", self->name, failure_message(reason, text));
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    line_receiver_connection_lost(base, reason);
}

static void send_to(struct chat_client *to, const struct chat_client *from,
                    const char *line)
{
    struct transport *transport = to->base.base.transport;

    if (transport_disconnecting(transport))
        return;
    if (transport_queued(transport) + strlen(line) > BEHIND_MAX) {
        log_message("%s is too far behind", to->name);
        transport_abort_connection(transport);
        return;
    }
    transport_write_text(transport, from->name);
    transport_write_text(transport, "> ");
    transport_write_text(transport, line);
    transport_write_text(transport, "\r\n");
}

/* Lines end in CR LF or in LF. A CR in the middle of one would take the cursor
 * of all others back to its beginning, and what follows would stand where the
 * sender's name was: so what a terminal obeys is shown, not sent. */
static void chat_line_received(struct line_receiver *base, const char *line,
                               size_t length)
{
    struct chat_client *self = (struct chat_client *)base;
    struct chat_factory *factory = (struct chat_factory *)base->base.factory;
    char text[TEXT_ESCAPE_MAX * LINE_MAX_LENGTH + 1];

    if (length > 0 && line[length - 1] == '\r')
        length--;
    text_escape(line, length, text, sizeof(text), TEXT_LINE);
    for (struct chat_client *to = factory->first; to; to = to->next)
        if (to != self)
            send_to(to, self, text);
}

static const struct line_receiver_class Chat = {
    .base =
        {
            .name = "Chat",
            .size = sizeof(struct chat_client),
            .connection_made = chat_connection_made,
            .data_received = line_receiver_data_received,
            .connection_lost = chat_connection_lost,
        },
    .delimiter = "\n",
    .line_received = chat_line_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 8123,
                               .about = "hands each line to all others." };
    struct chat_factory factory = {
        .base = { .name = "ChatFactory", .protocol = &Chat.base },
    };

    options_server(&options, NULL, argc, argv);
    struct reactor *reactor = endpoint_reactor(&options);
    log_start(stdout, reactor);
    endpoint_listen_logged(&options, reactor, &factory.base);
    return endpoint_run(&options, reactor);
}
