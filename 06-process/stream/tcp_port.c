/* SPDX-License-Identifier: MIT
 *
 * tcp_port.c - listenTCP: a listener whose address is an interface and a port.
 */
#include "stream/tcp_port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"
#include "protocol/log.h"
#include "reactor/trace.h"
#include "stream/listener.h"

struct tcp_port {
    struct listener base;
    int number; /* the port, for the log */
};

/* The port's own end, not that of a client: those stay. */
static void connection_lost(struct descriptor *base, int reason)
{
    struct tcp_port *self = (struct tcp_port *)base;
    char number[16];

    (void)reason;
    snprintf(number, sizeof(number), "%d", self->number);
    /* In this order, as Twisted has it (L13): the port, then its factory. */
    port_log_closed(&self->base.base, "TCP", number);
    listener_lost(&self->base);
}

static const struct descriptor_class Port = {
    .name = "Port",
    .describe = listener_describe,
    .do_read = listener_do_read,
    .connection_lost = connection_lost,
    .dispose = port_dispose,
};

/* The socket, bound and listening, or -1 with errno. The interface may be a
 * name: then this blocks, before anybody is served. */
static int open_socket(int port, const char *interface, int backlog)
{
    struct address address;

    if (address_resolve(&address, interface ? interface : "0.0.0.0", port))
        return -1;
    return net_listen_tcp(&address, backlog ? backlog : LISTENER_BACKLOG,
                          NET_NONBLOCKING);
}

/* Listens before it returns, so that the caller can tell the kernel's choice of
 * a port; the first client is accepted when the loop turns. The factory starts
 * last: what fails before leaves no trace of it. */
struct port *reactor_listen_tcp(struct reactor *reactor, int port,
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
    self->base.base.base = (struct descriptor){ .class = &Port, .fd = fd };
    self->base.base.reactor = reactor;
    self->base.factory = factory;
    self->number = address_local(&local, fd) == 0 ? address_port(&local) : port;
    if (listener_start(&self->base) < 0) {
        int error = errno; /* close may set another */
        close(fd);
        free(self);
        errno = error;
        return NULL;
    }
    trace("  listenTCP: %s %d", factory->name, fd);
    log_message("%s starting on %d", factory->name, self->number);
    factory_do_start(factory);
    return &self->base.base;
}

const char *tcp_port_cannot_listen(char *text, const char *interface, int port,
                                   int error)
{
    snprintf(text, TCP_PORT_TEXT_MAX,
             "Couldn't listen on %.64s:%d: [Errno %d] %s.",
             interface ? interface : "any", port, error, strerror(error));
    return text;
}
