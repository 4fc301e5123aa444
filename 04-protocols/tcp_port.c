/* SPDX-License-Identifier: MIT */
#include "tcp_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connection.h"
#include "log.h"
#include "net.h"
#include "trace.h"

enum {
    BACKLOG = 50,
    ACCEPTS_FIRST = 100, /* clients accepted in one turn, at first */
    ACCEPTS_GROWTH = 20, /* more for each turn that was not enough */
    ACCEPTS_MAX = 1000   /* and never more */
};

/* Seconds of rest when accept fails and nobody could be turned away. */
static const double rest = 1.0;

struct tcp_port {
    struct descriptor base;
    struct reactor *reactor;
    struct factory *factory;
    int number;   /* the port, for the log */
    int accepts;  /* clients accepted in one turn */
    int accepted; /* connections so far */
    int reserve;  /* a descriptor to give up when there is no other */
    struct delayed_call again;
    void (*stopped)(void *argument);
    void *argument;
};

static void name_in_log(const void *object, char *text)
{
    const struct tcp_port *self = object;

    snprintf(text, LOG_NAME_MAX, "%s", self->factory->name);
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void listen_again(void *argument)
{
    struct tcp_port *self = argument;

    reactor_add_reader(self->reactor, &self->base);
}

static void take_rest(struct tcp_port *self, int error)
{
    log_message("Could not accept new connection (%s)", strerror(error));
    reactor_remove_reader(self->reactor, &self->base);
    reactor_call_later(self->reactor, &self->again, rest, listen_again, self);
}

/* No descriptor is left for those who wait, and they would wait for ever: give
 * up the one in reserve, and with it let each of them in and out again. */
static void turn_away(struct tcp_port *self)
{
    struct address peer;
    char text[ADDRESS_TEXT_MAX];
    int fd;

    if (self->reserve < 0)
        self->reserve = open_reserve();
    if (self->reserve < 0) {
        take_rest(self, EMFILE);
        return;
    }
    close(self->reserve);
    self->reserve = -1;
    for (int i = 0; i < ACCEPTS_FIRST; i++) {
        fd = net_accept(self->base.fd, &peer, NET_NONBLOCKING);
        if (fd < 0)
            break;
        close(fd);
        log_message("EMFILE recovery: Closed socket from %s",
                    address_text(&peer, text));
    }
    self->reserve = open_reserve();
}

/* Joins an accepted descriptor with a protocol, or closes it. */
static void welcome(struct tcp_port *self, int fd, const struct address *peer)
{
    struct connection *connection = NULL;

    trace("  %s: build_protocol", self->factory->name);
    struct protocol *protocol = factory_build_protocol(self->factory, peer);
    if (protocol)
        connection = connection_new(self->reactor, fd, peer);
    if (!connection) {
        free(protocol);
        close(fd);
        return;
    }
    connection->number = self->accepted++;
    connection_start(connection, protocol);
}

/* One client. Returns false when there is nobody left to accept. */
static bool accept_one(struct tcp_port *self)
{
    struct address peer;
    char text[ADDRESS_TEXT_MAX];
    int fd = net_accept(self->base.fd, &peer, NET_NONBLOCKING);

    if (fd >= 0) {
        trace("  accept: %s is %d", address_text(&peer, text), fd);
        welcome(self, fd, &peer);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE)
        turn_away(self);
    else if (errno != EAGAIN)
        take_rest(self, errno);
    return false;
}

static int do_read(struct descriptor *base)
{
    struct tcp_port *self = (struct tcp_port *)base;
    struct log_system before =
        log_enter((struct log_system){ name_in_log, self });
    int count = 0;

    while (count < self->accepts && accept_one(self))
        count++;
    if (count == self->accepts && count < ACCEPTS_MAX)
        self->accepts += ACCEPTS_GROWTH;
    else
        self->accepts = count > 0 ? count : 1;
    log_enter(before);
    return REASON_NONE;
}

static void connection_lost(struct descriptor *base, int reason)
{
    struct tcp_port *self = (struct tcp_port *)base;

    (void)reason;
    log_message("(TCP Port %d Closed)", self->number);
    delayed_call_cancel(&self->again);
    if (self->reserve >= 0)
        close(self->reserve);
    factory_do_stop(self->factory);
}

static void dispose(struct descriptor *base)
{
    struct tcp_port *self = (struct tcp_port *)base;
    void (*stopped)(void *) = self->stopped;
    void *argument = self->argument;

    free(self);
    if (stopped)
        stopped(argument);
}

static const struct descriptor_class Port = {
    .name = "Port",
    .do_read = do_read,
    .connection_lost = connection_lost,
    .dispose = dispose,
};

/* The socket, bound and listening, or -1 with errno. */
static int open_socket(int port, const char *interface, int backlog)
{
    struct address address;

    if (address_resolve(&address, interface ? interface : "0.0.0.0", port)) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    return net_listen_tcp(&address, backlog ? backlog : BACKLOG,
                          NET_NONBLOCKING);
}

struct tcp_port *reactor_listen_tcp(struct reactor *reactor, int port,
                                    struct factory *factory,
                                    const struct tcp_port_options *options)
{
    const struct tcp_port_options defaults = { 0 };
    struct tcp_port *self = calloc(1, sizeof(*self));
    struct address local;

    if (!self)
        return NULL;
    if (!options)
        options = &defaults;
    int fd = open_socket(port, options->interface, options->backlog);
    if (fd < 0) {
        free(self);
        return NULL;
    }
    self->base = (struct descriptor){ .class = &Port, .fd = fd };
    self->reactor = reactor;
    self->factory = factory;
    self->accepts = ACCEPTS_FIRST;
    self->reserve = open_reserve();
    self->number = address_local(&local, fd) == 0 ? address_port(&local) : port;
    if (reactor_add_reader(reactor, &self->base) < 0) {
        int error = errno;
        close(self->reserve);
        close(fd);
        free(self);
        errno = error;
        return NULL;
    }
    trace("  listenTCP: %s %d", factory->name, fd);
    log_message("%s starting on %d", factory->name, self->number);
    factory_do_start(factory);
    return self;
}

const char *tcp_port_cannot_listen(char *text, const char *interface, int port,
                                   int error)
{
    snprintf(text, TCP_PORT_TEXT_MAX,
             "Couldn't listen on %.64s:%d: [Errno %d] %s.",
             interface ? interface : "any", port, error, strerror(error));
    return text;
}

int tcp_port_get_host(const struct tcp_port *port, struct address *address)
{
    return address_local(address, port->base.fd);
}

void tcp_port_stop_listening(struct tcp_port *port, void (*stopped)(void *),
                             void *argument)
{
    if (!port->stopped) {
        port->stopped = stopped;
        port->argument = argument;
    }
    reactor_disconnect(port->reactor, &port->base, REASON_DONE);
}
