/* SPDX-License-Identifier: MIT
 *
 * The heap of delayed calls against a list that is searched from end to end:
 * 100,000 operations at random, many of them from inside a call, many with
 * the same deadline, under a clock that moves in jumps.
 */
#include <errno.h>
#include <stdlib.h>

#include "reactor/delayed_call.h"
#include "unit.h"

enum { CALLS = 300, OPERATIONS = 100000 };

/* 1/512 s is a whole number of nanoseconds, and exact as a double. */
static const int64_t tick = 1953125;
static const double tick_seconds = 1.0 / 512;

/* What the heap ought to know about a call, in the order of things done. */
struct entry {
    struct model *model;
    struct delayed_call call;
    bool pending;
    int64_t time;
    long sequence;
};

struct model {
    struct delayed_calls calls;
    struct entry entries[CALLS];
    int64_t now;
    long sequence, end; /* of all; what was there when the run began */
    long ran;
};

/* The one that is to run next, or NULL. */
static struct entry *first_of(struct model *model)
{
    struct entry *first = NULL;

    for (int i = 0; i < CALLS; i++) {
        struct entry *entry = &model->entries[i];
        if (!entry->pending)
            continue;
        if (!first || entry->time < first->time ||
            (entry->time == first->time && entry->sequence < first->sequence))
            first = entry;
    }
    return first;
}

static void operate(struct model *model, int operation, struct entry *entry);

static void run(void *argument)
{
    struct entry *entry = argument;
    struct model *model = entry->model;

    CHECK(entry == first_of(model));
    CHECK(entry->time <= model->now && entry->sequence < model->end);
    CHECK(!delayed_call_active(&entry->call));
    entry->pending = false;
    model->ran++;
    /* Whatever can be done outside can be done in here. */
    operate(model, rand() % 5, &model->entries[rand() % CALLS]);
}

/* Delays are whole ticks, so that many are due at the same time. */
static void schedule(struct model *model, struct entry *entry)
{
    int ticks = rand() % 8;
    int result = delayed_calls_add(&model->calls, &entry->call,
                                   ticks * tick_seconds, run, entry);

    CHECK(result == (entry->pending ? -1 : 0));
    if (entry->pending) {
        CHECK(errno == EALREADY);
        return;
    }
    entry->pending = true;
    entry->time = model->now + ticks * tick;
    entry->sequence = model->sequence++;
}

static void move(struct model *model, struct entry *entry, bool reset)
{
    int ticks = rand() % 8;

    if (!reset && entry->time - 3 * tick >= model->now)
        ticks -= 3; /* sooner, but not in the past */
    int result = reset ? delayed_call_reset(&entry->call, ticks * tick_seconds)
                       : delayed_call_delay(&entry->call, ticks * tick_seconds);
    CHECK(result == (entry->pending ? 0 : -1));
    if (!entry->pending)
        return;
    entry->time = (reset ? model->now : entry->time) + ticks * tick;
    if (entry->time < model->now) {
        /* How far in the past, nobody can tell; it may be now. */
        CHECK(entry->call.time <= model->now);
        entry->time = entry->call.time;
    }
    entry->sequence = model->sequence++;
}

static void operate(struct model *model, int operation, struct entry *entry)
{
    if (operation < 2) {
        schedule(model, entry);
    } else if (operation == 2) {
        CHECK(delayed_call_cancel(&entry->call) == (entry->pending ? 0 : -1));
        entry->pending = false;
    } else {
        move(model, entry, operation == 3);
    }
    CHECK(delayed_call_active(&entry->call) == entry->pending);
}

static void check_heap(struct model *model)
{
    const struct entry *first = first_of(model);
    int wait = delayed_calls_wait(&model->calls);

    if (!first) {
        CHECK(wait == -1);
        return;
    }
    int64_t left = first->time - model->now;
    CHECK(model->calls.heap[0]->time == first->time);
    CHECK(wait == (left < 0 ? 0 : (left + 999999) / 1000000));
}

static void against_a_list(const char *poller)
{
    static struct model model; /* too large for a stack */

    (void)poller;
    srand(3);
    for (int i = 0; i < CALLS; i++)
        model.entries[i].model = &model;
    for (int i = 0; i < OPERATIONS; i++) {
        unit_stop_clock(model.now);
        int operation = rand() % 6;
        if (operation < 5) {
            operate(&model, operation, &model.entries[rand() % CALLS]);
        } else {
            model.now += rand() % 3 * tick;
            unit_stop_clock(model.now);
            model.end = model.sequence;
            delayed_calls_run(&model.calls);
            /* What is still due was added or moved in the course of it. */
            const struct entry *first = first_of(&model);
            CHECK(!first || first->time > model.now ||
                  first->sequence >= model.end);
        }
        check_heap(&model);
    }
    CHECK(model.ran > OPERATIONS / 20);
    delayed_calls_clear(&model.calls);
}

static void count_up(void *number)
{
    ++*(int *)number;
}

/* So many that a list would take its time. */
static void many_at_once(const char *poller)
{
    enum { MANY = 100000 };
    static struct delayed_call many[MANY];
    struct delayed_calls calls = { 0 };
    int ran = 0;

    (void)poller;
    unit_stop_clock(tick);
    for (int i = 0; i < MANY; i++)
        CHECK(delayed_calls_add(&calls, &many[i], i * 7919 % MANY, count_up,
                                &ran) == 0);
    for (int i = 0; i < MANY; i += 8)
        CHECK(delayed_call_cancel(&many[i]) == 0);
    unit_stop_clock(tick + MANY * INT64_C(1000000000));
    delayed_calls_run(&calls);
    CHECK(ran == MANY - MANY / 8);
    CHECK(delayed_calls_wait(&calls) == -1);
    delayed_calls_clear(&calls);
}

static const struct unit_case cases[] = {
    { "against_a_list", against_a_list },
    { "many_at_once", many_at_once },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
