/* SPDX-License-Identifier: MIT
 *
 * comphash over a string transport, beside a real loop and its threads: no
 * memory, and clients that leave or go.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/comphash.h"
#include "probe.h"
#include "protocol/string_transport.h"
#include "unit.h"

enum { LINES = 3 * COMPHASH_MAX, UNTIL = 5 /* seconds */ };

static const char hash_of_abc[] =
    "File hash is : a9993e364706816aba3e25717850c26c9cd0d89d\n";

struct hasher {
    struct line_receiver base;
    struct comphash comphash;
};

static void line_received(struct line_receiver *base, const char *line,
                          size_t length)
{
    comphash_line(&((struct hasher *)base)->comphash, line, length);
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    line_receiver_connection_lost(base, reason);
    comphash_cancel(&((struct hasher *)base)->comphash);
}

static const struct line_receiver_class Hasher = {
    .base =
        {
            .name = "Hasher",
            .size = sizeof(struct hasher),
            .data_received = line_receiver_data_received,
            .connection_lost = connection_lost,
        },
    .delimiter = "\n",
    .line_received = line_received,
};

static struct factory factory = { .name = "Hashers", .protocol = &Hasher.base };
static struct string_transport wire;
static struct reactor *reactor;
static char path[] = "comphash_test.XXXXXX";

static struct comphash *hasher(void)
{
    return &((struct hasher *)wire.protocol)->comphash;
}

static void begin(const char *poller)
{
    int file = mkstemp(strcpy(path, "comphash_test.XXXXXX"));

    CHECK(file >= 0 && write(file, "abc", 3) == 3 && close(file) == 0);
    reactor = loop_new(poller);
    CHECK(string_transport_open(&wire, &factory) == 0);
    hasher()->reactor = reactor;
    hasher()->client = (struct line_receiver *)wire.protocol;
}

static void end(void)
{
    string_transport_close(&wire);
    reactor_free(reactor);
    unlink(path);
}

static void hash(const char *what)
{
    char line[80];
    int length = snprintf(line, sizeof(line), "comphash %s\n", what);

    string_transport_receive(&wire, line, (size_t)length);
}

/* Runs the loop until nothing is under way. */
static void wait_for_all(void)
{
    for (int i = 0; wire.protocol && hasher()->count > 0; i++) {
        CHECK(i < UNTIL * 1000);
        loop_run_for(reactor, 0.001);
    }
}

static int count(const char *text)
{
    size_t length = buffer_length(&wire.written), size = strlen(text);
    const char *data = buffer_data(&wire.written);
    int found = 0;

    for (size_t i = 0; i + size <= length; i++)
        found += !memcmp(data + i, text, size);
    return found;
}

static void sixteen_at_a_time(const char *poller)
{
    begin(poller);
    for (int i = 0; i < LINES; i++)
        hash(path);
    CHECK(hasher()->count == COMPHASH_MAX && wire.paused);
    CHECK(buffer_length(&wire.written) == 0); /* nothing is answered yet */
    wait_for_all();
    CHECK(count(hash_of_abc) == LINES && !wire.paused);
    CHECK(buffer_length(&wire.written) == LINES * strlen(hash_of_abc));
    end();
}

static void leaves_when_all_is_answered(const char *poller)
{
    begin(poller);
    comphash_leave(hasher());
    CHECK(wire.disconnecting);
    end();
    begin(poller);
    hash(path);
    hash("/nowhere");
    comphash_leave(hasher());
    CHECK(!wire.disconnecting);
    wait_for_all();
    CHECK(wire.disconnecting && count("\n") == 2);
    CHECK(count("An error occured : [Errno 2] No such file or directory: "
                "'/nowhere'\n") == 1);
    end();
}

/* Some have begun, others wait for a thread. */
static void gone_meanwhile(const char *poller)
{
    for (int run = 0; run < 2; run++) {
        begin(poller);
        for (int i = 0; i < LINES; i++)
            hash(path);
        if (run)
            loop_run_for(reactor, 0);
        string_transport_lose(&wire,
                              (struct failure){ &ConnectionLost, 0, NULL });
        CHECK(!wire.protocol);
        loop_run_for(reactor, 0.02);
        end();
    }
}

static void the_loop_ends_meanwhile(const char *poller)
{
    begin(poller);
    for (int i = 0; i < COMPHASH_MAX; i++)
        hash(path);
    CHECK(reactor_call_later(reactor, &(struct delayed_call){ 0 }, 0, loop_stop,
                             reactor) == 0);
    CHECK(reactor_run(reactor) == 0);
    CHECK(hasher()->count == 0 && count("\n") == COMPHASH_MAX);
    end();
}

static void no_memory(const char *poller)
{
    bool any = true, told = false;

    for (int after = 0; any; after++) {
        begin(poller);
        loop_run_for(reactor, 0); /* the loop has what it needs */
        unit_fail_allocation(after);
        hash(path);
        wait_for_all();
        any = unit_allocation_failed();
        unit_fail_allocation(-1);
        CHECK(hasher()->count == 0 && count("\n") <= 1);
        CHECK(count("Errno") == count("[Errno 12] "));
        told |= count("An error occured : Out of memory.\n") == 1;
        CHECK(any || count(hash_of_abc) == 1);
        end();
    }
    CHECK(told);
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "sixteen_at_a_time", sixteen_at_a_time },
        { "leaves_when_all_is_answered", leaves_when_all_is_answered },
        { "gone_meanwhile", gone_meanwhile },
        { "the_loop_ends_meanwhile", the_loop_ends_meanwhile },
        { "no_memory", no_memory },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
