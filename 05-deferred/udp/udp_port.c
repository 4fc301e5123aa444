/* SPDX-License-Identifier: MIT
 *
 * udp_port.c - what a port does: it receives, sends, is refused, ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "protocol/log.h"
#include "reactor/trace.h"
#include "udp/udp_parts.h"

static void name_in_log(const void *object, char *text)
{
    const struct udp_port *self = object;

    snprintf(text, LOG_NAME_MAX, "%s (UDP)", self->protocol->class->name);
}

static struct log_system enter(const struct udp_port *self)
{
    return log_enter((struct log_system){ name_in_log, self });
}

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

static void tell_refusal(struct udp_port *self)
{
    const struct datagram_protocol_class *class = self->protocol->class;

    trace("  %s %d: connection_refused", class->name, self->base.fd);
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
        n = recvfrom(self->base.fd, self->data, self->size, 0,
                     (struct sockaddr *)&from->bytes, &from->length);
    } while (n < 0 && errno == EINTR);
    return n;
}

static void deliver(struct udp_port *self, size_t length,
                    const struct address *from)
{
    const struct datagram_protocol_class *class = self->protocol->class;

    /* Before we were connected, anybody could send. */
    if (is_connected(self) && !is_peer(self, from))
        return;
    trace("  %s %d: datagram_received, %zu bytes", class->name, self->base.fd,
          length);
    if (class->datagram_received)
        class->datagram_received(self->protocol, self->data, length, from);
}

/* Whatever the poller has seen, a datagram or an error: reading finds out. An
 * error that nobody reads would be reported for ever. */
static int do_read(struct descriptor *base)
{
    struct udp_port *self = (struct udp_port *)base;
    struct log_system before = enter(self);
    struct address from;
    size_t bytes = 0;
    int reason = REASON_NONE;

    for (int i = 0; i < UDP_TURN_DATAGRAMS && bytes < UDP_TURN_BYTES; i++) {
        ssize_t n = receive(self, &from);
        if (n < 0) {
            reason = take_error(self, errno);
            break;
        }
        bytes += (size_t)n;
        deliver(self, (size_t)n, &from);
    }
    log_enter(before);
    return reason;
}

/* There is nothing to write: udp_port_write, which must not call the protocol
 * back, has asked to be called in the loop. */
static int do_write(struct descriptor *base)
{
    struct udp_port *self = (struct udp_port *)base;
    struct log_system before = enter(self);

    reactor_remove_writer(self->reactor, base);
    tell_refusal(self);
    log_enter(before);
    return REASON_NONE;
}

static void connection_lost(struct descriptor *base, int reason)
{
    struct udp_port *self = (struct udp_port *)base;
    struct datagram_protocol *protocol = self->protocol;

    (void)reason;
    log_message("(%s Port %s Closed)", self->type, self->where);
    if (self->undo)
        self->undo(self);
    protocol->transport = NULL;
    if (!protocol->quiet)
        log_message("Stopping protocol %s", protocol->class->name);
    if (protocol->class->stop_protocol)
        protocol->class->stop_protocol(protocol);
}

static void dispose(struct descriptor *base)
{
    struct udp_port *self = (struct udp_port *)base;
    void (*stopped)(void *) = self->stopped;
    void *argument = self->argument;

    free(self);
    if (stopped)
        stopped(argument);
}

const struct descriptor_class DatagramPort = {
    .name = "DatagramPort",
    .do_read = do_read,
    .do_write = do_write,
    .connection_lost = connection_lost,
    .dispose = dispose,
};

/* Returns 0, or -1 with errno. */
static int send_once(const struct udp_port *self, const void *data,
                     size_t length, const struct address *to)
{
    ssize_t n;

    do {
        if (is_connected(self))
            n = send(self->base.fd, data, length, 0);
        else
            n = sendto(self->base.fd, data, length, 0,
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
    reactor_add_writer(self->reactor, &self->base);
    if (send_once(self, data, length, to) == 0)
        return 0;
    if (is_refusal(errno))
        errno = ECONNREFUSED;
    return -1;
}
