/* SPDX-License-Identifier: MIT
 *
 * Services made of others: rows V1 to V5. Each case bears the name of its row.
 * What happens is noted: !a privileged start, a start, -a stop, =a has stopped.
 */
#include <errno.h>
#include <string.h>

#include "services/service.h"
#include "unit.h"

struct part {
    struct service base;
    char letter;
    int privileged_error, error; /* of its two starts; 0: none */
    bool slow;                   /* it stops when part_end is called */
    void (*on_privileged)(struct part *self);
    void (*on_start)(struct part *self);
    void (*on_stop)(struct part *self);
    struct part *friend;
    struct multi_service *whole; /* for these */
};

static void note(const char *what, const struct part *self)
{
    char text[4] = { 0 };

    strcpy(text, what);
    text[strlen(text)] = self->letter;
    unit_note(text);
}

static int privileged(struct service *base)
{
    struct part *self = (struct part *)base;

    note("!", self);
    if (self->on_privileged)
        self->on_privileged(self);
    errno = self->privileged_error;
    return errno ? -1 : 0;
}

static int start(struct service *base)
{
    struct part *self = (struct part *)base;

    CHECK(base->running && !base->stopping);
    note("", self);
    if (self->on_start)
        self->on_start(self);
    errno = self->error;
    return errno ? -1 : 0;
}

static void stop(struct service *base)
{
    struct part *self = (struct part *)base;

    CHECK(!base->running && base->stopping);
    note("-", self);
    if (self->on_stop)
        self->on_stop(self);
    if (!self->slow)
        service_stopped(base);
}

static const struct service_class Part = { privileged, start, stop };

static void done(void *word)
{
    unit_note(word);
}

static struct part part(char letter)
{
    return (struct part){ .base = { .class = &Part }, .letter = letter };
}

/* A whole of three parts: a, b, c. */
struct three {
    struct multi_service whole;
    struct part a, b, c;
};

static void three(struct three *self)
{
    multi_service_init(&self->whole);
    self->a = part('a');
    self->b = part('b');
    self->c = part('c');
    self->a.whole = self->b.whole = self->c.whole = &self->whole;
    CHECK(multi_service_add(&self->whole, &self->a.base) == 0);
    CHECK(multi_service_add(&self->whole, &self->b.base) == 0);
    CHECK(multi_service_add(&self->whole, &self->c.base) == 0);
    CHECK(self->a.base.parent == &self->whole);
}

static void three_start(struct three *self)
{
    three(self);
    CHECK(service_start(&self->whole.base) == 0);
    CHECK(unit_noted("abc"));
}

static void check_whole(struct part *self)
{
    CHECK(self->whole->base.running == self->base.running);
}

static void V1_order(const char *poller)
{
    struct three it;

    (void)poller;
    three(&it);
    it.a.on_start = it.a.on_stop = check_whole;
    it.c.on_start = it.c.on_stop = check_whole;
    CHECK(service_privileged_start(&it.whole.base) == 0);
    CHECK(unit_noted("!a!b!c") && !it.whole.base.running && !it.a.base.running);
    CHECK(service_start(&it.whole.base) == 0);
    CHECK(unit_noted("abc") && it.whole.base.running && it.c.base.running);
    CHECK(service_stop(&it.whole.base, done, "=") == 0);
    CHECK(unit_noted("-c-b-a=") && !it.whole.base.running);
    CHECK(!it.whole.base.stopping && !it.a.base.running);
    CHECK(service_start(&it.whole.base) == 0 && unit_noted("abc"));
    CHECK(service_stop(&it.whole.base, NULL, NULL) == 0);
    CHECK(unit_noted("-c-b-a"));
}

/* Wholes in a whole, one of them empty. */
static void V1_nested(const char *poller)
{
    struct multi_service outer, empty;
    struct three it;
    struct part d = part('d');

    (void)poller;
    multi_service_init(&outer);
    multi_service_init(&empty);
    three(&it);
    CHECK(multi_service_add(&outer, &d.base) == 0);
    CHECK(multi_service_add(&outer, &it.whole.base) == 0);
    CHECK(multi_service_add(&outer, &empty.base) == 0);
    CHECK(service_privileged_start(&outer.base) == 0);
    CHECK(service_start(&outer.base) == 0 && unit_noted("!d!a!b!cdabc"));
    it.b.slow = true;
    CHECK(service_stop(&outer.base, done, "=") == 0);
    CHECK(unit_noted("-c-b-a-d") && outer.base.stopping);
    CHECK(it.whole.base.stopping && !empty.base.stopping);
    service_stopped(&it.b.base);
    CHECK(unit_noted("=") && !outer.base.stopping && !it.whole.base.stopping);
}

static void V1_a_service_without_callbacks(const char *poller)
{
    static const struct service_class Nothing = { 0 };
    struct service it = { .class = &Nothing };

    (void)poller;
    CHECK(service_privileged_start(&it) == 0 && !it.running);
    CHECK(service_start(&it) == 0 && it.running);
    CHECK(service_start(&it) == -1 && errno == EALREADY);
    CHECK(service_stop(&it, done, "=") == 0 && unit_noted("="));
    CHECK(!it.running && !it.stopping);
    CHECK(service_stop(&it, done, "=") == 0 && unit_noted("="));
}

static void V2_stopped_when_all_are(const char *poller)
{
    struct three it;

    (void)poller;
    three_start(&it);
    it.a.slow = it.c.slow = true;
    CHECK(service_stop(&it.whole.base, done, "=") == 0);
    CHECK(unit_noted("-c-b-a"));
    CHECK(service_stop(&it.whole.base, done, "never") == -1);
    CHECK(errno == EALREADY);
    CHECK(service_start(&it.whole.base) == -1 && errno == EBUSY);
    CHECK(service_privileged_start(&it.whole.base) == -1 && errno == EBUSY);
    CHECK(service_start(&it.a.base) == -1 && errno == EBUSY);
    service_stopped(&it.c.base);
    CHECK(unit_noted("") && it.whole.base.stopping);
    service_stopped(&it.a.base);
    CHECK(unit_noted("=") && !it.whole.base.stopping);
}

/* One of them was asked by itself, before: the whole waits for it, too. */
static void V2_one_that_stops_already(const char *poller)
{
    struct three it;

    (void)poller;
    three_start(&it);
    it.b.slow = true;
    CHECK(service_stop(&it.b.base, done, "=b") == 0);
    CHECK(service_stop(&it.whole.base, done, "=") == 0);
    CHECK(unit_noted("-b-c-a"));
    service_stopped(&it.b.base);
    CHECK(unit_noted("==b"));
}

static void restart(void *whole)
{
    unit_note("=");
    CHECK(service_start(&((struct multi_service *)whole)->base) == 0);
}

static void V2_started_again_when_stopped(const char *poller)
{
    struct three it;

    (void)poller;
    three_start(&it);
    CHECK(service_stop(&it.whole.base, restart, &it.whole) == 0);
    CHECK(unit_noted("-c-b-a=abc") && it.whole.base.running);
    it.a.slow = true;
    CHECK(service_stop(&it.whole.base, restart, &it.whole) == 0);
    service_stopped(&it.a.base);
    CHECK(unit_noted("-c-b-a=abc") && it.c.base.running);
}

static void V3_a_start_that_fails(const char *poller)
{
    struct three it;

    (void)poller;
    three(&it);
    it.b.error = EADDRINUSE;
    CHECK(service_start(&it.whole.base) == -1 && errno == EADDRINUSE);
    CHECK(unit_noted("ab") && it.whole.base.running);
    CHECK(it.a.base.running && !it.c.base.running);
    CHECK(service_start(&it.whole.base) == -1 && errno == EALREADY);
    CHECK(service_stop(&it.whole.base, done, "=") == 0);
    CHECK(unit_noted("-c-b-a="));
    it.b.error = 0;
    CHECK(service_start(&it.whole.base) == 0 && unit_noted("abc"));
}

static void V3_a_privileged_start_that_fails(const char *poller)
{
    struct three it;

    (void)poller;
    three(&it);
    it.b.privileged_error = EACCES;
    CHECK(service_privileged_start(&it.whole.base) == -1 && errno == EACCES);
    CHECK(unit_noted("!a!b") && !it.whole.base.running);
    CHECK(service_stop(&it.whole.base, done, "=") == 0);
    CHECK(unit_noted("-c-b-a="));
}

static void stop_whole(struct part *self)
{
    CHECK(service_stop(&self->whole->base, done, "=") == 0);
}

static void V3_stopped_in_the_middle_of_the_start(const char *poller)
{
    struct three it;

    (void)poller;
    three(&it);
    it.b.on_start = stop_whole;
    CHECK(service_start(&it.whole.base) == -1 && errno == ECANCELED);
    CHECK(unit_noted("ab-c-b-a=") && !it.whole.base.running);
    CHECK(!it.a.base.running && !it.b.base.running && !it.c.base.running);
    it.b.slow = true; /* and one that cannot stop at once */
    CHECK(service_start(&it.whole.base) == -1 && errno == ECANCELED);
    CHECK(unit_noted("ab-c-b-a") && it.whole.base.stopping);
    service_stopped(&it.b.base);
    CHECK(unit_noted("=") && !it.whole.base.stopping);
}

static void V4_added_while_running(const char *poller)
{
    struct three it;
    struct part d = part('d');

    (void)poller;
    three_start(&it);
    CHECK(multi_service_add(&it.whole, &d.base) == 0);
    CHECK(unit_noted("!dd") && d.base.running && d.base.parent == &it.whole);
    CHECK(multi_service_add(&it.whole, &d.base) == -1 && errno == EBUSY);
    CHECK(service_stop(&it.whole.base, NULL, NULL) == 0);
    CHECK(unit_noted("-d-c-b-a"));
    CHECK(service_start(&it.whole.base) == 0 && unit_noted("abcd"));
}

static void V4_added_and_fails(const char *poller)
{
    struct three it;
    struct part d = part('d');

    (void)poller;
    three_start(&it);
    d.error = EMFILE;
    CHECK(multi_service_add(&it.whole, &d.base) == -1 && errno == EMFILE);
    CHECK(unit_noted("!dd-d") && !d.base.parent && !d.base.running);
    d.privileged_error = EACCES;
    CHECK(multi_service_add(&it.whole, &d.base) == -1 && errno == EACCES);
    CHECK(unit_noted("!d-d") && !d.base.parent);
    CHECK(service_stop(&it.whole.base, done, "=") == 0);
    CHECK(unit_noted("-c-b-a="));
}

/* The one that is added stops the whole, which then waits for nobody. */
static void V4_added_and_stops_the_whole(const char *poller)
{
    struct three it;
    struct part d = part('d');

    (void)poller;
    three_start(&it);
    d.on_start = stop_whole;
    d.whole = &it.whole;
    d.slow = true;
    CHECK(multi_service_add(&it.whole, &d.base) == -1 && errno == ECANCELED);
    CHECK(unit_noted("!dd-d-c-b-a=") && !it.whole.base.stopping);
    CHECK(d.base.stopping && !d.base.parent);
    service_stopped(&d.base);
    CHECK(unit_noted("") && !d.base.stopping);
}

static void V4_removed_while_running(const char *poller)
{
    struct three it;

    (void)poller;
    three_start(&it);
    it.b.slow = true;
    CHECK(multi_service_remove(&it.whole, &it.b.base, done, "=b") == 0);
    CHECK(unit_noted("-b") && !it.b.base.parent && it.a.base.running);
    CHECK(multi_service_remove(&it.whole, &it.b.base, done, "=b") == -1);
    CHECK(errno == ENOENT);
    CHECK(service_stop(&it.whole.base, done, "=") == 0);
    CHECK(unit_noted("-c-a=")); /* it is no business of the whole any more */
    service_stopped(&it.b.base);
    CHECK(unit_noted("=b"));
}

static void V4_removed_while_idle_or_stopping(const char *poller)
{
    struct three it;

    (void)poller;
    three(&it);
    CHECK(multi_service_remove(&it.whole, &it.a.base, done, "=a") == 0);
    CHECK(unit_noted("=a"));
    CHECK(service_start(&it.whole.base) == 0 && unit_noted("bc"));
    it.c.slow = true;
    CHECK(service_stop(&it.whole.base, done, "=") == 0 && unit_noted("-c-b"));
    CHECK(multi_service_remove(&it.whole, &it.c.base, done, "=c") == -1);
    CHECK(errno == EBUSY);
    CHECK(multi_service_remove(&it.whole, &it.b.base, done, "=b") == 0);
    CHECK(unit_noted("-b=b"));
    service_stopped(&it.c.base);
    CHECK(unit_noted("="));
}

static void remove_friend(struct part *self)
{
    CHECK(multi_service_remove(self->whole, &self->friend->base, NULL, NULL) ==
          0);
    self->on_start = self->on_stop = NULL;
}

static void add_friend(struct part *self)
{
    CHECK(multi_service_add(self->whole, &self->friend->base) == 0);
    self->on_start = self->on_stop = self->on_privileged = NULL;
}

/* The walk goes on, whoever goes: one that it has met, the one that it asks,
 * one that it has not met. */
static void V4_removed_in_the_middle_of_a_start(const char *poller)
{
    static const char *const noted[] = { "ab-ac", "ab-b", "ab-c" };

    (void)poller;
    for (int which = 0; which < 3; which++) {
        struct three it;

        three(&it);
        it.b.friend = which == 0 ? &it.a : which == 1 ? &it.b : &it.c;
        it.b.on_start = remove_friend;
        /* What was stopped in its own start has not started. */
        CHECK(service_start(&it.whole.base) == (which == 1 ? -1 : 0));
        CHECK(unit_noted(noted[which]) && it.whole.base.running);
    }
}

static void V4_removed_in_the_middle_of_a_stop(const char *poller)
{
    static const char *const noted[] = { "-c-b-a=", "", "-c-b-c-a=" };

    (void)poller;
    for (int which = 0; which < 3; which += 2) {
        struct three it;

        three_start(&it);
        it.b.friend = which == 0 ? &it.a : which == 1 ? &it.b : &it.c;
        it.b.on_stop = remove_friend;
        CHECK(service_stop(&it.whole.base, done, "=") == 0);
        CHECK(unit_noted(noted[which]) && !it.whole.base.stopping);
    }
}

static void V4_added_in_the_middle_of_a_walk(const char *poller)
{
    struct three it;
    struct part d = part('d');

    (void)poller;
    three(&it);
    it.b.on_start = add_friend;
    it.b.friend = &d;
    CHECK(service_start(&it.whole.base) == 0);
    CHECK(unit_noted("ab!ddc"));
    CHECK(multi_service_remove(&it.whole, &d.base, NULL, NULL) == 0);
    it.b.on_stop = add_friend;
    CHECK(service_stop(&it.whole.base, done, "=") == 0);
    CHECK(unit_noted("-d-c-b-d-a=") && !d.base.running);
    CHECK(multi_service_remove(&it.whole, &d.base, NULL, NULL) == 0);
    it.b.on_privileged = add_friend;
    CHECK(service_privileged_start(&it.whole.base) == 0);
    CHECK(service_start(&it.whole.base) == 0);
    CHECK(unit_noted("!a!b!c!dabcd"));
}

static void V5_names(const char *poller)
{
    struct three it;
    struct part d = part('d');

    (void)poller;
    multi_service_init(&it.whole);
    it.a = part('a');
    CHECK(service_set_name(&it.a.base, "web") == 0);
    CHECK(service_set_name(&d.base, "web") == 0);
    CHECK(!multi_service_named(&it.whole, "web"));
    CHECK(multi_service_add(&it.whole, &it.a.base) == 0);
    CHECK(service_set_name(&it.a.base, "other") == -1 && errno == EBUSY);
    CHECK(multi_service_named(&it.whole, "web") == &it.a.base);
    CHECK(multi_service_add(&it.whole, &d.base) == -1 && errno == EEXIST);
    CHECK(!d.base.parent && it.whole.first->next == NULL);
    CHECK(multi_service_remove(&it.whole, &it.a.base, NULL, NULL) == 0);
    CHECK(multi_service_add(&it.whole, &d.base) == 0);
    CHECK(service_set_name(&it.a.base, NULL) == 0);
    CHECK(multi_service_add(&it.whole, &it.a.base) == 0);
    CHECK(multi_service_named(&it.whole, "web") == &d.base);
}

static const struct unit_case cases[] = {
    { "V1_order", V1_order },
    { "V1_nested", V1_nested },
    { "V1_a_service_without_callbacks", V1_a_service_without_callbacks },
    { "V2_stopped_when_all_are", V2_stopped_when_all_are },
    { "V2_one_that_stops_already", V2_one_that_stops_already },
    { "V2_started_again_when_stopped", V2_started_again_when_stopped },
    { "V3_a_start_that_fails", V3_a_start_that_fails },
    { "V3_a_privileged_start_that_fails", V3_a_privileged_start_that_fails },
    { "V3_stopped_in_the_middle", V3_stopped_in_the_middle_of_the_start },
    { "V4_added_while_running", V4_added_while_running },
    { "V4_added_and_fails", V4_added_and_fails },
    { "V4_added_and_stops_the_whole", V4_added_and_stops_the_whole },
    { "V4_removed_while_running", V4_removed_while_running },
    { "V4_removed_while_idle", V4_removed_while_idle_or_stopping },
    { "V4_removed_in_a_start", V4_removed_in_the_middle_of_a_start },
    { "V4_removed_in_a_stop", V4_removed_in_the_middle_of_a_stop },
    { "V4_added_in_the_middle", V4_added_in_the_middle_of_a_walk },
    { "V5_names", V5_names },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
