/* SPDX-License-Identifier: MIT
 *
 * reconnecting_client_factory.h - a factory whose connection is made again
 * whenever it is lost or cannot be made: Twisted's ReconnectingClientFactory.
 * Each attempt waits longer than the one before, so that a server that comes
 * back is not met by everybody at once.
 *
 * Begin your factory with it, and initialize it with
 * reconnecting_client_factory_init. If you set callbacks of your own for the
 * two failures, call reconnecting_client_factory_retry from them. Each wait is
 * announced in the log; so is that there will be none, when it cannot be
 * scheduled.
 */
#ifndef RECONNECTING_CLIENT_FACTORY_H
#define RECONNECTING_CLIENT_FACTORY_H

#include <stdbool.h>

#include "stream/tcp_connector.h"

struct reconnecting_client_factory {
    struct factory base;
    double initial_delay; /* seconds; multiplied before it is first used, and
                             the least that a wait can be */
    double max_delay;     /* seconds */
    double factor;        /* by which each wait is longer; e */
    double jitter;        /* standard deviation of a wait, as a part of it */
    int max_retries;      /* 0: for ever */
    double delay;         /* of the last wait */
    int retries;          /* since reset_delay */
    bool stopped;         /* stop_trying was called */
    struct connector *connector; /* that waits or tries, or NULL */
    unsigned seed;               /* of the jitter */
};

void reconnecting_client_factory_init(struct reconnecting_client_factory *self,
                                      const char *name,
                                      const struct protocol_class *protocol);

/* What it does about both failures: asks the connector to try again later. */
void reconnecting_client_factory_retry(struct factory *self,
                                       struct connector *connector,
                                       struct failure reason);

/* For a protocol that has got what it wanted: the next wait is short again. */
void reconnecting_client_factory_reset_delay(
    struct reconnecting_client_factory *self);

/* No further attempt, nor the one that is going on or waited for. */
void reconnecting_client_factory_stop_trying(
    struct reconnecting_client_factory *self);

#endif
