/* SPDX-License-Identifier: MIT */
#include "services/application.h"

#include <errno.h>

static void application_stopped(void *argument)
{
    struct application *self = argument;

    multi_service_remove(&self->root, self->service, NULL, NULL);
    reactor_release_shutdown(self->reactor);
}

static void application_stop(void *argument)
{
    struct application *self = argument;

    reactor_hold_shutdown(self->reactor);
    service_stop(&self->root.base, application_stopped, self);
}

/* The root is nobody else's, so nobody else can have asked it to stop; and it
 * waits for the service whoever has stopped that. */
int application_start(struct application *self, struct service *service,
                      struct reactor *reactor)
{
    *self = (struct application){ .service = service, .reactor = reactor };
    multi_service_init(&self->root);
    if (multi_service_add(&self->root, service) < 0)
        return -1;
    if (service_privileged_start(&self->root.base) == 0 &&
        service_start(&self->root.base) == 0 &&
        reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN,
                            &self->shutdown, application_stop, self) == 0)
        return 0;
    int error = errno;
    application_stop(self);
    errno = error;
    return -1;
}
