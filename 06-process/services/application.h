/* SPDX-License-Identifier: MIT
 *
 * application.h - ties a service to the life of a reactor: started before the
 * loop, stopped at its shutdown, which waits until it has stopped.
 *
 * The struct and the service are yours, and must outlive the reactor.
 */
#ifndef APPLICATION_H
#define APPLICATION_H

#include "reactor/reactor.h"
#include "services/service.h"

/* All of it belongs to application.c. */
struct application {
    struct multi_service root; /* the service is its only child */
    struct service *service;
    struct reactor *reactor;
    struct trigger shutdown;
};

/* Privileged start, then start; the first phase of the reactor's shutdown will
 * stop the service. Returns 0, or -1 with the errno of what did not start:
 * then what did start is stopped again, at the end of the turn or with
 * reactor_free. EBUSY if the service has a parent. */
int application_start(struct application *self, struct service *service,
                      struct reactor *reactor);

#endif
