/* SPDX-License-Identifier: MIT
 *
 * port.c - what ports of every kind do in the same way: say where they are,
 * stop once, and be freed before anybody hears that they have stopped.
 */
#include "protocol/port.h"

#include <stdlib.h>

#include "protocol/log.h"

/* The kernel is asked: when a program wanted port 0, only it knows. */
int port_get_host(const struct port *self, struct address *address)
{
    return address_local(address, self->base.fd);
}

void port_on_stopped(struct port *self, void (*stopped)(void *), void *argument)
{
    self->stopped = stopped;
    self->argument = argument;
}

/* Not at once: it may be asked for in a callback of the port itself. Twice is
 * once: a descriptor that is disconnected already stays as it is. */
void port_stop_listening(struct port *self)
{
    reactor_disconnect(self->reactor, &self->base, REASON_DONE);
}

/* Twisted closes a port in a call of its own, which runs under no name; we
 * close it in connection_lost, which runs under the port's. */
void port_log_closed(const struct port *self, const char *type,
                     const char *where)
{
    reactor_enter(self->reactor, (struct running){ NULL, NULL });
    log_message("(%s Port %s Closed)", type, where);
}

/* The number is closed by now: who is told can have it again. */
void port_dispose(struct descriptor *base)
{
    struct port *self = (struct port *)base;
    void (*stopped)(void *) = self->stopped;
    void *argument = self->argument;

    free(self); /* first: `stopped` is promised that the port is gone */
    if (stopped)
        stopped(argument);
}
