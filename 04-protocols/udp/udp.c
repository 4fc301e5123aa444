/* SPDX-License-Identifier: MIT */
/* SO_REUSEPORT is not POSIX; all systems have it, but the C library must be
 * asked. */
#define _DEFAULT_SOURCE
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

static bool is_connected(const struct udp_port *self)
{
    return self->peer.length > 0;
}

static bool is_peer(const struct udp_port *self, const struct address *address)
{
    return address->length == self->peer.length &&
           !memcmp(&address->bytes, &self->peer.bytes, self->peer.length);
}

/* A UNIX socket says the last two when its peer has died. */
static bool is_refusal(int error)
{
    return error == ECONNREFUSED || error == ECONNRESET || error == ENOTCONN;
}

/* --- what the loop calls --- */

static void udp_port_describe(const void *object, char *text)
{
    const struct udp_port *self = object;

    snprintf(text, RUNNING_TEXT_MAX, "%.140s (UDP)",
             self->protocol->class->name);
}

static void tell_refusal(struct udp_port *self)
{
    const struct datagram_protocol_class *class = self->protocol->class;

    trace("  %s %d: connection_refused", class->name, self->base.base.fd);
    if (class->connection_refused)
        class->connection_refused(self->protocol);
}

/* An error speaks of one datagram, most often of one that we sent; the port is
 * as good as before. Only a number that is no socket any more ends it. */
static int take_error(struct udp_port *self, int error)
{
    if (error == EBADF || error == ENOTSOCK)
        return error;
    if (is_connected(self) && is_refusal(error))
        tell_refusal(self);
    return REASON_NONE;
}

static ssize_t receive(struct udp_port *self, struct address *from)
{
    ssize_t n;

    memset(from, 0, sizeof(*from));
    from->bytes.ss_family = self->family; /* a nameless sender has no bytes */
    do {
        from->length = sizeof(from->bytes);
        n = recvfrom(self->base.base.fd, self->data, self->size, 0,
                     (struct sockaddr *)&from->bytes, &from->length);
    } while (n < 0 && errno == EINTR);
    return n;
}

static void deliver(struct udp_port *self, size_t length,
                    const struct address *from)
{
    const struct datagram_protocol_class *class = self->protocol->class;

    /* Before we were connected, anybody could send, and it waits here now. */
    if (is_connected(self) && !is_peer(self, from))
        return;
    trace("  %s %d: datagram_received, %zu bytes", class->name,
          self->base.base.fd, length);
    if (class->datagram_received)
        class->datagram_received(self->protocol, self->data, length, from);
}

/* Whatever the poller has seen, a datagram or an error: reading finds out. An
 * error that nobody reads would be reported for ever. A datagram of no bytes is
 * one, so only an error ends the loop; and senders who never pause must not
 * keep the others waiting, so it has two limits. */
static int udp_port_do_read(struct descriptor *base)
{
    struct udp_port *self = (struct udp_port *)base;
    struct address from;
    size_t bytes = 0;

    for (int i = 0; i < UDP_TURN_DATAGRAMS && bytes < UDP_TURN_BYTES; i++) {
        ssize_t n = receive(self, &from);
        if (n < 0)
            return take_error(self, errno);
        bytes += (size_t)n;
        deliver(self, (size_t)n, &from);
    }
    return REASON_NONE;
}

/* There is nothing to write: udp_port_write, which must not call the protocol
 * back, has asked to be called in the loop. */
static int udp_port_do_write(struct descriptor *base)
{
    struct udp_port *self = (struct udp_port *)base;

    reactor_remove_writer(self->base.reactor, base);
    tell_refusal(self);
    return REASON_NONE;
}

static void udp_port_connection_lost(struct descriptor *base, int reason)
{
    struct udp_port *self = (struct udp_port *)base;
    struct datagram_protocol *protocol = self->protocol;

    (void)reason;
    port_log_closed(&self->base, self->type, self->where);
    if (self->undo)
        self->undo(self);
    protocol->transport = NULL;
    if (!protocol->quiet)
        log_message("Stopping protocol %s", protocol->class->name);
    if (protocol->class->stop_protocol)
        protocol->class->stop_protocol(protocol);
}

static const struct descriptor_class DatagramPort = {
    .name = "DatagramPort",
    .describe = udp_port_describe,
    .do_read = udp_port_do_read,
    .do_write = udp_port_do_write,
    .connection_lost = udp_port_connection_lost,
    .dispose = port_dispose,
};

/* --- how a port begins --- */

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
    self->base.base = (struct descriptor){ .class = &DatagramPort, .fd = -1 };
    self->base.reactor = reactor;
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
    if (self->base.base.fd >= 0)
        close(self->base.base.fd);
    free(self);
    errno = error;
    return NULL;
}

struct udp_port *udp_port_start(struct udp_port *self)
{
    struct datagram_protocol *protocol = self->protocol;
    const struct datagram_protocol_class *class = protocol->class;

    if (reactor_add_reader(self->base.reactor, &self->base.base) < 0)
        return udp_port_give_up(self);
    trace("  listen%s: %s %d", self->type, class->name, self->base.base.fd);
    log_message("%s starting on %s", class->name, self->where);
    protocol->transport = self;
    if (!protocol->quiet)
        log_message("Starting protocol %s", class->name);
    if (class->start_protocol)
        class->start_protocol(protocol);
    return self;
}

/* Before it is bound: others who say the same may have the same port, and each
 * of them gets what is sent to a group. BSD asks for the second as well. */
static int share(int fd)
{
    const int on = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return -1;
#ifdef SO_REUSEPORT
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
#else
    return 0;
#endif
}

/* The socket, bound, or -1 with errno. */
static int open_socket(int port, const struct udp_options *options)
{
    struct address address;
    const char *interface = options->interface ? options->interface : "0.0.0.0";

    if (address_resolve(&address, interface, port))
        return -1;
    return options->listen_multiple
               ? net_bind_datagram(&address, NET_NONBLOCKING, share)
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
    self->base.base.fd = open_socket(port, options);
    if (self->base.base.fd < 0 || address_local(&local, self->base.base.fd) < 0)
        return udp_port_give_up(self);
    self->type = "UDP";
    self->family = local.bytes.ss_family;
    snprintf(self->where, sizeof(self->where), "%d", address_port(&local));
    return udp_port_start(self);
}

/* --- what a protocol asks of its port --- */

int udp_port_connect_to(struct udp_port *self, const struct address *peer)
{
    errno = is_connected(self) ? EISCONN : EAFNOSUPPORT;
    if (is_connected(self) || peer->bytes.ss_family != self->family)
        return -1;
    if (connect(self->base.base.fd, (const struct sockaddr *)&peer->bytes,
                peer->length) < 0)
        return -1;
    /* The kernel knows it best: 0.0.0.0 has become 127.0.0.1, say. */
    return address_peer(&self->peer, self->base.base.fd);
}

int udp_port_connect(struct udp_port *self, const char *host, int number)
{
    struct address peer;

    if (address_numeric(&peer, host, number) < 0)
        return -1;
    return udp_port_connect_to(self, &peer);
}

/* Returns 0, or -1 with errno. */
static int send_once(const struct udp_port *self, const void *data,
                     size_t length, const struct address *to)
{
    ssize_t n;

    do {
        if (is_connected(self))
            n = send(self->base.base.fd, data, length, 0);
        else
            n = sendto(self->base.base.fd, data, length, 0,
                       (const struct sockaddr *)&to->bytes, to->length);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

/* What is wrong with the address of a datagram: an errno, or 0. */
static int check_address(const struct udp_port *self, const struct address *to)
{
    if (!to)
        return is_connected(self) ? 0 : EDESTADDRREQ;
    if (to->bytes.ss_family != self->family)
        return EAFNOSUPPORT;
    return is_connected(self) && !is_peer(self, to) ? EISCONN : 0;
}

/* Sends now, or not at all: nothing is queued, and nobody is called back. */
int udp_port_write(struct udp_port *self, const void *data, size_t length,
                   const struct address *to)
{
    int error = check_address(self, to);

    if (error) {
        errno = error;
        return -1;
    }
    if (send_once(self, data, length, to) == 0)
        return 0;
    if (!is_connected(self) || !is_refusal(errno))
        return -1;
    /* We are told that an earlier datagram was refused, and this one was not
     * sent. Perhaps somebody is there by now. */
    reactor_add_writer(self->base.reactor, &self->base.base);
    if (send_once(self, data, length, to) == 0)
        return 0;
    if (is_refusal(errno))
        errno = ECONNREFUSED;
    return -1;
}
