/* SPDX-License-Identifier: MIT */
#include "services/server_service.h"

#include <errno.h>
#include <stddef.h>

/* The port is gone, whether or not we have asked for it. */
static void port_closed(void *argument)
{
    struct server_service *self = argument;

    self->port = NULL;
    if (self->base.stopping)
        service_stopped(&self->base);
}

/* Waits for the port, which is closed at the end of the turn; only then can
 * another have its number. */
static void server_service_stop(struct service *base)
{
    struct server_service *self = (struct server_service *)base;

    if (self->port)
        port_stop_listening(self->port);
    else if (!self->opening)
        service_stopped(base);
}

/* For both starts: whichever comes first opens the port. To open it calls the
 * program's factory, or its protocol, which may stop the service at once: then
 * there is no port yet that could be closed, and so it is closed here. */
static int server_service_start(struct service *base)
{
    struct server_service *self = (struct server_service *)base;

    if (self->port)
        return 0;
    self->opening = true;
    self->port = self->open(self);
    self->opening = false;
    int error = errno;
    if (self->port)
        port_on_stopped(self->port, port_closed, self);
    if (base->stopping)
        server_service_stop(base);
    errno = error;
    return self->port ? 0 : -1;
}

const struct service_class ServerService = {
    .privileged_start = server_service_start,
    .start = server_service_start,
    .stop = server_service_stop,
};

const struct service_class PortClientService = {
    .start = server_service_start,
    .stop = server_service_stop,
};
