/* SPDX-License-Identifier: MIT
 *
 * connection_write.c - the transport that a protocol sees: write only queues,
 * do_write sends, and everything that ends waits for the queue to be empty.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reactor/trace.h"
#include "stream/connection.h"

struct connection *connection_of(const struct transport *transport)
{
    return (struct connection *)((char *)transport -
                                 offsetof(struct connection, transport));
}

static const struct connection *const_connection_of(
    const struct transport *transport)
{
    return (const struct connection *)((const char *)transport -
                                       offsetof(struct connection, transport));
}

static int end_our_stream(struct connection *self)
{
    const struct protocol_class *class = self->protocol->class;

    if (self->write_lost)
        return REASON_NONE;
    self->write_lost = true;
    if (shutdown(self->base.fd, SHUT_WR) < 0)
        return errno;
    if (class->write_connection_lost)
        class->write_connection_lost(self->protocol);
    return REASON_NONE;
}

/* The queue is empty: who was waiting for that goes on, in this order. */
static int drained(struct connection *self)
{
    if (self->choked) {
        self->choked = false;
        connection_update_read_interest(self);
    }
    if (self->lingering)
        return REASON_NONE;
    if (self->producer && (!self->streaming || self->producer_paused)) {
        self->producer_paused = false; /* first: it may write too much again */
        self->producer->resume_producing(self->producer);
        return REASON_NONE;
    }
    if (self->disconnecting)
        return connection_start_lingering(self);
    if (self->write_disconnecting)
        return end_our_stream(self);
    return REASON_NONE;
}

int connection_do_write(struct descriptor *base)
{
    struct connection *self = (struct connection *)base;
    size_t length = buffer_length(&self->output);

    if (length > 0) {
        if (length > CONNECTION_SEND_MAX)
            length = CONNECTION_SEND_MAX;
        const char *data = buffer_data(&self->output);
        ssize_t sent = self->peer_length
                           ? send(base->fd, data, length, MSG_NOSIGNAL)
                           : write(base->fd, data, length);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
            return REASON_NONE;
        if (sent < 0)
            return errno;
        trace("  %s %d: sent %zd bytes", self->protocol->class->name, base->fd,
              sent);
        buffer_consume(&self->output, (size_t)sent);
        if (buffer_length(&self->output) > 0)
            return REASON_NONE;
    }
    reactor_remove_writer(self->reactor, base);
    /* Nearly always nobody was waiting for that. */
    if (!self->choked && !self->producer && !self->disconnecting &&
        !self->write_disconnecting)
        return REASON_NONE;
    struct log_system before = log_enter(connection_log_system(self));
    int result = drained(self);
    log_enter(before);
    return result;
}

/* More is queued than should be: whoever makes it has to wait. That is the
 * producer if there is one; else we take it that it is the peer. */
static void hold_back(struct connection *self)
{
    if (self->producer && self->streaming) {
        self->producer_paused = true;
        self->producer->pause_producing(self->producer);
    } else if (!self->producer && !self->choked) {
        self->choked = true;
        connection_update_read_interest(self);
    }
}

static void write_pieces(struct transport *transport,
                         const struct iovec *pieces, size_t count)
{
    struct connection *self = connection_of(transport);
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += pieces[i].iov_len;
    if (!self->connected || self->write_lost || self->lingering || length == 0)
        return;
    trace("  %s %d: write, %zu bytes", self->protocol->class->name,
          self->base.fd, length);
    ssize_t waiting = buffer_append_pieces(&self->output, pieces, count);
    if (waiting < 0) {
        self->connected = false;
        reactor_disconnect(self->reactor, &self->base, ENOMEM);
        return;
    }
    if ((size_t)waiting == length) /* or it waits to write already */
        reactor_add_writer(self->reactor, &self->base);
    if (waiting > CONNECTION_HIGH_WATER)
        hold_back(self);
}

static void lose_connection(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    if (!self->connected || self->disconnecting)
        return;
    self->disconnecting = true;
    connection_update_read_interest(self);
    reactor_add_writer(self->reactor, &self->base);
}

static void abort_connection(struct transport *transport)
{
    struct connection *self = connection_of(transport);
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

    if (!self->connected)
        return;
    self->connected = false;
    self->disconnecting = true;
    buffer_clear(&self->output);
    setsockopt(self->base.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    reactor_disconnect(self->reactor, &self->base, REASON_ABORTED);
}

static void lose_write_connection(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    if (!self->connected || self->write_disconnecting)
        return;
    self->write_disconnecting = true;
    reactor_add_writer(self->reactor, &self->base);
}

static void pause_producing(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    if (self->lingering)
        return;
    self->paused = true;
    connection_update_read_interest(self);
}

static void resume_producing(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    self->paused = false;
    if (self->connected)
        connection_update_read_interest(self);
}

static int register_producer(struct transport *transport,
                             struct producer *producer, bool streaming)
{
    struct connection *self = connection_of(transport);

    if (!self->connected || self->lingering) {
        producer->stop_producing(producer);
        return 0;
    }
    if (self->producer) {
        errno = EBUSY;
        return -1;
    }
    self->producer = producer;
    self->streaming = streaming;
    self->producer_paused = false;
    if (!streaming)
        producer->resume_producing(producer);
    return 0;
}

static void unregister_producer(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    if (self->lingering)
        return;
    self->producer = NULL;
    if (self->connected && self->disconnecting)
        reactor_add_writer(self->reactor, &self->base);
}

static size_t queued(const struct transport *transport)
{
    return buffer_length(&const_connection_of(transport)->output);
}

static bool is_disconnecting(const struct transport *transport)
{
    return const_connection_of(transport)->disconnecting;
}

const struct transport_class connection_transport = {
    .write = write_pieces,
    .lose_connection = lose_connection,
    .abort_connection = abort_connection,
    .lose_write_connection = lose_write_connection,
    .pause_producing = pause_producing,
    .resume_producing = resume_producing,
    .register_producer = register_producer,
    .unregister_producer = unregister_producer,
    .queued = queued,
    .disconnecting = is_disconnecting,
    .get_peer = connection_get_peer,
    .get_host = connection_get_host,
};
