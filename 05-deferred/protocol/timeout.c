/* SPDX-License-Identifier: MIT
 *
 * timeout.c - one delayed call, and what it does to its protocol.
 */
#include "protocol/timeout.h"

/* To lose the connection is the default, and sends first what is owed. A peer
 * that does not read delays that; who cannot wait aborts in `expired`. */
static void time_out(void *argument)
{
    struct protocol *protocol = argument;

    transport_lose_connection(protocol->transport);
}

/* Starts it anew if it runs. The protocol has its transport by now: through
 * that it reaches its reactor. */
void timeout_start(struct timeout *self, struct protocol *protocol,
                   double seconds, void (*expired)(void *))
{
    timeout_stop(self); /* a pending call cannot be scheduled once more */
    self->seconds = seconds;
    /* Without memory for the call nothing would end a silent peer. */
    if (reactor_call_later(protocol->transport->reactor, &self->call, seconds,
                           expired ? expired : time_out, protocol) < 0)
        transport_abort_connection(protocol->transport);
}

/* Does nothing to one that has run out: a protocol that lives on after that
 * starts it again. */
void timeout_reset(struct timeout *self)
{
    delayed_call_reset(&self->call, self->seconds);
}

/* For connection_lost: the protocol is freed after it, and a call that is left
 * in the loop would be given what was freed. */
void timeout_stop(struct timeout *self)
{
    delayed_call_cancel(&self->call);
}
