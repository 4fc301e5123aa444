/* SPDX-License-Identifier: MIT */
#include "stream/tcp_connector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/trace.h"
#include "stream/tcp_client.h"

/* Seconds. */
static const double default_timeout = 30;
static const double until_not_full = 0.01; /* the kernel does not tell */

struct connector {
    struct connection_owner owner;
    struct descriptor grave; /* without a number: how the memory is freed */
    struct reactor *reactor;
    struct factory *factory;
    double seconds; /* for one attempt */
    enum connector_state state;
    bool factory_started;
    struct connection *connection; /* while connecting or connected */
    struct tcp_client client;      /* while its name is looked up */
    struct delayed_call attempt;   /* the next one */
    struct delayed_call timeout;   /* the end of this one */
    struct trigger end;            /* with the reactor */
    struct connect_target where;
    char hosts[]; /* that it points to */
};

static void dispose(struct descriptor *grave)
{
    struct connector *self =
        (struct connector *)((char *)grave - offsetof(struct connector, grave));

    delayed_call_cancel(&self->attempt);
    delayed_call_cancel(&self->timeout);
    free(self);
}

static const struct descriptor_class Grave = { .name = "Connector",
                                               .dispose = dispose };

static void bury(struct connector *self)
{
    tcp_client_forget(&self->client);
    reactor_remove_trigger(self->reactor, &self->end);
    reactor_disconnect(self->reactor, &self->grave, REASON_DONE);
}

/* An attempt or a connection is over. If nobody begins another, that was it
 * for the factory, and for the connector. */
static void rest_in_peace(struct connector *self)
{
    if (self->state != DISCONNECTED || !self->factory_started)
        return;
    self->factory_started = false;
    factory_do_stop(self->factory);
    if (!delayed_call_active(&self->attempt))
        bury(self);
}

static void fail(struct connector *self, struct failure reason)
{
    struct connection *connection = self->connection;

    delayed_call_cancel(&self->timeout);
    delayed_call_cancel(&self->attempt);
    tcp_client_forget(&self->client);
    self->connection = NULL;
    self->state = DISCONNECTED;
    if (connection) {
        connection->owner = NULL;
        reactor_disconnect(self->reactor, &connection->base, REASON_DONE);
    }
    if (self->factory->client_connection_failed)
        self->factory->client_connection_failed(self->factory, self, reason);
    rest_in_peace(self);
}

static void time_out(void *argument)
{
    fail(argument, (struct failure){ &TimeoutError, 0, NULL });
}

/* The connection that came of an attempt has ended; its protocol knows. */
static void lost(struct connection_owner *owner, struct failure reason)
{
    struct connector *self = (struct connector *)owner;

    self->connection = NULL;
    self->state = DISCONNECTED;
    if (self->factory->client_connection_lost)
        self->factory->client_connection_lost(self->factory, self, reason);
    rest_in_peace(self);
}

/* The handshake is over. Returns who takes the connection, or NULL. */
static struct protocol *connected(struct connection_owner *owner,
                                  const struct address *peer)
{
    struct connector *self = (struct connector *)owner;

    delayed_call_cancel(&self->timeout);
    self->state = CONNECTED;
    trace("  %s: build_protocol", self->factory->name);
    return factory_build_protocol(self->factory, peer);
}

static void failed(struct connection_owner *owner, struct failure reason)
{
    struct connector *self = (struct connector *)owner;

    self->connection = NULL;
    fail(self, reason);
}

static void run_attempt(void *argument)
{
    struct connector *self = argument;
    struct failure failure = self->where.connect(
        self->reactor, &self->where, &self->owner, &self->connection);

    if (failure.number == EAGAIN) /* the queue of a UNIX server is full */
        reactor_call_later(self->reactor, &self->attempt, until_not_full,
                           run_attempt, self);
    else if (failure.type)
        fail(self, failure);
}

int connector_connect(struct connector *self)
{
    if (self->state != DISCONNECTED) {
        errno = EALREADY;
        return -1;
    }
    delayed_call_cancel(&self->attempt);
    if (reactor_call_later(self->reactor, &self->attempt, 0, run_attempt,
                           self) < 0 ||
        reactor_call_later(self->reactor, &self->timeout, self->seconds,
                           time_out, self) < 0) {
        delayed_call_cancel(&self->attempt);
        return -1;
    }
    self->state = CONNECTING;
    if (!self->factory_started)
        factory_do_start(self->factory);
    self->factory_started = true;
    if (self->factory->started_connecting)
        self->factory->started_connecting(self->factory, self);
    return 0;
}

static void connect_again(void *argument)
{
    connector_connect(argument);
}

int connector_retry(struct connector *self, double seconds)
{
    if (self->state != DISCONNECTED) {
        errno = EALREADY;
        return -1;
    }
    delayed_call_cancel(&self->attempt);
    return reactor_call_later(self->reactor, &self->attempt, seconds,
                              connect_again, self);
}

void connector_stop_retrying(struct connector *self)
{
    if (self->state == DISCONNECTED && delayed_call_cancel(&self->attempt) == 0)
        bury(self);
}

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
    else if (self->state == CONNECTED && self->connection)
        transport_lose_connection(&self->connection->transport);
}

enum connector_state connector_state(const struct connector *self)
{
    return self->state;
}

const char *connector_host(const struct connector *self)
{
    return self->where.host;
}

int connector_port(const struct connector *self)
{
    return self->where.port;
}

/* Nobody will hear of this any more. */
static void end(void *argument)
{
    bury(argument);
}

struct connector *connector_new(struct reactor *reactor,
                                const struct connect_target *where,
                                struct factory *factory, double timeout)
{
    const char *bind_host = where->bind_host ? where->bind_host : "";
    size_t length = strlen(where->host) + 1;
    struct connector *self =
        calloc(1, sizeof(*self) + length + strlen(bind_host) + 1);

    if (!self)
        return NULL;
    self->owner = (struct connection_owner){ connected, failed, lost };
    self->grave = (struct descriptor){ .class = &Grave, .fd = -1 };
    self->reactor = reactor;
    self->factory = factory;
    self->seconds = timeout > 0 ? timeout : default_timeout;
    self->where = *where;
    self->where.client = &self->client;
    self->where.host = strcpy(self->hosts, where->host);
    if (where->bind_host)
        self->where.bind_host = strcpy(self->hosts + length, bind_host);
    if (reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_FREE, &self->end,
                            end, self) < 0 ||
        connector_connect(self) < 0) {
        reactor_remove_trigger(reactor, &self->end);
        dispose(&self->grave);
        errno = ENOMEM;
        return NULL;
    }
    return self;
}
