/* SPDX-License-Identifier: MIT */
#include "services/timer_service.h"

#include <errno.h>
#include <string.h>

#include "protocol/log.h"

/* Seconds: in nanoseconds it fits into 64 bits. */
static const double STEP_MAX = 1e9;

static void call_again(void *argument);

/* At the next point of the grid that is still to come. */
static int schedule(struct timer_service *self)
{
    int64_t step = (int64_t)(self->step * 1e9), wait = 0;

    if (step > 0)
        wait = step - (delayed_calls_now() - self->began) % step;
    return reactor_call_later(self->reactor, &self->call, (double)wait / 1e9,
                              call_again, self);
}

/* The function may stop the service, or block for longer than a step: the next
 * call is found by the clock when it has returned, not counted from this one,
 * so neither delays add up nor does a pile of missed calls follow. */
static int timer_service_call(struct timer_service *self)
{
    self->calling = true;
    self->function(self->argument);
    self->calling = false;
    if (!self->base.stopping)
        return schedule(self);
    service_stopped(&self->base);
    return 0;
}

/* Nobody is there to be told that there is no memory for the next call. */
static void call_again(void *argument)
{
    if (timer_service_call(argument) < 0)
        log_message("TimerService has ended: %s", strerror(errno));
}

static int timer_service_start(struct service *base)
{
    struct timer_service *self = (struct timer_service *)base;

    if (!(self->step >= 0 && self->step <= STEP_MAX)) {
        errno = EINVAL;
        return -1;
    }
    self->began = delayed_calls_now();
    return timer_service_call(self);
}

static void timer_service_stop(struct service *base)
{
    struct timer_service *self = (struct timer_service *)base;

    delayed_call_cancel(&self->call);
    if (!self->calling)
        service_stopped(base);
}

static const struct service_class TimerService = {
    .start = timer_service_start,
    .stop = timer_service_stop,
};

void timer_service_init(struct timer_service *self, struct reactor *reactor,
                        double step, void (*function)(void *), void *argument)
{
    *self = (struct timer_service){ .base = { .class = &TimerService },
                                    .reactor = reactor,
                                    .step = step,
                                    .function = function,
                                    .argument = argument };
}
