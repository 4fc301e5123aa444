/* SPDX-License-Identifier: MIT
 *
 * lastlog over a string transport, beside a real loop and a real tail: no
 * memory.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "examples/lastlog.h"
#include "protocol/string_transport.h"

/* A buffer's first block: the newline that tail does not print needs another.
 */
enum { LINE = 512 };

struct asker {
    struct line_receiver base;
    struct lastlog lastlog;
};

static void line_received(struct line_receiver *base, const char *line,
                          size_t length)
{
    (void)line, (void)length;
    lastlog_start(&((struct asker *)base)->lastlog);
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    line_receiver_connection_lost(base, reason);
    lastlog_cancel(&((struct asker *)base)->lastlog);
}

static const struct line_receiver_class Asker = {
    .base =
        {
            .name = "Asker",
            .size = sizeof(struct asker),
            .data_received = line_receiver_data_received,
            .connection_lost = connection_lost,
        },
    .delimiter = "\n",
    .line_received = line_received,
};

static struct factory factory = { .name = "Askers", .protocol = &Asker.base };
static struct string_transport wire;
static struct transport_class watched;
static void (*string_write)(struct transport *transport,
                            const struct iovec *pieces, size_t count);

/* As a connection: a write for which there is no memory is the last. */
static void watch_write(struct transport *transport, const struct iovec *pieces,
                        size_t count)
{
    size_t before = buffer_length(&wire.written), length = 0;

    for (size_t i = 0; i < count; i++)
        length += pieces[i].iov_len;
    if (wire.aborted)
        return;
    string_write(transport, pieces, count);
    if (buffer_length(&wire.written) != before + length)
        transport_abort_connection(transport);
}

static void make_file(char *path)
{
    char line[LINE];
    int file = mkstemp(path);

    memset(line, 'x', sizeof(line));
    CHECK(file >= 0 && write(file, line, LINE) == LINE && close(file) == 0);
}

/* Whatever could not be had, there is an answer, or what came of it before the
 * wire ran out of memory. Returns whether tail was started. */
static bool ask(struct reactor *reactor, const char *path, int after)
{
    CHECK(string_transport_open(&wire, &factory) == 0);
    watched = *wire.base.class;
    string_write = watched.write;
    watched.write = watch_write;
    wire.base.class = &watched;

    struct asker *asker = (struct asker *)wire.protocol;
    wire.base.reactor = reactor;
    asker->lastlog.client = &asker->base;
    asker->lastlog.path = path;
    unit_fail_allocation(after);
    string_transport_receive(&wire, "lastlog\n", 8);
    CHILD_UNTIL(reactor, !asker->lastlog.tail);
    size_t length = buffer_length(&wire.written);
    bool started = length < 2 || !memcmp(buffer_data(&wire.written), "Be", 2);
    CHECK(started || (length > 18 && !memcmp(buffer_data(&wire.written),
                                             "An error occured :", 18)));
    CHECK(unit_allocation_failed() || length == 14 + LINE + 1 + 12);
    string_transport_close(&wire);
    return started;
}

static void no_memory(const char *poller)
{
    struct reactor *reactor = loop_new(poller);
    char path[] = "lastlog_test.XXXXXX";
    int refusals = 0;
    bool any = true;

    make_file(path);
    for (int after = 0; any; after++) {
        refusals += !ask(reactor, path, after);
        any = unit_allocation_failed();
        unit_fail_allocation(-1);
    }
    CHECK(refusals > 3);
    unlink(path);
    reactor_free(reactor);
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "no_memory", no_memory },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
