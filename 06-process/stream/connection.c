/* SPDX-License-Identifier: MIT
 *
 * connection.c - the life of a connection: read, deliver, end.
 */
#include "stream/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "reactor/trace.h"

/* How many there are; while there are any, buffers keep spare memory. */
static int connections;

/* Whether the loop should read it, by all that has a say in that. */
void connection_update_read_interest(struct connection *self)
{
    bool wanted = self->lingering ||
                  (!self->paused && !self->choked && !self->disconnecting);

    if (wanted && !self->read_lost)
        reactor_add_reader(self->reactor, &self->base);
    else
        reactor_remove_reader(self->reactor, &self->base);
}

int connection_get_peer(const struct transport *transport,
                        struct address *address)
{
    const struct connection *self = connection_of(transport);

    memcpy(&address->bytes, self->peer, self->peer_length);
    address->length = self->peer_length;
    return 0;
}

int connection_get_host(const struct transport *transport,
                        struct address *address)
{
    return address_local(address, connection_of(transport)->base.fd);
}

static void name_in_log(const void *object, char *text)
{
    const struct connection *self = object;
    struct address peer;
    char host[ADDRESS_TEXT_MAX];

    if (self->number < 0) {
        snprintf(text, LOG_NAME_MAX, "%s,client", self->protocol->class->name);
        return;
    }
    transport_get_peer(&self->transport, &peer);
    snprintf(text, LOG_NAME_MAX, "%s,%d,%s", self->protocol->class->name,
             self->number, address_host(&peer, host));
}

struct log_system connection_log_system(const struct connection *connection)
{
    return (struct log_system){ name_in_log, connection };
}

/* Why a connection ends that we have lost, and not the peer. */
static int reason_to_end(const struct connection *self)
{
    return self->write_lost ? REASON_HALF_DONE : REASON_DONE;
}

static void end_lingering(void *argument)
{
    struct connection *self = argument;

    reactor_disconnect(self->reactor, &self->base, reason_to_end(self));
}

/* Everything is sent. Our stream ends, but the descriptor stays open for a
 * while: were it closed with unread bytes in it, or did more arrive, the
 * kernel would send a reset, and the peer could lose our last bytes to it. */
int connection_start_lingering(struct connection *self)
{
    struct delayed_call *linger;

    connection_stop_producer(self);
    if (self->read_lost || shutdown(self->base.fd, SHUT_WR) < 0)
        return reason_to_end(self);
    linger = calloc(1, sizeof(*linger));
    if (!linger || reactor_call_later(self->reactor, linger, CONNECTION_LINGER,
                                      end_lingering, self) < 0) {
        free(linger);
        return reason_to_end(self);
    }
    self->lingering = true;
    self->linger = linger;
    connection_update_read_interest(self);
    return REASON_NONE;
}

/* The peer has nothing more to say. */
static int end_of_stream(struct connection *self)
{
    const struct protocol_class *class = self->protocol->class;

    self->read_lost = true;
    connection_update_read_interest(self);
    if (self->lingering)
        return reason_to_end(self);
    if (class->read_connection_lost) {
        class->read_connection_lost(self->protocol);
        return REASON_NONE;
    }
    if (buffer_length(&self->output) == 0 && !self->producer)
        return REASON_DONE;
    /* What it is owed goes first. */
    transport_lose_connection(&self->transport);
    return REASON_NONE;
}

static void deliver(struct connection *self, const char *data, size_t length)
{
    if (self->lingering) /* too late for anybody */
        return;
    trace("  %s %d: data_received, %zu bytes", self->protocol->class->name,
          self->base.fd, length);
    if (self->protocol->class->data_received)
        self->protocol->class->data_received(self->protocol, data, length);
}

int connection_do_read(struct descriptor *base)
{
    struct connection *self = (struct connection *)base;
    char data[CONNECTION_READ_MAX];
    int result = REASON_NONE;

    ssize_t length = self->peer_length ? recv(base->fd, data, sizeof(data), 0)
                                       : read(base->fd, data, sizeof(data));
    if (length < 0)
        return errno == EAGAIN || errno == EINTR ? REASON_NONE : errno;
    struct log_system before = log_enter(connection_log_system(self));
    if (length > 0)
        deliver(self, data, (size_t)length);
    else
        result = end_of_stream(self);
    log_enter(before);
    return result;
}

static struct failure failure_of(int reason)
{
    switch (reason) {
    case REASON_DONE:
        return (struct failure){ &ConnectionDone, 0, NULL };
    case REASON_HALF_DONE:
        return (struct failure){ &ConnectionDone, 0, "Connection done" };
    case REASON_LOST:
        return (struct failure){ &ConnectionLost, 0, "Connection lost" };
    case REASON_ABORTED:
        return (struct failure){ &ConnectionAborted, 0, NULL };
    default:
        return (struct failure){ &ConnectionLost, reason, NULL };
    }
}

/* Nobody wants any more of what it makes. */
void connection_stop_producer(struct connection *self)
{
    struct producer *producer = self->lingering ? NULL : self->producer;

    if (!producer)
        return;
    self->producer = NULL;
    producer->stop_producing(producer);
}

void connection_connection_lost(struct descriptor *base, int reason)
{
    struct connection *self = (struct connection *)base;
    struct log_system before = log_enter(connection_log_system(self));

    if (self->lingering && reason != REASON_ABORTED)
        reason = reason_to_end(self); /* all was said, whatever came then */
    struct failure failure = failure_of(reason);
    self->connected = false;
    buffer_clear(&self->output);
    connection_stop_producer(self);
    if (self->protocol->class->connection_lost)
        self->protocol->class->connection_lost(self->protocol, failure);
    if (self->owner)
        self->owner->connection_lost(self->owner, failure);
    log_enter(before);
}

void connection_dispose(struct descriptor *base)
{
    struct connection *self = (struct connection *)base;

    if (self->lingering) {
        delayed_call_cancel(self->linger);
        free(self->linger);
    }
    free(self->protocol);
    buffer_clear(&self->output);
    free(self);
    if (--connections == 0)
        buffer_keep_spares(false);
}

static const struct descriptor_class Connection = {
    .name = "Connection",
    .do_read = connection_do_read,
    .do_write = connection_do_write,
    .connection_lost = connection_connection_lost,
    .dispose = connection_dispose,
};

struct connection *connection_new(struct reactor *reactor, int fd,
                                  const struct address *peer)
{
    socklen_t length = peer ? peer->length : 0;
    struct connection *self = calloc(1, sizeof(*self) + length);

    if (!self)
        return NULL;
    self->base = (struct descriptor){ .class = &Connection, .fd = fd };
    self->transport.class = &connection_transport;
    self->reactor = reactor;
    self->peer_length = (unsigned char)length;
    if (peer)
        memcpy(self->peer, &peer->bytes, length);
    return self;
}

void connection_start(struct connection *connection, struct protocol *protocol)
{
    connection->base.class = &Connection;
    connection->protocol = protocol;
    connection->connected = true;
    if (connections++ == 0)
        buffer_keep_spares(true);
    if (reactor_add_reader(connection->reactor, &connection->base) < 0)
        reactor_disconnect(connection->reactor, &connection->base, errno);
    trace("  %s %d: make_connection", protocol->class->name,
          connection->base.fd);
    protocol_make_connection(protocol, &connection->transport);
}
