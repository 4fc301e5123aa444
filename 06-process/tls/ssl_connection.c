/* SPDX-License-Identifier: MIT */
#include "tls/ssl_connection.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "reactor/trace.h"

/* The protocol of the raw connection, which frees it. */
struct ssl_stream {
    struct protocol base;
    struct ssl_connection *self;
};

static struct ssl_connection *of(const struct transport *transport)
{
    return (
        struct ssl_connection *)((char *)transport -
                                 offsetof(struct ssl_connection, transport));
}

/* --- who is running, for the log: as over TCP --- */

static void describe(const void *object, char *text)
{
    const struct ssl_connection *self = object;
    char host[ADDRESS_TEXT_MAX];

    if (!self->protocol)
        snprintf(text, RUNNING_TEXT_MAX, "Uninitialized");
    else if (self->number < 0)
        snprintf(text, RUNNING_TEXT_MAX, "%s,client",
                 self->protocol->class->name);
    else
        snprintf(text, RUNNING_TEXT_MAX, "%s,%d,%s",
                 self->protocol->class->name, self->number,
                 address_host(&self->peer, host));
}

static struct running enter(const struct ssl_connection *self)
{
    return reactor_enter(self->reactor, (struct running){ describe, self });
}

/* --- the helper's life --- */

/* Kills its whole session, for a helper may be a script that has started the
 * real one. Once the helper was reaped pid is 0: its number may be another
 * process's by now, and kill(-0) would kill our own group. */
static void kill_helper(struct ssl_connection *self)
{
    if (self->pid > 0)
        kill(-self->pid, SIGKILL);
}

static void on_helper_timeout(void *argument)
{
    kill_helper(argument);
}

/* Kills the helper in so many seconds, unless it ends before. A helper is not
 * ours, and nothing may wait for one without a limit. */
static void arm_helper_timeout(struct ssl_connection *self, double seconds)
{
    delayed_call_cancel(&self->helper_timeout);
    if (self->has_helper &&
        reactor_call_later(self->reactor, &self->helper_timeout, seconds,
                           on_helper_timeout, self) < 0)
        kill_helper(self); /* rather than to wait for ever */
}

/* Between two turns, when nobody can be in the middle of a callback of the
 * protocol's. */
static void free_all(void *argument)
{
    struct ssl_connection *self = argument;

    free(self->protocol);
    free(self);
}

/* Three parts live and die on their own: the raw connection, the helper, and a
 * server's backend socket. Each, when it goes, asks here whether it was the
 * last; whoever frees earlier leaves a pointer with one of the others. */
void ssl_connection_free_if_gone(struct ssl_connection *self)
{
    if (self->raw || self->has_helper || self->backend_open ||
        self->state != SSL_OVER)
        return;
    delayed_call_cancel(&self->helper_timeout);
    reactor_remove_trigger(self->reactor, &self->end);
    if (self->class->gone)
        self->class->gone(self);
    reactor_at_turn_end(self->reactor, &self->freed, free_all, self);
}

void ssl_connection_fail(struct ssl_connection *self, struct failure reason)
{
    if (self->state != SSL_SHAKING)
        return;
    self->state = SSL_OVER; /* first: `failed` may end things, which ask us */
    kill_helper(self);
    self->class->failed(self, reason);
    if (self->raw)
        connection_disconnect(self->raw, REASON_DONE);
    ssl_connection_free_if_gone(self);
}

/* --- how it has ended --- */

/* What the helper knows about the peer's end. */
static struct failure verdict(const struct ssl_connection *self)
{
    return self->class->half_close
               ? ssl_words_server_end(&self->words)
               : ssl_words_client_end(&self->words, self->status);
}

/* Both together. When we have said all that we had to say and ended our
 * stream, the end is good, however the peer closes: as over TCP. But if the
 * helper has died, what it had of us has died with it. */
static struct failure final_reason(const struct ssl_connection *self)
{
    struct failure helpers = verdict(self);
    const struct failure *ours = &self->raw_reason;

    if (!failure_check(*ours, &ConnectionDone))
        return failure_check(helpers, &ConnectionDone) ? *ours : helpers;
    if (!self->has_ended || failure_check(helpers, &SslTruncated))
        return *ours;
    return helpers;
}

/* The protocol hears of it, then the connector. The helper may still be sending
 * what it has of us to a slow peer, and gets a minute for that. */
static void notify_lost(struct ssl_connection *self, struct failure reason)
{
    struct protocol *protocol = self->protocol;
    struct running before = enter(self);

    self->state = SSL_OVER;
    arm_helper_timeout(self, SSL_CLOSE_LIMIT);
    if (protocol->class->connection_lost)
        protocol->class->connection_lost(protocol, reason);
    self->class->lost(self, reason);
    reactor_enter(self->reactor, before);
    ssl_connection_free_if_gone(self);
}

/* The peer's stream has ended, and well: what end_of_stream of connection.c
 * does. But s_client has ended with it, and takes nothing any more. */
static void end_of_stream(struct ssl_connection *self)
{
    struct protocol *protocol = self->protocol;
    struct connection *raw = self->raw;
    bool owes = connection_owes(raw);

    self->end_notified = true;
    if (!self->class->half_close) {
        connection_disconnect(raw, owes ? EPIPE : REASON_DONE);
    } else if (protocol->class->read_connection_lost) {
        struct running before = enter(self);
        protocol->class->read_connection_lost(protocol);
        reactor_enter(self->reactor, before);
    } else { /* what it is owed goes first */
        transport_lose_connection(self->below);
    }
}

/* Called whenever something has happened that bears on the end: the raw stream
 * has ended, the raw connection is lost, the helper has said something, the
 * helper has ended. These four come in any order, because a socket, a pipe and
 * SIGCHLD tell of one and the same death. Nothing is said to the protocol
 * before the helper's part of the story is known, or its time is up. */
static void decide_end(struct ssl_connection *self)
{
    bool ended = !self->has_helper;
    bool known = ended || (self->class->half_close && self->words.end);

    /* The helper may have ended while bytes of the peer's still wait in the
     * socket: as long as the stream has not ended, they are to be read. */
    if (self->state != SSL_CONNECTED || (self->raw && !self->has_ended) ||
        (self->raw && self->end_notified && !ended))
        return;
    if (!known && self->has_ended) {
        if (!delayed_call_active(&self->helper_timeout))
            arm_helper_timeout(self, SSL_END_LIMIT);
        return;
    }
    delayed_call_cancel(&self->helper_timeout);
    if (!self->raw)
        notify_lost(self, final_reason(self));
    else if (!failure_check(verdict(self), &ConnectionDone))
        connection_disconnect(self->raw, EPIPE);
    else if (!self->end_notified)
        end_of_stream(self);
    else /* both streams have ended, or the helper took bytes of ours with it */
        connection_disconnect(self->raw, self->write_ended && self->status == 0
                                             ? REASON_DONE
                                             : EPIPE);
}

/* --- what the raw connection says ---
 *
 * It is the transport below, and takes us for its protocol. That we have a
 * read_connection_lost keeps it open when the helper has closed its side, until
 * we know what that means. */

static void data_received(struct protocol *base, const char *data,
                          size_t length)
{
    struct ssl_connection *self = ((struct ssl_stream *)base)->self;
    struct running before = enter(self);

    if (self->protocol->class->data_received)
        self->protocol->class->data_received(self->protocol, data, length);
    reactor_enter(self->reactor, before);
}

static void read_connection_lost(struct protocol *base)
{
    struct ssl_connection *self = ((struct ssl_stream *)base)->self;

    self->has_ended = true;
    decide_end(self);
}

static void write_connection_lost(struct protocol *base)
{
    struct ssl_connection *self = ((struct ssl_stream *)base)->self;
    struct running before = enter(self);

    self->write_ended = true;
    if (self->protocol->class->write_connection_lost)
        self->protocol->class->write_connection_lost(self->protocol);
    reactor_enter(self->reactor, before);
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    struct ssl_connection *self = ((struct ssl_stream *)base)->self;
    bool loop_ended = failure_check(reason, &ConnectionLost) && !reason.number;
    bool aborted = failure_check(reason, &ConnectionAborted);
    bool error = !failure_check(reason, &ConnectionDone);

    /* An error of the raw connection is an end of it as well, and who has made
     * it knows more. A connection that we have closed need not have one. */
    self->has_ended =
        self->has_ended || connection_read_lost(self->raw) || error;
    /* A connector that has given up has taken itself out, and perhaps has begun
     * another attempt: its pointer is not ours any more. One that is connected
     * would use the pointer to disconnect. */
    if (self->state == SSL_SHAKING)
        self->owner = connection_owner(self->raw);
    else if (self->state == SSL_CONNECTED && self->raw_pointer)
        *self->raw_pointer = NULL;
    connection_set_owner(self->raw, NULL); /* it hears from us */
    self->raw = NULL;
    self->below = NULL;
    self->raw_reason = reason;
    if (self->state == SSL_SHAKING) /* the loop has ended, or the attempt */
        ssl_connection_fail(self, failure_of_connect(ECANCELED));
    else if (self->state == SSL_OVER)
        ssl_connection_free_if_gone(self);
    else if (aborted || loop_ended)
        notify_lost(self, reason);
    else
        decide_end(self);
}

static const struct protocol_class SslStream = {
    .name = "SslStream",
    .size = sizeof(struct ssl_stream),
    .data_received = data_received,
    .connection_lost = connection_lost,
    .read_connection_lost = read_connection_lost,
    .write_connection_lost = write_connection_lost,
};

int ssl_connection_join(struct ssl_connection *self, int fd)
{
    struct protocol *protocol = protocol_new(&SslStream);
    struct connection *raw =
        protocol ? connection_new(self->reactor, fd, &self->peer) : NULL;

    if (!raw) {
        free(protocol);
        errno = ENOMEM;
        return -1;
    }
    ((struct ssl_stream *)protocol)->self = self;
    if (self->number >= 0)
        connection_set_number(raw, (unsigned)self->number);
    self->raw = raw;
    self->below = connection_transport(raw);
    connection_start(raw, protocol);
    transport_pause_producing(self->below); /* there is no protocol yet */
    return 0;
}

void ssl_connection_ready(struct ssl_connection *self)
{
    struct running before = enter(self);

    self->protocol = self->class->connected(self);
    reactor_enter(self->reactor, before);
    if (!self->protocol) { /* refused, and the class knows */
        self->state = SSL_OVER;
        kill_helper(self);
        connection_disconnect(self->raw, REASON_DONE);
        return;
    }
    self->state = SSL_CONNECTED;
    transport_resume_producing(self->below);
    before = enter(self);
    trace("  %s %d: make_connection", self->protocol->class->name,
          connection_descriptor(self->below));
    protocol_make_connection(self->protocol, &self->transport);
    reactor_enter(self->reactor, before);
}

/* --- what the helper says --- */

static void err_received(struct process_protocol *base, const char *data,
                         size_t length)
{
    struct ssl_connection *self = base->owner;

    ssl_words_received(&self->words, data, length);
    if (self->state == SSL_SHAKING && self->class->heard)
        self->class->heard(self);
    decide_end(self);
}

static void process_exited(struct process_protocol *base, struct failure reason)
{
    struct ssl_connection *self = base->owner;

    self->pid = 0;
    self->status = reason.number;
}

static void process_ended(struct process_protocol *base, struct failure reason)
{
    struct ssl_connection *self = base->owner;

    (void)reason;
    self->has_helper = false;
    trace("  helper of %s has ended",
          self->protocol ? self->protocol->class->name : "nobody");
    if (self->state == SSL_SHAKING)
        ssl_connection_fail(self, ssl_words_no_handshake(&self->words));
    else if (self->state == SSL_OVER)
        ssl_connection_free_if_gone(self);
    else
        decide_end(self);
}

static const struct process_protocol_class SslHelper = {
    .name = "SslHelper",
    .size = sizeof(struct process_protocol),
    .err_received = err_received,
    .process_exited = process_exited,
    .process_ended = process_ended,
};

/* The reactor is being freed, and will reap nobody any more. One who has
 * been reaped already will still be heard of, as will the raw connection. */
static void end_with_reactor(void *argument)
{
    struct ssl_connection *self = argument;

    if (self->pid > 0) {
        kill_helper(self);
        waitpid(self->pid, &self->status, 0); /* not for long: it is killed */
        self->pid = 0;
        self->has_helper = false;
    }
    if (self->raw || self->has_helper)
        return;
    if (self->state == SSL_CONNECTED)
        notify_lost(self, final_reason(self));
    else
        ssl_connection_free_if_gone(self);
}

struct process *ssl_connection_spawn(struct ssl_connection *self,
                                     const char *const *arguments,
                                     const struct process_descriptor *map,
                                     int count)
{
    /* With our environment: SSL_CERT_FILE and OPENSSL_CONF are for it, too. */
    const struct process_options options = { .arguments = arguments,
                                             .parent_environment = true,
                                             .descriptors = map,
                                             .descriptor_count = count,
                                             .owner = self };
    struct process *process = reactor_spawn_process(self->reactor, &SslHelper,
                                                    arguments[0], &options);

    if (!process)
        return NULL;
    self->pid = process_pid(process); /* to be killed even when `process`,
                                         which the loop frees, has gone */
    self->has_helper = true;
    reactor_add_trigger(self->reactor, TRIGGER_BEFORE, REACTOR_FREE, &self->end,
                        end_with_reactor, self);
    return process;
}

/* --- what the protocol sees: the raw connection, while there is one --- */

static void write_pieces(struct transport *transport,
                         const struct iovec *pieces, size_t count)
{
    if (of(transport)->below)
        transport_write_sequence(of(transport)->below, pieces, count);
}

static void lose_connection(struct transport *transport)
{
    if (of(transport)->below)
        transport_lose_connection(of(transport)->below);
}

/* The peer sees its stream end without close_notify. */
static void abort_connection(struct transport *transport)
{
    kill_helper(of(transport));
    if (of(transport)->below)
        transport_abort_connection(of(transport)->below);
}

static void lose_write_connection(struct transport *transport)
{
    if (!of(transport)->class->half_close)
        lose_connection(transport);
    else if (of(transport)->below)
        transport_lose_write_connection(of(transport)->below);
}

static void pause_producing(struct transport *transport)
{
    if (of(transport)->below)
        transport_pause_producing(of(transport)->below);
}

static void resume_producing(struct transport *transport)
{
    if (of(transport)->below)
        transport_resume_producing(of(transport)->below);
}

static int register_producer(struct transport *transport,
                             struct producer *producer, bool streaming)
{
    if (of(transport)->below)
        return transport_register_producer(of(transport)->below, producer,
                                           streaming);
    producer->stop_producing(producer);
    return 0;
}

static void unregister_producer(struct transport *transport)
{
    if (of(transport)->below)
        transport_unregister_producer(of(transport)->below);
}

static size_t queued(const struct transport *transport)
{
    return of(transport)->below ? transport_queued(of(transport)->below) : 0;
}

static bool disconnecting(const struct transport *transport)
{
    return !of(transport)->below ||
           transport_disconnecting(of(transport)->below);
}

static int get_peer(const struct transport *transport, struct address *address)
{
    *address = of(transport)->peer;
    return 0;
}

/* A client's socket is its helper's, who does not tell. */
static int get_host(const struct transport *transport, struct address *address)
{
    *address = of(transport)->host;
    if (address->length > 0)
        return 0;
    errno = ENOTSUP;
    return -1;
}

static const struct transport_class ssl_transport = {
    .write = write_pieces,
    .lose_connection = lose_connection,
    .abort_connection = abort_connection,
    .lose_write_connection = lose_write_connection,
    .pause_producing = pause_producing,
    .resume_producing = resume_producing,
    .register_producer = register_producer,
    .unregister_producer = unregister_producer,
    .queued = queued,
    .disconnecting = disconnecting,
    .get_peer = get_peer,
    .get_host = get_host,
};

struct ssl_connection *ssl_connection_new(
    const struct ssl_connection_class *class, struct reactor *reactor,
    const struct address *peer)
{
    struct ssl_connection *self = calloc(1, class->size);

    if (!self)
        return NULL;
    self->class = class;
    self->transport = (struct transport){ &ssl_transport, reactor };
    self->reactor = reactor;
    self->peer = *peer;
    return self;
}
