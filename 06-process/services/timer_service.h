/* SPDX-License-Identifier: MIT
 *
 * timer_service.h - a function that is called again and again for as long as
 * the service runs: Twisted's TimerService.
 *
 * A callback returns nothing, so there is no failing call that could end the
 * timer: a function that cannot go on stops the service.
 */
#ifndef TIMER_SERVICE_H
#define TIMER_SERVICE_H

#include <stdint.h>

#include "reactor/reactor.h"
#include "services/service.h"

struct timer_service {
    struct service base;
    struct reactor *reactor;
    double step; /* seconds */
    void (*function)(void *argument);
    void *argument;
    struct delayed_call call; /* the next one */
    int64_t began;            /* nanoseconds; the calls keep to this grid */
    bool calling;             /* the function has not returned yet */
};

/* When started it calls function(argument) before service_start returns, and
 * then every `step` seconds; a moment that is missed is left out. To stop it
 * inside the function is to wait until that has returned. service_start is
 * EINVAL for a step below 0 or above 1e9. */
void timer_service_init(struct timer_service *self, struct reactor *reactor,
                        double step, void (*function)(void *argument),
                        void *argument);

#endif
