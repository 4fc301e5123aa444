/* SPDX-License-Identifier: MIT
 *
 * unix_client - sends each line of the standard input to unix_server, waits
 * for the line that comes back, and prints it. Lines are of LINE_MAX_LENGTH at
 * most: above the high-water mark neither side would read what the other has
 * to get rid of before it reads again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "framing/line_receiver.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "program/keyboard.h"
#include "unix/unix_port.h"

struct unix_factory {
    struct factory base;
    struct reactor *reactor;
    const struct options *options;
    const char *path;
    int status; /* to leave with */
};

struct unix_client {
    struct line_receiver base;
    struct unix_factory *factory;
    struct keyboard *keyboard; /* NULL: there is none any more */
};

static void leave(struct unix_factory *self, const char *what, const char *why)
{
    self->status = options_failed(self->options, what, why);
    reactor_stop(self->reactor);
}

static void line_typed(void *argument, const char *line, size_t length)
{
    struct unix_client *self = argument;

    keyboard_pause(self->keyboard);
    if (length <= LINE_MAX_LENGTH)
        line_receiver_send_line(&self->base, line, length);
    else
        leave(self->factory, "standard input", strerror(EMSGSIZE));
}

static void keyboard_closed(void *argument, int error)
{
    struct unix_client *self = argument;

    self->keyboard = NULL;
    if (error)
        leave(self->factory, "standard input", strerror(error));
    else
        reactor_stop(self->factory->reactor);
}

static void line_received(struct line_receiver *base, const char *line,
                          size_t length)
{
    struct unix_client *self = (struct unix_client *)base;

    text_print(line, length, TEXT_LINES);
    putchar('\n');
    if (self->keyboard)
        keyboard_resume(self->keyboard);
}

static void connection_made(struct protocol *base)
{
    struct unix_client *self = (struct unix_client *)base;

    self->factory = (struct unix_factory *)base->factory;
    self->keyboard = keyboard_open(self->factory->reactor, "", line_typed,
                                   keyboard_closed, self);
    if (self->keyboard)
        keyboard_resume(self->keyboard);
    else
        leave(self->factory, "standard input", strerror(errno));
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    struct unix_client *self = (struct unix_client *)base;

    if (self->keyboard)
        keyboard_close(self->keyboard);
    if (reactor_running(self->factory->reactor)) /* it was not we who left */
        leave(self->factory, self->factory->path,
              reason.number > 0 ? strerror(reason.number)
                                : "connection closed by server");
    line_receiver_connection_lost(base, reason);
}

static const struct line_receiver_class UnixClient = {
    .base =
        {
            .name = "UnixClient",
            .size = sizeof(struct unix_client),
            .connection_made = connection_made,
            .data_received = line_receiver_data_received,
            .connection_lost = connection_lost,
        },
    .delimiter = "\n",
    .line_received = line_received,
};

static void client_connection_failed(struct factory *base,
                                     struct connector *connector,
                                     struct failure reason)
{
    char text[FAILURE_TEXT_MAX];

    leave((struct unix_factory *)base, connector_host(connector),
          failure_message(reason, text));
}

int main(int argc, char **argv)
{
    struct options options = { .about = "sends lines to a socket file." };
    struct unix_factory factory = {
        .base =
            {
                .name = "UnixFactory",
                .protocol = &UnixClient.base,
                .client_connection_failed = client_connection_failed,
            },
        .options = &options,
    };
    const struct option table[] = {
        { "-r", "select|poll|epoll", OPTION_CHOICE, &options.reactor, 0 },
        { NULL, "PATH", OPTION_OPERAND, &factory.path, 0 },
        { 0 },
    };

    options_plain(&options, table, argc, argv);
    factory.reactor = endpoint_reactor(&options);
    if (!reactor_connect_unix(factory.reactor, factory.path, &factory.base,
                              NULL)) {
        reactor_free(factory.reactor);
        return options_failed(&options, factory.path, strerror(ENOMEM));
    }
    int status = endpoint_run(&options, factory.reactor);
    return status ? status : factory.status;
}
