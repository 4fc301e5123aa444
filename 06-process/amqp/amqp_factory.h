/* SPDX-License-Identifier: MIT
 *
 * amqp_factory.h - a client of a broker that comes back: it connects again when
 * the connection is lost, and when the loop stops it takes leave first.
 *
 * A program's factory begins with it; amqp_factory_init, then the callbacks.
 */
#ifndef AMQP_FACTORY_H
#define AMQP_FACTORY_H

#include "amqp/amqp_client.h"
#include "stream/reconnecting_client_factory.h"

struct amqp_factory {
    struct reconnecting_client_factory base;
    struct amqp_login login; /* yours to set */

    /* The broker has let us in; open channels. */
    void (*ready)(struct amqp_factory *self, struct amqp_client *client);

    /* There is no connection, or none any more; `reason` as for amqp_client's
     * `lost`, or why it cannot connect. Unless this calls amqp_factory_leave it
     * tries again. */
    void (*lost)(struct amqp_factory *self, struct failure reason);

    /* As amqp_client_class has it. NULL: nothing. */
    void (*flow_changed)(struct amqp_factory *self);

    struct reactor *reactor;
    struct amqp_client *client; /* NULL: not connected */
    struct trigger stopping;
    bool leaving; /* amqp_factory_leave was called, or the loop stops */
    bool held;    /* the loop waits for us */
};

void amqp_factory_init(struct amqp_factory *self, const char *name,
                       struct reactor *reactor);

/* Closes the connection, with a word to the broker, and stops the loop. */
void amqp_factory_leave(struct amqp_factory *self);

#endif
