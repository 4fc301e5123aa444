/* SPDX-License-Identifier: MIT
 *
 * connection.c - the transport over a stream: what the loop calls it for, and
 * what its protocol asks of it.
 *
 * Bytes that are written wait in `output`. The loop calls do_write once before
 * it waits, and that hands all of them to the kernel at once, however many
 * writes they came in. Only a large write that finds the queue empty goes to
 * the kernel by itself, so that it is not copied first. Whatever ends the
 * connection in good order waits until the queue is empty.
 */
#include "stream/connection.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "protocol/buffer.h"
#include "reactor/trace.h"

/* Bytes of a write that is worth a call of its own. */
enum { LARGE_WRITE = 16 << 10 };

/* Of these there may be ten thousand that do nothing, so size counts here, as
 * nowhere else: with the 16 bytes of an IPv4 address behind it a struct has 104
 * bytes, the most that malloc fits into a piece of 112. That is why switches
 * are bits and two members share a place. An idle echo connection costs about
 * 155 bytes in all; a pointer more would make it 171. */
struct connection {
    struct descriptor base;
    struct transport transport;
    struct protocol *protocol; /* NULL while it is being made */
    union {
        struct buffer output;       /* written, not sent */
        struct delayed_call *limit; /* when is_ending: until then, at most */
    };
    struct producer *producer;        /* NULL: nobody */
    struct connection_owner *owner;   /* NULL: nobody */
    unsigned number;                  /* of its port's connections */
    unsigned numbered : 1;            /* if it is one of these */
    unsigned connected : 1;           /* the protocol may use it */
    unsigned disconnecting : 1;       /* lose_connection was called */
    unsigned lingering : 1;           /* all is sent; what comes is dropped */
    unsigned write_disconnecting : 1; /* lose_write_connection was called */
    unsigned write_lost : 1;          /* our stream has ended */
    unsigned read_lost : 1;           /* the peer's stream has ended */
    unsigned paused : 1;              /* pause_producing was called */
    unsigned read_throttled : 1;      /* not read: too much is queued */
    unsigned streaming : 1;           /* the producer pushes */
    unsigned producer_paused : 1;     /* and was told to stop */
    unsigned write_error : 13;        /* errno of a write that has failed */
    unsigned peer_length : 8;         /* 0: no socket, and nobody to name */
    char peer[];                      /* the peer's address, as long as it is */
};

/* Where the connections of one reactor are read to, one at a time. A read of
 * 192 KiB costs a third of the calls that one of 64 KiB does, but is more than
 * the stack of any thread may have; and given to malloc and back in each turn
 * it would be given back to the kernel, and faulted in again page by page. */
struct workspace {
    struct attachment base;
    char input[CONNECTION_READ_MAX];
};

static const char workspace_key;

static const struct transport_class transport_class;

static struct connection *connection_of(const struct transport *transport)
{
    return (struct connection *)((char *)transport -
                                 offsetof(struct connection, transport));
}

static void free_workspace(struct attachment *base)
{
    free(base);
}

/* The first connection of a reactor makes it. NULL: there is no memory. */
static struct workspace *workspace_of(struct reactor *reactor)
{
    struct workspace *workspace =
        (struct workspace *)reactor_attached(reactor, &workspace_key);

    if (!workspace && (workspace = malloc(sizeof(*workspace)))) {
        workspace->base.free = free_workspace;
        reactor_attach(reactor, &workspace->base, &workspace_key);
    }
    return workspace;
}

/* Whether the loop should read it, by all that has a say in that. One that
 * lingers is read even if it is paused: left unread, what the peer still sends
 * would turn our end into a reset. */
static void update_read_interest(struct connection *self)
{
    bool wanted = self->lingering || (!self->paused && !self->read_throttled &&
                                      !self->disconnecting);

    if (wanted && !self->read_lost)
        reactor_add_reader(self->transport.reactor, &self->base);
    else
        reactor_remove_reader(self->transport.reactor, &self->base);
}

/* Why a connection ends that we have lost, and not the peer. */
static int reason_to_end(const struct connection *self)
{
    return self->write_error  ? (int)self->write_error
           : self->write_lost ? REASON_HALF_DONE
                              : REASON_DONE;
}

/* --- two ends that take a while --- */

/* Over in one direction, and for a while it goes on in the other: it lingers,
 * or a write has failed. It sends nothing, and has no `output`. */
static bool is_ending(const struct connection *self)
{
    return self->lingering || self->write_error;
}

static void end_now(void *argument)
{
    struct connection *self = argument;

    connection_disconnect(self, reason_to_end(self));
}

/* The caller sets what makes it one that is_ending, if this returns 0. Without
 * memory, -1, it has to end at once. */
static int begin_to_end(struct connection *self)
{
    struct delayed_call *limit = calloc(1, sizeof(*limit));

    if (!limit || reactor_call_later(self->transport.reactor, limit,
                                     CONNECTION_LINGER, end_now, self) < 0) {
        free(limit);
        return -1;
    }
    reactor_remove_writer(self->transport.reactor, &self->base);
    buffer_clear(&self->output); /* the two share a place: out first */
    self->limit = limit;
    return 0;
}

/* Nobody wants any more of what it makes. It is let go first: in stop_producing
 * it may unregister, or register another. */
static void stop_producer(struct connection *self)
{
    struct producer *producer = self->producer;

    self->producer = NULL;
    if (producer)
        producer->stop_producing(producer);
}

/* Everything is sent. Our stream ends, but the descriptor stays open for a
 * while: were it closed with unread bytes in it, or did more arrive, the
 * kernel would send a reset, and the peer could lose our last bytes to it. */
static int start_lingering(struct connection *self)
{
    stop_producer(self);
    if (self->read_lost || shutdown(self->base.fd, SHUT_WR) < 0 ||
        begin_to_end(self) < 0)
        return reason_to_end(self);
    self->lingering = true;
    update_read_interest(self);
    return REASON_NONE;
}

/* The kernel takes nothing more of ours: mostly, the peer is gone. But what it
 * said before that is in the kernel still, and may be why it went. So only the
 * writing ends here; the reading goes on to its own end, and then comes the
 * loss, for this reason. Without the limit a protocol that has paused its
 * transport would keep a dead connection for ever. */
static int stop_writing(struct connection *self, int error)
{
    struct producer *producer = self->producer;

    if (self->read_lost || self->disconnecting || begin_to_end(self) < 0)
        return error;
    trace("  %s %d: %s; what has come is read", self->protocol->class->name,
          self->base.fd, strerror(error));
    self->write_error = (unsigned)error & 0x1fff;
    self->read_throttled = false;
    update_read_interest(self);
    /* A push producer may be what keeps the protocol from reading on. It hears
     * of an empty queue; its writes go nowhere. One that is pulled hears of the
     * end when it comes: the peer may have told the protocol why by then. */
    if (producer && self->producer_paused) {
        self->producer_paused = false;
        producer->resume_producing(producer);
    }
    return REASON_NONE;
}

/* --- reading --- */

/* The peer has nothing more to say. */
static int end_of_stream(struct connection *self)
{
    const struct protocol_class *class = self->protocol->class;

    self->read_lost = true;
    update_read_interest(self);
    if (is_ending(self))
        return reason_to_end(self);
    if (class->read_connection_lost) {
        class->read_connection_lost(self->protocol);
        return REASON_NONE;
    }
    if (!connection_owes(self))
        return REASON_DONE;
    /* What the peer is owed goes first. */
    transport_lose_connection(&self->transport);
    return REASON_NONE;
}

/* One recv a turn, however much there is, so that a fast peer does not keep
 * the others waiting; the poller reports again what is left. */
int connection_do_read(struct descriptor *base)
{
    struct connection *self = (struct connection *)base;
    const struct protocol_class *class = self->protocol->class;
    char *input = workspace_of(self->transport.reactor)->input;
    ssize_t length = self->peer_length
                         ? recv(base->fd, input, CONNECTION_READ_MAX, 0)
                         : read(base->fd, input, CONNECTION_READ_MAX);

    if (length < 0)
        return errno == EAGAIN || errno == EINTR ? REASON_NONE : errno;
    if (length == 0)
        return end_of_stream(self);
    if (self->lingering) /* too late for anybody */
        return REASON_NONE;
    if (self->write_error) /* there is something: it may take its time */
        delayed_call_reset(self->limit, CONNECTION_LINGER);
    trace("  %s %d: data_received, %zd bytes", class->name, base->fd, length);
    if (class->data_received)
        class->data_received(self->protocol, input, (size_t)length);
    return REASON_NONE;
}

/* --- writing --- */

/* The queue is empty and lose_write_connection was called. The other direction
 * goes on. */
static int end_our_stream(struct connection *self)
{
    const struct protocol_class *class = self->protocol->class;

    self->write_lost = true;
    if (shutdown(self->base.fd, SHUT_WR) < 0)
        return errno;
    if (class->write_connection_lost)
        class->write_connection_lost(self->protocol);
    return REASON_NONE;
}

/* Whoever was waiting for an empty queue goes on, in this order. */
static int on_output_drained(struct connection *self)
{
    if (self->producer && (!self->streaming || self->producer_paused)) {
        self->producer_paused = false; /* first: it may write too much again */
        self->producer->resume_producing(self->producer);
        return REASON_NONE;
    }
    if (self->disconnecting)
        return start_lingering(self);
    if (self->write_disconnecting && !self->write_lost)
        return end_our_stream(self);
    return REASON_NONE;
}

/* Hands bytes to the kernel, as many as it takes at once. Returns how many, or
 * -1 with errno when it will never take any more. */
static ssize_t connection_send(struct connection *self, const char *data,
                               size_t length)
{
    size_t most = length < CONNECTION_SEND_MAX ? length : CONNECTION_SEND_MAX;
    ssize_t sent = self->peer_length
                       ? send(self->base.fd, data, most, MSG_NOSIGNAL)
                       : write(self->base.fd, data, most);

    /* It is not the connection's fault: the bytes stay, and are tried again. */
    if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
        return 0;
    if (sent > 0)
        trace("  %s %d: sent %zd bytes", self->protocol->class->name,
              self->base.fd, sent);
    return sent;
}

int connection_do_write(struct descriptor *base)
{
    struct connection *self = (struct connection *)base;
    size_t length = buffer_length(&self->output);

    if (length > 0) {
        ssize_t sent =
            connection_send(self, buffer_data(&self->output), length);
        if (sent < 0)
            return stop_writing(self, errno);
        buffer_consume(&self->output, (size_t)sent);
        length -= (size_t)sent;
        if (self->read_throttled && length <= CONNECTION_LOW_WATER) {
            self->read_throttled = false;
            update_read_interest(self);
        }
        if (length > 0)
            return REASON_NONE;
    }
    /* Before the callbacks: what they write asks for another do_write. */
    reactor_remove_writer(self->transport.reactor, base);
    return on_output_drained(self);
}

/* More is queued than should be: whoever makes it has to wait. That is the
 * producer if there is one; else we take it that it is the peer. A pull
 * producer needs no word: it is asked for more when the queue is empty. */
static void apply_backpressure(struct connection *self)
{
    if (self->producer && self->streaming) {
        self->producer_paused = true;
        self->producer->pause_producing(self->producer);
    } else if (!self->producer && !self->read_throttled) {
        self->read_throttled = true;
        update_read_interest(self);
    }
}

/* A large write to an empty queue: what the kernel takes at once need not be
 * copied, nor be given memory. Returns how much that is. If the kernel refuses
 * for good, that is noted, and told later: no callback comes out of a write. */
static size_t send_at_once(struct connection *self, const struct iovec *piece)
{
    ssize_t sent = connection_send(self, piece->iov_base, piece->iov_len);
    int reason = sent < 0 ? stop_writing(self, errno) : REASON_NONE;

    if (reason != REASON_NONE)
        connection_disconnect(self, reason);
    /* A pull producer is asked for more when all is sent, which is now. But it
     * may be the one that calls us: so do_write will ask it. */
    if (!is_ending(self) && self->producer)
        reactor_add_writer(self->transport.reactor, &self->base);
    return sent < 0 ? piece->iov_len : (size_t)sent;
}

/* Mostly only queues. */
static void connection_write(struct transport *transport,
                             const struct iovec *pieces, size_t count)
{
    struct connection *self = connection_of(transport);
    struct iovec rest;
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += pieces[i].iov_len;
    if (!self->connected || self->write_lost || is_ending(self) || length == 0)
        return;
    trace("  %s %d: write, %zu bytes", self->protocol->class->name,
          self->base.fd, length);
    /* Not for a push producer: it counts on the queue to know when to pause. */
    if (count == 1 && length >= LARGE_WRITE &&
        buffer_length(&self->output) == 0 &&
        !(self->producer && self->streaming)) {
        size_t sent = send_at_once(self, pieces);
        if (sent == length)
            return;
        length -= sent;
        rest = (struct iovec){ (char *)pieces->iov_base + sent, length };
        pieces = &rest;
    }
    ssize_t waiting = buffer_append_pieces(&self->output, pieces, count);
    if (waiting < 0) { /* an end is better than a stream with a gap */
        connection_disconnect(self, ENOMEM);
        return;
    }
    if ((size_t)waiting == length) /* or it waits to write already */
        reactor_add_writer(self->transport.reactor, &self->base);
    if (waiting > CONNECTION_HIGH_WATER)
        apply_backpressure(self);
}

/* --- what else a protocol asks of its transport --- */

/* Only notes it, and asks for a do_write: the loss is never told before this
 * returns, even if there is nothing to send. */
static void lose_connection(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    if (!self->connected || self->disconnecting)
        return;
    self->disconnecting = true;
    update_read_interest(self);
    if (self->write_error) /* there is nothing that could be sent first */
        end_now(self);
    else
        reactor_add_writer(self->transport.reactor, &self->base);
}

/* SO_LINGER with no seconds makes close() send a reset and drop what the kernel
 * still has of ours, so that the peer cannot take the end for a good one. */
static void abort_connection(struct transport *transport)
{
    struct connection *self = connection_of(transport);
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

    if (!self->connected)
        return;
    self->disconnecting = true;
    setsockopt(self->base.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    connection_disconnect(self, REASON_ABORTED);
}

static void lose_write_connection(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    if (!self->connected || self->write_disconnecting || is_ending(self))
        return;
    self->write_disconnecting = true;
    reactor_add_writer(self->transport.reactor, &self->base);
}

/* Who is paused is not watched at all: it hears nothing, not even of the peer's
 * end, and a peer that has hung up costs nothing. */
static void pause_producing(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    self->paused = true;
    update_read_interest(self);
}

/* The loop leaves a connection alone that is lost, and update_read_interest one
 * that is closing: it is not read again (T33). */
static void resume_producing(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    self->paused = false;
    update_read_interest(self);
}

/* One at a time. Who comes too late is told so at once, and not kept. */
static int register_producer(struct transport *transport,
                             struct producer *producer, bool streaming)
{
    struct connection *self = connection_of(transport);

    if (!self->connected || is_ending(self)) {
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

/* A lose_connection may have been waiting for it. */
static void unregister_producer(struct transport *transport)
{
    struct connection *self = connection_of(transport);

    self->producer = NULL;
    /* Whichever end has waited for the producer comes now; this may be the
     * last that is heard of it. */
    if (self->connected && !is_ending(self) &&
        (self->disconnecting || self->write_disconnecting))
        reactor_add_writer(self->transport.reactor, &self->base);
}

static size_t queued(const struct transport *transport)
{
    const struct connection *self = connection_of(transport);

    if (!self->connected || is_ending(self)) /* nothing is owed any more */
        return 0;
    return buffer_length(&self->output);
}

static bool is_disconnecting(const struct transport *transport)
{
    return connection_of(transport)->disconnecting;
}

/* Kept since the beginning: of a connection that was reset the kernel does not
 * know the peer any more, and connection_lost wants to name it. */
static int get_peer(const struct transport *transport, struct address *address)
{
    const struct connection *self = connection_of(transport);

    memcpy(&address->bytes, self->peer, self->peer_length);
    address->length = self->peer_length;
    return 0;
}

static int get_host(const struct transport *transport, struct address *address)
{
    return address_local(address, connection_of(transport)->base.fd);
}

static const struct transport_class transport_class = {
    .write = connection_write,
    .lose_connection = lose_connection,
    .abort_connection = abort_connection,
    .lose_write_connection = lose_write_connection,
    .pause_producing = pause_producing,
    .resume_producing = resume_producing,
    .register_producer = register_producer,
    .unregister_producer = unregister_producer,
    .queued = queued,
    .disconnecting = is_disconnecting,
    .get_peer = get_peer,
    .get_host = get_host,
};

/* --- its beginning and its end --- */

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

/* The producer is stopped before the protocol is told (T28), and the owner,
 * who may connect again, hears of it last. */
void connection_connection_lost(struct descriptor *base, int reason)
{
    struct connection *self = (struct connection *)base;

    if (self->lingering && reason != REASON_ABORTED)
        reason = reason_to_end(self); /* all was said, whatever came then */
    struct failure failure = failure_of(reason);
    self->connected = false;
    stop_producer(self);
    if (self->protocol->class->connection_lost)
        self->protocol->class->connection_lost(self->protocol, failure);
    if (self->owner)
        self->owner->connection_lost(self->owner, failure);
}

/* The number is closed and everybody knows: nobody can come back to it. */
void connection_dispose(struct descriptor *base)
{
    struct connection *self = (struct connection *)base;

    if (is_ending(self)) {
        delayed_call_cancel(self->limit); /* or it would end one that is gone */
        free(self->limit);
    } else {
        buffer_clear(&self->output);
    }
    free(self->protocol);
    free(self);
}

/* "CmdProtocol,0,127.0.0.1", or "CmdProtocol,client". */
void connection_describe(const void *object, char *text)
{
    const struct connection *self = object;
    const char *name = self->protocol->class->name;
    struct address peer;
    char host[ADDRESS_TEXT_MAX];

    if (!self->numbered) {
        snprintf(text, RUNNING_TEXT_MAX, "%s,client", name);
        return;
    }
    get_peer(&self->transport, &peer);
    snprintf(text, RUNNING_TEXT_MAX, "%s,%u,%s", name, self->number,
             address_host(&peer, host));
}

const struct descriptor_class connection_class = {
    .name = "Connection",
    .describe = connection_describe,
    .do_read = connection_do_read,
    .do_write = connection_do_write,
    .connection_lost = connection_connection_lost,
    .dispose = connection_dispose,
};

struct connection *connection_new(struct reactor *reactor, int fd,
                                  const struct address *peer)
{
    socklen_t length = peer ? peer->length : 0;
    struct connection *self =
        workspace_of(reactor)
            ? calloc(1, offsetof(struct connection, peer) + length)
            : NULL;

    if (!self)
        return NULL;
    self->base = (struct descriptor){ .class = &connection_class, .fd = fd };
    self->transport = (struct transport){ &transport_class, reactor };
    self->peer_length = length & 0xff;
    if (peer)
        memcpy(self->peer, &peer->bytes, length);
    return self;
}

/* Reading first: what connection_made does to it (a pause, a loss) must not be
 * undone here. The protocol may lose or abort the connection in it; that is
 * noted, and happens when the turn is over. */
void connection_start(struct connection *self, struct protocol *protocol)
{
    self->protocol = protocol;
    self->connected = true;
    /* Whatever fails here is told by connection_lost, after connection_made. */
    if (reactor_add_reader(self->transport.reactor, &self->base) < 0)
        connection_disconnect(self, errno);
    trace("  %s %d: make_connection", protocol->class->name, self->base.fd);
    protocol_make_connection(protocol, &self->transport);
}

void connection_discard(struct connection *self)
{
    close(self->base.fd);
    connection_dispose(&self->base);
}

void connection_disconnect(struct connection *self, int reason)
{
    self->connected = false;
    reactor_disconnect(self->transport.reactor, &self->base, reason);
}

struct transport *connection_transport(struct connection *self)
{
    return &self->transport;
}

int connection_descriptor(const struct transport *transport)
{
    if (transport->class == &transport_class)
        return connection_of(transport)->base.fd;
    errno = ENOTSOCK;
    return -1;
}

void connection_set_number(struct connection *self, unsigned number)
{
    self->number = number;
    self->numbered = true;
}

bool connection_owes(const struct connection *self)
{
    return queued(&self->transport) > 0 || self->producer;
}

bool connection_read_lost(const struct connection *self)
{
    return self->read_lost;
}

void connection_set_owner(struct connection *self,
                          struct connection_owner *owner)
{
    self->owner = owner;
}

struct connection_owner *connection_owner(const struct connection *self)
{
    return self->owner;
}

void connection_set_class(struct connection *self,
                          const struct descriptor_class *class)
{
    self->base.class = class;
}
