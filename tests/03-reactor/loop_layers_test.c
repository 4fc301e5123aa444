/* SPDX-License-Identifier: MIT
 *
 * What the loop offers to the layers above it: a call at the end of the turn, a
 * place for what there is one of, and the name of whoever runs.
 */
#include <stddef.h>
#include <string.h>

#include "probe.h"
#include "unit.h"

static struct turn_end first, second;

static void note_and_crash(void *reactor)
{
    unit_note("2");
    loop_crash(reactor);
}

static void note_and_add(void *reactor)
{
    unit_note("1");
    reactor_at_turn_end(reactor, &second, note_and_crash, reactor);
}

static int ask_and_end(struct probe *self)
{
    reactor_at_turn_end(self->reactor, &first, note_and_add, self->reactor);
    unit_note("r");
    return REASON_DONE;
}

static void note_loss(struct probe *self)
{
    (void)self;
    unit_note("l");
}

/* After the last callback of what was disconnected in this turn; what is asked
 * for in such a call comes one turn later, and no wait sleeps over it. */
static void at_turn_end(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    struct probe a;
    struct delayed_call patience = { 0 };

    probe_open(&a, reactor, 'a');
    a.on_read = ask_and_end;
    a.on_lost = note_loss;
    probe_add_reader(&a);
    probe_poke(&a);
    double start = reactor_seconds();
    reactor_call_later(reactor, &patience, 2, loop_crash, reactor);
    CHECK(reactor_run(reactor) == 0);
    CHECK(unit_noted("rl12") && reactor_seconds() - start < 1);
    probe_check_lost(&a, REASON_DONE);
    reactor_at_turn_end(reactor, &first, unit_note, "f");
    reactor_free(reactor); /* makes those that still wait */
    CHECK(unit_noted("f"));
}

static void attachments(const char *poller)
{
    static const char pool = 0, reaper = 0;
    struct reactor *reactor = loop_new(poller), *other = loop_new(poller);
    struct attachment a = { 0 }, b = { 0 };

    CHECK(reactor_attached(reactor, &pool) == NULL);
    reactor_attach(reactor, &a, &pool);
    reactor_attach(reactor, &b, &reaper);
    CHECK(reactor_attached(reactor, &pool) == &a);
    CHECK(reactor_attached(reactor, &reaper) == &b);
    CHECK(reactor_attached(other, &pool) == NULL);
    reactor_free(other);
    reactor_free(reactor);
}

/* --- who is running --- */

static struct reactor *loop;

static void describe(const void *self, char *text)
{
    (void)self;
    strcpy(text, "Named");
}

static const char *who(void)
{
    static char text[RUNNING_TEXT_MAX];
    struct running now = reactor_running_now(loop);

    strcpy(text, "-");
    if (now.describe)
        now.describe(now.object, text);
    return text;
}

static int named_read(struct descriptor *self)
{
    (void)self;
    CHECK(!strcmp(who(), "Named"));
    struct running before = reactor_enter(loop, (struct running){ NULL, NULL });
    CHECK(!strcmp(who(), "-"));
    reactor_enter(loop, before);
    CHECK(!strcmp(who(), "Named"));
    return REASON_DONE;
}

static void named_lost(struct descriptor *self, int reason)
{
    (void)self;
    CHECK(reason == REASON_DONE && !strcmp(who(), "Named"));
    unit_note("l");
}

static void later(void *unused)
{
    (void)unused;
    CHECK(!strcmp(who(), "-"));
    unit_note("t");
}

static void running(const char *poller)
{
    static const struct descriptor_class Named = {
        .name = "Named",
        .describe = describe,
        .do_read = named_read,
        .connection_lost = named_lost,
    };
    struct probe a;
    struct delayed_call call = { 0 };

    loop = loop_new(poller);
    probe_open(&a, loop, 'a');
    struct descriptor named = { .class = &Named, .fd = a.other };
    a.other = -1;
    CHECK(reactor_add_reader(loop, &named) == 0);
    probe_lose(&a, REASON_DONE); /* so the other end is readable */
    reactor_call_later(loop, &call, 0, later, NULL);
    loop_run_for(loop, 0.05);
    CHECK(unit_noted("tl"));
    probe_check_lost(&a, REASON_DONE);
    reactor_free(loop);
}

static const struct unit_case cases[] = {
    { "at_turn_end", at_turn_end },
    { "attachments", attachments },
    { "running", running },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
