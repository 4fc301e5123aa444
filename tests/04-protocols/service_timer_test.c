/* SPDX-License-Identifier: MIT
 *
 * The timer service: row V8, with the clock of K1. Each case bears the name of
 * its row.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "probe.h"
#include "protocol/log.h"
#include "services/timer_service.h"
#include "unit.h"

/* Nanoseconds. */
static const int64_t second = 1000000000;

struct tick {
    struct timer_service timer;
    struct reactor *reactor;
    int calls;
    void (*on_call)(struct tick *self);
};

static void call(void *argument)
{
    struct tick *self = argument;

    self->calls++;
    if (self->on_call)
        self->on_call(self);
}

static void done(void *word)
{
    unit_note(word);
}

static void tick_new(struct tick *self, const char *poller, double step)
{
    unit_stop_clock(second);
    *self = (struct tick){ .reactor = loop_new(poller) };
    timer_service_init(&self->timer, self->reactor, step, call, self);
}

static void tick_start(struct tick *self)
{
    CHECK(service_start(&self->timer.base) == 0);
}

/* At `seconds` on the clock; a loop with nothing to do may be turned. */
static void at(struct tick *self, double seconds, int calls)
{
    unit_stop_clock(second + (int64_t)(seconds * 1e9));
    loop_turns(self->reactor, 2);
    CHECK(self->calls == calls);
}

static void V8_at_once_and_every_step(const char *poller)
{
    struct tick it;

    tick_new(&it, poller, 2);
    CHECK(it.calls == 0);
    tick_start(&it);
    CHECK(it.calls == 1); /* no turn yet */
    CHECK(service_start(&it.timer.base) == -1 && errno == EALREADY);
    at(&it, 1.9, 1);
    at(&it, 2, 2);
    at(&it, 3.9, 2);
    at(&it, 4.5, 3); /* late, and the next is in time */
    at(&it, 6, 4);
    at(&it, 13, 5); /* what was missed is left out */
    at(&it, 13.9, 5);
    at(&it, 14, 6);
    CHECK(service_stop(&it.timer.base, done, "=") == 0);
    CHECK(unit_noted("=") && !it.timer.base.running);
    at(&it, 20, 6);
    reactor_free(it.reactor);
}

static void V8_started_again(const char *poller)
{
    struct tick it;

    tick_new(&it, poller, 2);
    tick_start(&it);
    CHECK(service_stop(&it.timer.base, NULL, NULL) == 0);
    at(&it, 1, 1);
    tick_start(&it); /* from now on 1, 3, 5 */
    CHECK(it.calls == 2);
    at(&it, 2, 2);
    at(&it, 3, 3);
    CHECK(service_stop(&it.timer.base, done, "=") == 0);
    CHECK(service_stop(&it.timer.base, done, "=") == 0);
    CHECK(unit_noted("=="));
    at(&it, 9, 3);
    reactor_free(it.reactor);
}

static void stop(struct tick *self)
{
    self->on_call = NULL;
    CHECK(service_stop(&self->timer.base, done, "=") == 0);
    CHECK(self->timer.base.stopping); /* it waits for this call */
    CHECK(service_stop(&self->timer.base, done, "=") == -1);
    CHECK(errno == EALREADY);
    CHECK(service_start(&self->timer.base) == -1 && errno == EBUSY);
    unit_note("called ");
}

static void V8_stop_waits_for_the_call(const char *poller)
{
    struct tick it;

    tick_new(&it, poller, 2);
    it.on_call = stop;
    CHECK(service_start(&it.timer.base) == -1 && errno == ECANCELED);
    CHECK(unit_noted("called =") && !it.timer.base.running);
    at(&it, 3, 1);
    tick_start(&it);
    it.on_call = stop;
    at(&it, 5, 3);
    CHECK(unit_noted("called =") && !it.timer.base.running);
    at(&it, 9, 3);
    reactor_free(it.reactor);
}

static void take_five_seconds(struct tick *self)
{
    (void)self;
    unit_stop_clock(6 * second); /* 5 seconds after the start */
}

static void V8_slower_than_its_step(const char *poller)
{
    struct tick it;

    tick_new(&it, poller, 2);
    it.on_call = take_five_seconds;
    tick_start(&it);
    it.on_call = NULL;
    loop_turns(it.reactor, 2);
    CHECK(it.calls == 1);
    at(&it, 5.9, 1);
    at(&it, 6, 2);
    reactor_free(it.reactor);
}

static void V8_every_turn(const char *poller)
{
    struct tick it;

    tick_new(&it, poller, 0);
    tick_start(&it);
    loop_turns(it.reactor, 10);
    CHECK(it.calls >= 10 && it.calls <= 12);
    CHECK(service_stop(&it.timer.base, NULL, NULL) == 0);
    reactor_free(it.reactor);
}

static void V8_steps_that_make_no_sense(const char *poller)
{
    const double steps[] = { -1, -1e-9, 1e9 + 1, 1e300, NAN, INFINITY };
    struct tick it;

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        tick_new(&it, poller, steps[i]);
        CHECK(service_start(&it.timer.base) == -1 && errno == EINVAL);
        CHECK(it.calls == 0);
        CHECK(service_stop(&it.timer.base, done, "=") == 0 && unit_noted("="));
        reactor_free(it.reactor);
    }
    tick_new(&it, poller, 1e9);
    tick_start(&it);
    CHECK(it.calls == 1);
    reactor_free(it.reactor);
}

/* There is no room for another delayed call, nor memory for more room. */
static void fill(struct tick *self)
{
    static struct delayed_call crowd[1000];
    size_t i = 0;

    self->on_call = NULL;
    do {
        CHECK(i < sizeof(crowd) / sizeof(*crowd));
        crowd[i] = (struct delayed_call){ 0 };
        unit_fail_allocation(0);
    } while (reactor_call_later(self->reactor, &crowd[i++], 1000, done, "x") ==
             0);
    unit_fail_allocation(0);
}

static void V8_no_memory_for_the_next(const char *poller)
{
    static char text[1000];
    FILE *paper = tmpfile();
    struct tick it;

    CHECK(paper != NULL);
    tick_new(&it, poller, 2);
    log_start(paper, it.reactor);
    tick_start(&it);
    it.on_call = fill;
    at(&it, 2, 2);
    unit_fail_allocation(-1);
    at(&it, 9, 2); /* that was its end */
    CHECK(it.timer.base.running);
    CHECK(service_stop(&it.timer.base, done, "=") == 0 && unit_noted("="));
    reactor_free(it.reactor);
    rewind(paper);
    text[fread(text, 1, sizeof(text) - 1, paper)] = '\0';
    CHECK(strstr(text, "[-] TimerService has ended: Cannot allocate memory\n"));
    fclose(paper);
}

static void V8_no_memory(const char *poller)
{
    struct tick it;

    tick_new(&it, poller, 2);
    unit_fail_allocation(0);
    CHECK(service_start(&it.timer.base) == -1 && errno == ENOMEM);
    CHECK(unit_allocation_failed() && it.timer.base.running);
    unit_fail_allocation(-1);
    CHECK(service_stop(&it.timer.base, done, "=") == 0 && unit_noted("="));
    tick_start(&it);
    at(&it, 2, it.calls + 1);
    reactor_free(it.reactor); /* and the service with it: it is not called */
}

static const struct unit_case cases[] = {
    { "V8_K1_at_once_and_every_step", V8_at_once_and_every_step },
    { "V8_started_again", V8_started_again },
    { "V8_stop_waits_for_the_call", V8_stop_waits_for_the_call },
    { "V8_slower_than_its_step", V8_slower_than_its_step },
    { "V8_every_turn", V8_every_turn },
    { "V8_steps_that_make_no_sense", V8_steps_that_make_no_sense },
    { "V8_no_memory_for_the_next", V8_no_memory_for_the_next },
    { "V8_no_memory", V8_no_memory },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
