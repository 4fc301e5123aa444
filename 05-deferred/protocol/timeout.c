/* SPDX-License-Identifier: MIT
 *
 * timeout.c - one delayed call, and what it does to its protocol.
 */
#include "protocol/timeout.h"

static void run_out(void *argument)
{
    struct timeout *self = argument;

    if (self->expired)
        self->expired(self->protocol);
    else
        transport_lose_connection(self->protocol->transport);
}

void timeout_start(struct timeout *self, struct protocol *protocol,
                   double seconds, void (*expired)(struct protocol *))
{
    timeout_stop(self); /* a pending call cannot be scheduled once more */
    self->protocol = protocol;
    self->seconds = seconds;
    self->expired = expired;
    if (reactor_call_later(protocol->transport->reactor, &self->call, seconds,
                           run_out, self) < 0)
        transport_abort_connection(protocol->transport);
}

void timeout_reset(struct timeout *self)
{
    delayed_call_reset(&self->call, self->seconds);
}

void timeout_stop(struct timeout *self)
{
    delayed_call_cancel(&self->call);
}
