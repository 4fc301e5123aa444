/* SPDX-License-Identifier: MIT
 *
 * countdown - what a delayed call can do: a periodic call is one that calls
 * itself again; an alarm is reset, then delayed; a bomb is cancelled in time.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "program/options.h"
#include "reactor/reactor.h"

static const double step = 0.1; /* seconds between two numbers */

struct countdown {
    struct reactor *reactor;
    double start; /* when the first number was due */
    int left;
    struct delayed_call tick, alarm, bomb;
};

static void say(const struct countdown *self, const char *what)
{
    printf("%.1f s  %s\n", reactor_seconds() - self->start, what);
}

static void explode(void *argument)
{
    say(argument, "boom: this line is never printed");
}

static void ring(void *argument)
{
    struct countdown *self = argument;

    say(self, "the alarm rings; too late to cancel it:");
    if (delayed_call_cancel(&self->alarm) < 0)
        say(self, delayed_call_error(errno));
    reactor_stop(self->reactor);
}

static void count(void *argument)
{
    struct countdown *self = argument;
    char number[16];

    snprintf(number, sizeof(number), "%d", self->left);
    say(self, number);
    if (self->left == 4) {
        say(self, "the alarm is reset to 0.3 s from now");
        delayed_call_reset(&self->alarm, 0.3);
    } else if (self->left == 3) {
        say(self, "the alarm is delayed by 0.2 s");
        delayed_call_delay(&self->alarm, 0.2);
    } else if (self->left == 2) {
        say(self, "the bomb is cancelled, and cancelled again:");
        delayed_call_cancel(&self->bomb);
        if (delayed_call_cancel(&self->bomb) < 0)
            say(self, delayed_call_error(errno));
    }
    if (self->left-- == 0)
        return;
    /* From the start, not from now: a late number does not delay the next. */
    double next = self->start + step * (5 - self->left) - reactor_seconds();
    reactor_call_later(self->reactor, &self->tick, next > 0 ? next : 0, count,
                       self);
}

int main(int argc, char **argv)
{
    struct options options = { .about = "shows what a delayed call can do." };
    struct countdown self = { .left = 5 };
    const struct option extra[] = {
        { "-r", "select|poll|epoll", OPTION_CHOICE, &options.reactor, 0 },
        { 0 },
    };

    options_plain(&options, extra, argc, argv);
    self.reactor = reactor_new(options.reactor);
    if (!self.reactor)
        return options_failed(&options, "reactor", strerror(errno));
    self.start = reactor_seconds();
    say(&self, "an alarm in 0.3 s, a bomb in 0.5 s, and a number each 0.1 s");
    reactor_call_later(self.reactor, &self.alarm, 0.3, ring, &self);
    reactor_call_later(self.reactor, &self.bomb, 0.5, explode, &self);
    reactor_call_later(self.reactor, &self.tick, 0, count, &self);
    int failed = reactor_run(self.reactor) < 0;
    if (failed)
        options_failed(&options, "reactor", strerror(errno));
    reactor_free(self.reactor);
    return failed;
}
