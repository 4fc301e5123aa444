/* SPDX-License-Identifier: MIT
 *
 * tcp_connector.c - the states of a client: disconnected, connecting,
 * connected, and what its factory hears at each step from one to the next.
 */
#include "stream/tcp_connector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/trace.h"
#include "stream/tcp_client.h"

/* Seconds. */
static const double default_timeout = 30;

/* The framework makes it and frees it: see finish. What becomes of its
 * connection it hears through client.owner. */
struct connector {
    struct tcp_client client; /* first: its owner is the connector */
    struct factory *factory;
    double seconds; /* for one attempt */
    enum connector_state state;
    bool factory_started;
    struct delayed_call attempt; /* the next one */
    struct delayed_call timeout; /* the end of this one */
    struct trigger reactor_end;  /* the end of all of them */
    struct turn_end turn_end;    /* where it is freed */
    char host[];                 /* that client.where points to */
};

static void connector_free(void *argument)
{
    struct connector *self = argument;

    delayed_call_cancel(&self->attempt);
    delayed_call_cancel(&self->timeout);
    free(self);
}

/* It has come to its end, but whoever has called us may still hold it: so not
 * before the turn is over. Or the reactor is being freed, and the connector
 * goes with it. Twice is once. */
static void free_later(void *argument)
{
    struct connector *self = argument;

    tcp_client_forget(&self->client);
    reactor_remove_trigger(self->client.reactor, &self->reactor_end);
    if (!self->turn_end.function)
        reactor_at_turn_end(self->client.reactor, &self->turn_end,
                            connector_free, self);
}

/* An attempt or a connection is over, and `tell`, if it is not NULL, tells the
 * factory; the state is set before, for that may connect again. If it has not
 * begun another, that was it for the factory; and if none is planned, for the
 * connector, too. */
static void finish(struct connector *self, struct failure reason,
                   void (*tell)(struct factory *, struct connector *,
                                struct failure))
{
    self->client.connection = NULL;
    self->state = DISCONNECTED;
    if (tell)
        tell(self->factory, self, reason);
    /* It may also have begun another that has ended by now: then the call that
     * told of that end has done all of this. */
    if (self->state != DISCONNECTED || !self->factory_started)
        return;
    self->factory_started = false;
    factory_do_stop(self->factory);
    if (!delayed_call_active(&self->attempt))
        free_later(self);
}

/* The attempt is over, for whatever reason, and its connection with it. */
static void fail(struct connector *self, struct failure reason)
{
    struct connection *connection = self->client.connection;

    delayed_call_cancel(&self->timeout);
    delayed_call_cancel(&self->attempt);
    tcp_client_forget(&self->client);
    if (connection) { /* it must not tell us of its end: we know */
        connection_set_owner(connection, NULL);
        connection_disconnect(connection, REASON_DONE);
    }
    finish(self, reason, self->factory->client_connection_failed);
}

static void time_out(void *argument)
{
    fail(argument, (struct failure){ &TimeoutError, 0, NULL });
}

/* The connection that came of an attempt has ended; its protocol knows. */
static void lost(struct connection_owner *owner, struct failure reason)
{
    struct connector *self = (struct connector *)owner;

    finish(self, reason, self->factory->client_connection_lost);
}

/* The handshake is over. Returns who takes the connection, or NULL. The timeout
 * was for the attempt, and not for what the factory does now. */
static struct protocol *connected(struct connection_owner *owner,
                                  const struct address *peer,
                                  struct failure *reason)
{
    struct connector *self = (struct connector *)owner;

    delayed_call_cancel(&self->timeout);
    self->state = CONNECTED;
    trace("  %s: build_protocol", self->factory->name);
    return factory_build_protocol(self->factory, peer, reason);
}

/* The handshake has failed; the connection is being lost without us. */
static void failed(struct connection_owner *owner, struct failure reason)
{
    struct connector *self = (struct connector *)owner;

    self->client.connection = NULL;
    fail(self, reason);
}

/* In a turn of its own, so that no outcome is told inside connector_connect: a
 * caller would hear of the end before it has the connector in its hands. */
static void run_attempt(void *argument)
{
    struct connector *self = argument;
    struct failure failure = tcp_client_look_up(&self->client);

    if (failure.type)
        fail(self, failure);
}

/* The timeout counts from here: it covers the look-up of the name as well. */
int connector_connect(struct connector *self)
{
    if (self->state != DISCONNECTED) {
        errno = EALREADY;
        return -1;
    }
    delayed_call_cancel(&self->attempt);
    if (reactor_call_later(self->client.reactor, &self->attempt, 0, run_attempt,
                           self) < 0 ||
        reactor_call_later(self->client.reactor, &self->timeout, self->seconds,
                           time_out, self) < 0) {
        /* Or it would connect all the same, with nobody who waits for it. */
        delayed_call_cancel(&self->attempt);
        return -1;
    }
    self->state = CONNECTING;
    if (!self->factory_started)
        factory_do_start(self->factory);
    self->factory_started = true;
    /* Last: it may give up the attempt, and only one that has begun. */
    if (self->factory->started_connecting)
        self->factory->started_connecting(self->factory, self);
    return 0;
}

static void connect_again(void *argument)
{
    connector_connect(argument);
}

/* The state stays disconnected until then, and the connector alive. */
int connector_retry(struct connector *self, double seconds)
{
    if (self->state != DISCONNECTED) {
        errno = EALREADY;
        return -1;
    }
    delayed_call_cancel(&self->attempt); /* there is one at most */
    return reactor_call_later(self->client.reactor, &self->attempt, seconds,
                              connect_again, self);
}

/* The factory was stopped when the last attempt ended, so with nothing to wait
 * for this is the end of the connector. */
void connector_stop_retrying(struct connector *self)
{
    if (self->state == DISCONNECTED && delayed_call_cancel(&self->attempt) == 0)
        free_later(self);
}

/* Tells the factory before it returns, as Twisted does (C9). */
int connector_stop_connecting(struct connector *self)
{
    if (self->state != CONNECTING) {
        errno = ENOTCONN;
        return -1;
    }
    fail(self, (struct failure){ &UserError, 0, NULL });
    return 0;
}

void connector_disconnect(struct connector *self)
{
    if (self->state == CONNECTING)
        connector_stop_connecting(self);
    else if (self->state == CONNECTED && self->client.connection)
        transport_lose_connection(
            connection_transport(self->client.connection));
}

enum connector_state connector_state(const struct connector *self)
{
    return self->state;
}

const char *connector_host(const struct connector *self)
{
    return self->client.where.host;
}

int connector_port(const struct connector *self)
{
    return self->client.where.port;
}

/* The host is copied behind the struct: the caller's may be on its stack. */
struct connector *connector_new(struct reactor *reactor,
                                const struct connect_target *where,
                                struct factory *factory, double timeout)
{
    struct connector *self = calloc(1, sizeof(*self) + strlen(where->host) + 1);

    if (!self)
        return NULL;
    self->client.owner = (struct connection_owner){ connected, failed, lost };
    self->client.reactor = reactor;
    self->factory = factory;
    self->seconds = timeout > 0 ? timeout : default_timeout;
    self->client.where = *where;
    self->client.where.host = strcpy(self->host, where->host);
    if (reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_FREE,
                            &self->reactor_end, free_later, self) < 0 ||
        connector_connect(self) < 0) {
        reactor_remove_trigger(reactor, &self->reactor_end);
        connector_free(self);
        errno = ENOMEM;
        return NULL;
    }
    return self;
}
