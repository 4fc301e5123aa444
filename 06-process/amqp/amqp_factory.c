/* SPDX-License-Identifier: MIT */
#include "amqp/amqp_factory.h"

/* Seconds before the first attempt to come back, and at most: a broker that is
 * started again should have its workers soon. */
static const double first_delay = 0.1, last_delay = 5;

static struct amqp_factory *factory_of(const struct amqp_client *client)
{
    return (struct amqp_factory *)client->base.base.factory;
}

static void connection_made(struct protocol *protocol)
{
    struct amqp_client *client = (struct amqp_client *)protocol;
    struct amqp_factory *self = factory_of(client);

    self->client = client;
    client->base.clock = clock_of_reactor(self->reactor);
    client->login = &self->login;
    amqp_client_connection_made(protocol);
}

static void ready(struct amqp_client *client)
{
    struct amqp_factory *self = factory_of(client);

    reconnecting_client_factory_reset_delay(&self->base);
    self->ready(self, client);
}

static void flow_changed(struct amqp_client *client)
{
    if (factory_of(client)->flow_changed)
        factory_of(client)->flow_changed(factory_of(client));
}

/* Nothing is connected, and nothing will be. */
static void left(struct amqp_factory *self)
{
    if (self->held)
        reactor_release_shutdown(self->reactor);
    else if (reactor_running(self->reactor))
        reactor_stop(self->reactor);
    self->held = false;
}

/* The connector's own callback comes after this one, and tries again unless we
 * are leaving. */
static void lost(struct amqp_client *client, struct failure reason)
{
    struct amqp_factory *self = factory_of(client);
    bool leaving = self->leaving;

    self->client = NULL;
    self->lost(self, reason);
    if (leaving) /* or `lost` has called amqp_factory_leave, which does it */
        left(self);
}

/* While leaving this comes from stop_trying, and is no news. */
static void connection_failed(struct factory *base, struct connector *connector,
                              struct failure reason)
{
    struct amqp_factory *self = (struct amqp_factory *)base;

    if (!self->leaving)
        self->lost(self, reason);
    reconnecting_client_factory_retry(base, connector, reason);
}

void amqp_factory_leave(struct amqp_factory *self)
{
    if (self->leaving)
        return;
    self->leaving = true;
    reconnecting_client_factory_stop_trying(&self->base);
    if (self->client)
        amqp_client_close(self->client); /* `lost` goes on */
    else
        left(self);
}

/* The loop stops, because of a signal as a rule: first we take leave. */
static void stop(void *argument)
{
    struct amqp_factory *self = argument;

    if (self->leaving && !self->client)
        return;
    reactor_hold_shutdown(self->reactor);
    self->held = true;
    amqp_factory_leave(self);
}

static const struct amqp_client_class AmqpClient = {
    .base = { .base = { .name = "AmqpClient",
                        .size = sizeof(struct amqp_client),
                        .connection_made = connection_made,
                        .data_received = amqp_receiver_data_received,
                        .connection_lost = amqp_client_connection_lost },
              .frame_received = amqp_client_frame_received,
              .frame_refused = amqp_client_frame_refused,
              .silent = amqp_client_silent },
    .ready = ready,
    .lost = lost,
    .flow_changed = flow_changed,
};

void amqp_factory_init(struct amqp_factory *self, const char *name,
                       struct reactor *reactor)
{
    *self = (struct amqp_factory){ .reactor = reactor };
    reconnecting_client_factory_init(&self->base, name, &AmqpClient.base.base);
    self->base.base.client_connection_failed = connection_failed;
    self->base.initial_delay = self->base.delay = first_delay;
    self->base.max_delay = last_delay;
    reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN,
                        &self->stopping, stop, self);
}
