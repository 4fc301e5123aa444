/* SPDX-License-Identifier: MIT
 *
 * reconnecting_client_factory.c - how long to wait before the next attempt.
 */
#include "stream/reconnecting_client_factory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/log.h"

/* stop_trying needs it: the framework makes the connector. */
static void started(struct factory *base, struct connector *connector)
{
    ((struct reconnecting_client_factory *)base)->connector = connector;
}

void reconnecting_client_factory_init(struct reconnecting_client_factory *self,
                                      const char *name,
                                      const struct protocol_class *protocol)
{
    *self = (struct reconnecting_client_factory){
        .base = { .name = name,
                  .protocol = protocol,
                  .started_connecting = started,
                  .client_connection_failed = reconnecting_client_factory_retry,
                  .client_connection_lost = reconnecting_client_factory_retry },
        .initial_delay = 1,
        .max_delay = 3600,
        /* Twisted's numbers: e, and the molar Planck constant times c in joule
         * metres per mole, which is as good a small number as any. */
        .factor = 2.7182818284590451,
        .jitter = 0.119626565582,
        .delay = 1,
        /* Nanoseconds: clients that one script starts must not wait in step. */
        .seed = (unsigned)delayed_calls_now(),
    };
}

/* A number from a normal distribution around 0 with deviation 1, or so close
 * to it that nobody sees: twelve throws of a die, minus what they average. */
static double normal(struct reconnecting_client_factory *self)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += rand_r(&self->seed) / (double)RAND_MAX;
    return sum;
}

/* What the last wait was, times the factor, with jitter: without that, a
 * thousand clients that have lost their server at the same moment would come
 * back at the same moment, again and again. A wide jitter may throw less than
 * nothing, which is no wait; and once there the delay would stay there. */
static void lengthen_delay(struct reconnecting_client_factory *self)
{
    self->delay *= self->factor;
    if (self->delay > self->max_delay)
        self->delay = self->max_delay;
    if (self->jitter > 0)
        self->delay += normal(self) * self->delay * self->jitter;
    if (self->delay < self->initial_delay)
        self->delay = self->initial_delay;
}

/* The connector lives on only if it is told to try again before this returns.
 */
void reconnecting_client_factory_retry(struct factory *base,
                                       struct connector *connector,
                                       struct failure reason)
{
    struct reconnecting_client_factory *self =
        (struct reconnecting_client_factory *)base;

    (void)reason;
    self->connector = NULL;
    if (self->stopped)
        return;
    if (self->max_retries && self->retries >= self->max_retries) {
        log_message("Abandoning %s after %d retries.",
                    connector_host(connector), self->retries);
        return;
    }
    self->retries++;
    lengthen_delay(self); /* before it is used: the first is e seconds (C22) */
    if (connector_retry(connector, self->delay) < 0) {
        log_message("%s:%d will not be tried again: %s",
                    connector_host(connector), connector_port(connector),
                    strerror(errno));
        return;
    }
    self->connector = connector;
    log_message("%s:%d will retry in %d seconds", connector_host(connector),
                connector_port(connector), (int)self->delay);
}

void reconnecting_client_factory_reset_delay(
    struct reconnecting_client_factory *self)
{
    self->delay = self->initial_delay;
    self->retries = 0;
}

/* A connection that stands is not ended, only not made again. */
void reconnecting_client_factory_stop_trying(
    struct reconnecting_client_factory *self)
{
    struct connector *connector = self->connector;

    self->stopped = true;
    self->connector = NULL;
    if (!connector)
        return;
    connector_stop_retrying(connector);   /* if it waits, */
    connector_stop_connecting(connector); /* or if it tries */
}
