/* SPDX-License-Identifier: MIT
 *
 * udp.c - how a port begins, whom it is connected to, how it is told to end.
 */
#include "udp/udp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "protocol/log.h"
#include "reactor/trace.h"
#include "udp/multicast.h"
#include "udp/udp_parts.h"

struct udp_port *udp_port_new(size_t size, struct reactor *reactor,
                              struct datagram_protocol *protocol,
                              int max_packet_size)
{
    errno = max_packet_size < 0 ? EINVAL : EBUSY;
    if (max_packet_size < 0 || protocol->transport)
        return NULL;
    size_t room = max_packet_size ? (size_t)max_packet_size : UDP_PACKET_SIZE;
    struct udp_port *self = calloc(1, size + room);
    if (!self)
        return NULL;
    self->base = (struct descriptor){ .class = &DatagramPort, .fd = -1 };
    self->reactor = reactor;
    self->protocol = protocol;
    self->data = (char *)self + size;
    self->size = room;
    return self;
}

struct udp_port *udp_port_give_up(struct udp_port *self)
{
    int error = errno;

    if (self->undo)
        self->undo(self);
    if (self->base.fd >= 0)
        close(self->base.fd);
    free(self);
    errno = error;
    return NULL;
}

struct udp_port *udp_port_start(struct udp_port *self)
{
    struct datagram_protocol *protocol = self->protocol;
    const struct datagram_protocol_class *class = protocol->class;

    if (reactor_add_reader(self->reactor, &self->base) < 0)
        return udp_port_give_up(self);
    trace("  listen%s: %s %d", self->type, class->name, self->base.fd);
    log_message("%s starting on %s", class->name, self->where);
    protocol->transport = self;
    if (!protocol->quiet)
        log_message("Starting protocol %s", class->name);
    if (class->start_protocol)
        class->start_protocol(protocol);
    return self;
}

/* The socket, bound, or -1 with errno. */
static int open_socket(int port, const struct udp_options *options)
{
    struct address address;
    const char *interface = options->interface ? options->interface : "0.0.0.0";

    if (address_resolve(&address, interface, port))
        return -1;
    return options->listen_multiple ? multicast_bind(&address)
                                    : net_bind_udp(&address, NET_NONBLOCKING);
}

struct udp_port *reactor_listen_udp(struct reactor *reactor, int port,
                                    struct datagram_protocol *protocol,
                                    const struct udp_options *options)
{
    const struct udp_options defaults = { 0 };
    struct address local;

    if (!options)
        options = &defaults;
    struct udp_port *self = udp_port_new(sizeof(*self), reactor, protocol,
                                         options->max_packet_size);
    if (!self)
        return NULL;
    self->base.fd = open_socket(port, options);
    if (self->base.fd < 0 || address_local(&local, self->base.fd) < 0)
        return udp_port_give_up(self);
    self->type = "UDP";
    self->family = local.bytes.ss_family;
    snprintf(self->where, sizeof(self->where), "%d", address_port(&local));
    return udp_port_start(self);
}

int udp_port_connect_to(struct udp_port *self, const struct address *peer)
{
    errno = self->peer.length > 0 ? EISCONN : EAFNOSUPPORT;
    if (self->peer.length > 0 || peer->bytes.ss_family != self->family)
        return -1;
    if (connect(self->base.fd, (const struct sockaddr *)&peer->bytes,
                peer->length) < 0)
        return -1;
    /* The kernel knows it best: 0.0.0.0 has become 127.0.0.1, say. */
    return address_peer(&self->peer, self->base.fd);
}

int udp_port_connect(struct udp_port *self, const char *host, int number)
{
    struct address peer;

    if (address_numeric(&peer, host, number) < 0)
        return -1;
    return udp_port_connect_to(self, &peer);
}

int udp_port_get_host(const struct udp_port *self, struct address *address)
{
    return address_local(address, self->base.fd);
}

void udp_port_on_stopped(struct udp_port *self, void (*stopped)(void *),
                         void *argument)
{
    if (self->stopped)
        return;
    self->stopped = stopped;
    self->argument = argument;
}

void udp_port_stop_listening(struct udp_port *self, void (*stopped)(void *),
                             void *argument)
{
    udp_port_on_stopped(self, stopped, argument);
    reactor_disconnect(self->reactor, &self->base, REASON_DONE);
}
