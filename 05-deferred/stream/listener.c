/* SPDX-License-Identifier: MIT
 *
 * listener.c - from a client that waits in the kernel to a connection with a
 * protocol; and what to do when there is no descriptor left for it.
 */
#include "stream/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"
#include "protocol/log.h"
#include "reactor/trace.h"
#include "stream/connection.h"

enum {
    ACCEPTS_FIRST = 100, /* clients accepted in one turn, at first */
    ACCEPTS_GROWTH = 20, /* more for each turn that was not enough */
    ACCEPTS_MAX = 1000   /* and never more */
};

/* Seconds without accepting, when accept fails and nobody could be shed. */
static const double pause_seconds = 1.0;

void listener_describe(const void *object, char *text)
{
    const struct listener *self = object;

    snprintf(text, RUNNING_TEXT_MAX, "%.150s", self->factory->name);
}

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* If the shortage is not over, the client that waits makes us pause again. */
static void accept_again(void *argument)
{
    struct listener *self = argument;

    reactor_add_reader(self->base.reactor, &self->base.base);
}

/* The client stays in the kernel's queue, so the poller would report it again
 * at once, and the loop would spin until the shortage is over. */
static void pause_accepting(struct listener *self, int error)
{
    log_message("Could not accept new connection (%s)", strerror(error));
    if (reactor_call_later(self->base.reactor, &self->again, pause_seconds,
                           accept_again, self) == 0) /* or it never would */
        reactor_remove_reader(self->base.reactor, &self->base.base);
}

/* No descriptor is left for those who wait, and they would wait for ever: give
 * up the one in reserve, and with it let each of them in and out again. */
static void shed_connections(struct listener *self)
{
    struct address peer;
    char text[ADDRESS_TEXT_MAX];
    int fd;

    if (self->reserve < 0)
        self->reserve = open_reserve();
    if (self->reserve < 0) {
        pause_accepting(self, EMFILE);
        return;
    }
    close(self->reserve);
    self->reserve = -1;
    for (int i = 0; i < ACCEPTS_FIRST; i++) {
        fd = net_accept(self->base.base.fd, &peer, NET_NONBLOCKING);
        if (fd < 0)
            break;
        close(fd);
        log_message("EMFILE recovery: Closed socket from %s",
                    address_text(&peer, text));
    }
    if (fd < 0 && errno != EAGAIN) /* it was not for want of a number */
        pause_accepting(self, errno);
    self->reserve = open_reserve();
}

/* Joins an accepted descriptor with a protocol, or closes it. */
static void accept_connection(struct listener *self, int fd,
                              const struct address *peer)
{
    struct connection *connection = NULL;
    struct failure reason; /* why there is no protocol: the same to a client */

    trace("  %s: build_protocol", self->factory->name);
    struct protocol *protocol =
        factory_build_protocol(self->factory, peer, &reason);
    if (protocol)
        connection = connection_new(self->base.reactor, fd, peer);
    if (!connection) { /* the client sees one that opens and closes */
        free(protocol);
        close(fd);
        return;
    }
    connection_set_number(connection, self->accepted++);
    connection_start(connection, protocol);
}

/* One client. Returns false when there is nobody left to accept. */
static bool accept_one(struct listener *self)
{
    struct address peer;
    char text[ADDRESS_TEXT_MAX];
    int fd = net_accept(self->base.base.fd, &peer, NET_NONBLOCKING);

    if (fd >= 0) {
        trace("  accept: %s is %d", address_text(&peer, text), fd);
        accept_connection(self, fd, &peer);
        return true;
    }
    /* With ENFILE the reserve is no help: the place that we give up in the
     * table of the whole machine goes to whoever asks first. */
    if (errno == EMFILE)
        shed_connections(self);
    else if (errno != EAGAIN)
        pause_accepting(self, errno);
    return false;
}

/* Many clients a turn, or a crowd would wait for as many turns as it has
 * heads; but not without limit, for those inside want to be served as well. */
int listener_do_read(struct descriptor *base)
{
    struct listener *self = (struct listener *)base;
    int count = 0;

    while (count < self->accepts && accept_one(self))
        count++;
    if (count == self->accepts && count < ACCEPTS_MAX)
        self->accepts += ACCEPTS_GROWTH;
    else /* never 0: the port would accept nobody any more */
        self->accepts = count > 0 ? count : 1;
    return REASON_NONE;
}

/* The reserve is taken now, while there are descriptors: when it is needed
 * there is none left. */
int listener_start(struct listener *self)
{
    self->accepts = ACCEPTS_FIRST;
    if (reactor_add_reader(self->base.reactor, &self->base.base) < 0)
        return -1;
    self->reserve = open_reserve();
    return 0;
}

/* The port's connection_lost calls it: the loop closes the descriptor, we give
 * back what listener_start took. A call that is left would add a reader to a
 * port that is freed. */
void listener_lost(struct listener *self)
{
    delayed_call_cancel(&self->again);
    if (self->reserve >= 0)
        close(self->reserve);
    factory_do_stop(self->factory);
}
