/* SPDX-License-Identifier: MIT
 *
 * The netstring receiver over a string transport: rows B15 to B17. Each case
 * bears the name of its row. No loop, so the poller does not matter.
 */
#include "lengths/netstring_receiver.h"

#include <stdint.h>

#include "framing.h"

enum { LIMIT = 12 };

static size_t depth;

static bool is(const char *string, size_t length, const char *word)
{
    return length == strlen(word) && !memcmp(string, word, length);
}

/* What the string says is done. */
static void string_received(struct netstring_receiver *self, const char *string,
                            size_t length)
{
    CHECK(++depth == 1); /* no recursion */
    write_string(string, length);
    if (is(string, length, "lose"))
        transport_lose_connection(self->base.transport);
    if (is(string, length, "abort"))
        netstring_receiver_abort(self);
    if (is(string, length, "pause") || is(string, length, "blink"))
        netstring_receiver_pause(self);
    if (is(string, length, "blink"))
        netstring_receiver_resume(self);
    if (is(string, length, "inject"))
        netstring_receiver_data_received(&self->base, "1:i,1:j,1:", 10);
    depth--;
}

#define NETSTRING_BASE                                                         \
    {                                                                          \
        .name = "Netstrings", .size = sizeof(struct netstring_receiver),       \
        .data_received = netstring_receiver_data_received,                     \
        .connection_lost = netstring_receiver_connection_lost,                 \
    }

static const struct netstring_receiver_class Netstrings = {
    .base = NETSTRING_BASE,
    .string_received = string_received,
};

static const struct netstring_receiver_class Short = {
    .base = NETSTRING_BASE,
    .max_length = LIMIT,
    .string_received = string_received,
};

static const struct netstring_receiver_class Long = {
    .base = NETSTRING_BASE,
    .max_length = SIZE_MAX,
    .string_received = string_received,
};

static struct netstring_receiver *netstrings_of(struct wire *wire)
{
    return (struct netstring_receiver *)wire->transport.protocol;
}

/* --- B16 --- */

static void B16_any_cut(const char *poller)
{
    (void)poller;
    CUTS(&Netstrings.base, "5:hello,0:,1:x,2:\0\0,12:abcdefghijkl,1:y",
         "<hello><><x><\0\0><abcdefghijkl>");
    CUTS(&Netstrings.base, "0:,0:,", "<><>");
    CUTS(&Netstrings.base, "4:1:x,,3:\xff\r\n,1:,,2::,,",
         "<1:x,><\xff\r\n><,><:,>");
    CUTS(&Short.base, "12:abcdefghijkl,1:x,", "<abcdefghijkl><x>");
}

struct row {
    const char *input, *output; /* up to the error */
    size_t refused_at; /* bytes after which it is known, 0: it is no error */
};

static void check_row(const struct row *row)
{
    size_t length = strlen(row->input);
    struct wire wire;

    open_wire(&wire, &Short.base);
    for (size_t i = 0; i < length; i++) {
        CHECK(wire.transport.disconnecting ==
              (row->refused_at > 0 && i >= row->refused_at));
        receive(&wire, row->input + i, 1);
    }
    CHECK(wire.transport.disconnecting == (row->refused_at > 0));
    CHECK(!wire.transport.aborted);
    CHECK(row->refused_at == 0 || !netstrings_of(&wire)->input.kept.block);
    close_wire(&wire);
    check_cuts(&Short.base, row->input, length, row->output,
               strlen(row->output));
}

static void B16_what_is_no_netstring(const char *poller)
{
    static const struct row rows[] = {
        { "0:,1:x,", "<><x>", 0 },
        { "00:,1:x,", "", 2 },
        { "01:a,1:x,", "", 2 },
        { "1:a,007:abcdefg,1:x,", "<a>", 6 },
        { "+1:a,1:x,", "", 1 },
        { "-1:a,1:x,", "", 1 },
        { "-0:,1:x,", "", 1 },
        { " 1:a,1:x,", "", 1 },
        { "1 :a,1:x,", "", 2 },
        { "1: a,1:x,", "", 4 },
        { "1:a ,1:x,", "", 4 },
        { "1:a, 1:x,", "<a>", 5 },
        { "1:a,\n1:x,", "<a>", 5 },
        { "\t1:a,1:x,", "", 1 },
        { ":a,1:x,", "", 1 },
        { ":,1:x,", "", 1 },
        { ",1:x,", "", 1 },
        { "1:a,,1:x,", "<a>", 5 },
        { "abc,1:x,", "", 1 },
        { "1x:a,1:x,", "", 2 },
        { "0x1:a,1:x,", "", 2 },
        { "1.0:a,1:x,", "", 2 },
        { "1,a,1:x,", "", 2 },
        { "1;a,1:x,", "", 2 },
        { "1/a,1:x,", "", 2 },
        { "3:abc;1:x,", "", 6 },
        { "3:abc1:x,", "", 6 },
        { "4:abcde,1:x,", "", 7 },
        { "3:ab,1:x,", "", 6 },
        { "0:a,1:x,", "", 3 },
        { "\xb2:aa,1:x,", "", 1 },
        { "1:a,2:bb", "<a>", 0 },
        { "1:a,2:bb,3:cc,", "<a><bb>", 0 },
    };

    (void)poller;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_row(&rows[i]);
    CUTS(&Short.base, "1:a,1\0:b,1:x,", "<a>");
    CUTS(&Short.base, "1:a,\0", "<a>");
}

/* --- B17 --- */

static void B17_while_the_digits_arrive(const char *poller)
{
    static const struct row rows[] = {
        { "11:abcdefghijk,1:x,", "<abcdefghijk><x>", 0 },
        { "12:abcdefghijkl,1:x,", "<abcdefghijkl><x>", 0 },
        { "13:abcdefghijklm,1:x,", "", 2 },
        { "20:", "", 2 },
        { "1:a,99999999999999999999999999:,1:x,", "<a>", 6 },
        { "1:a,120:,1:x,", "<a>", 7 },
        { "18446744073709551617:x,", "", 2 }, /* 2^64 and 1 */
        { "4294967297:x,", "", 2 },           /* 2^32 and 1 */
    };

    (void)poller;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_row(&rows[i]);
}

static void B17_the_default_limit(const char *poller)
{
    static char bytes[8 + 100000];
    struct wire wire;

    (void)poller;
    for (unsigned length = 99998; length <= 100000; length++)
        for (size_t piece = 1; piece <= sizeof(bytes); piece *= 1000) {
            memset(bytes, 'x', sizeof(bytes));
            size_t whole = (size_t)sprintf(bytes, "%u:", length) + length;
            bytes[whole++] = ',';
            open_wire(&wire, &Netstrings.base);
            for (size_t i = 0; i < whole; i += piece)
                receive(&wire, bytes + i,
                        piece < whole - i ? piece : whole - i);
            CHECK(strings == (length <= 99999));
            CHECK(wire.transport.disconnecting == (length > 99999));
            close_wire(&wire);
        }
    open_wire(&wire, &Netstrings.base);
    RECEIVE(&wire, "99999");
    CHECK(!wire.transport.disconnecting);
    RECEIVE(&wire, "0"); /* no colon is awaited */
    CHECK(wire.transport.disconnecting);
    close_wire(&wire);
}

/* What the peer announces costs nothing: no allocation at the refusal, and
 * before it none but for the digits that were cut. */
static void B17_attacks_cost_no_memory(const char *poller)
{
    static const char *const attacks[] = {
        "2147483648:",           "4294967295:", "18446744073709551615:",
        "18446744073709551621:", "100000:",     "000000000000:"
    };
    struct wire wire;

    (void)poller;
    for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
        for (size_t cut = 0; cut < strlen(attacks[i]); cut++) {
            open_wire(&wire, &Netstrings.base);
            receive(&wire, attacks[i], cut);
            unit_fail_allocation(0);
            receive(&wire, attacks[i] + cut, strlen(attacks[i]) - cut);
            RECEIVE(&wire, "body,0:,");
            CHECK(!unit_allocation_failed());
            unit_fail_allocation(-1);
            CHECK(wire.transport.disconnecting && !wire.transport.aborted);
            CHECK(!netstrings_of(&wire)->input.kept.block);
            CHECK(heard_text(""));
            close_wire(&wire);
        }
}

/* Digits never fill the memory, whatever the limit; nor does a promise. */
static void B17_promises_cost_no_memory(const char *poller)
{
    char largest[40];
    struct wire wire;

    (void)poller;
    snprintf(largest, sizeof(largest), "%zu", SIZE_MAX);
    for (size_t cut = 0; cut < 3; cut++) {
        open_wire(&wire, &Long.base);
        receive(&wire, largest, cut);
        receive(&wire, largest + cut, strlen(largest) - cut);
        RECEIVE(&wire, ":some,bytes,");
        RECEIVE(&wire, "and,some,more");
        CHECK(heard_text("") && !wire.transport.disconnecting);
        CHECK(buffer_length(&netstrings_of(&wire)->input.kept) ==
              strlen(largest) + 12 + 13);
        close_wire(&wire);
        largest[strlen(largest) - 1]++; /* 2^64 - 1 ends in 5, 2^32 - 1 too */
        open_wire(&wire, &Long.base);
        receive(&wire, largest, cut);
        receive(&wire, largest + cut, strlen(largest) - cut);
        CHECK(wire.transport.disconnecting);
        close_wire(&wire);
        largest[strlen(largest) - 1]--;
    }
}

/* --- the rest of what it shares with the int receivers --- */

static void whole_strings_are_not_copied(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Netstrings.base);
    unit_fail_allocation(0);
    RECEIVE(&wire, "1:a,0:,2:bc,");
    CHECK(!unit_allocation_failed());
    CHECK(from_segment == 3 && heard_text("<a><><bc>"));
    unit_fail_allocation(-1);
    RECEIVE(&wire, "1:d,3:e");
    RECEIVE(&wire, "fg,1:h,2:ij,");
    CHECK(from_segment == 3 && heard_text("<d><efg><h><ij>"));
    CHECK(buffer_length(&netstrings_of(&wire)->input.kept) == 0);
    close_wire(&wire);
}

static void B15_after_lose_connection(const char *poller)
{
    (void)poller;
    CUTS(&Netstrings.base, "1:a,4:lose,1:b,0:,3:c", "<a><lose><b><>");
}

static void nothing_after_abort(const char *poller)
{
    struct wire wire;

    (void)poller;
    CUTS(&Netstrings.base, "1:a,5:abort,1:b,0:,", "<a><abort>");
    open_wire(&wire, &Netstrings.base);
    RECEIVE(&wire, "5:abort,1:b,");
    CHECK(wire.transport.aborted && !netstrings_of(&wire)->input.kept.block);
    close_wire(&wire);
}

static void injected_bytes_come_last(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Netstrings.base);
    RECEIVE(&wire, "6:inject,1:a,0:,");
    CHECK(heard_text("<inject><a><><i><j>"));
    RECEIVE(&wire, "k,6:inj"); /* the end of what was injected */
    CHECK(heard_text("<k>"));
    RECEIVE(&wire, "ect,1:a,1:b,");
    CHECK(heard_text("<inject><a><b><i><j>"));
    RECEIVE(&wire, "k,5:pause,6:inject,1:a,");
    CHECK(heard_text("<k><pause>"));
    netstring_receiver_resume(netstrings_of(&wire));
    CHECK(heard_text("<inject><a><i><j>"));
    close_wire(&wire);
}

static void pause_and_resume(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Netstrings.base);
    RECEIVE(&wire, "1:a,5:pause,1:b,5:pause,3:d");
    CHECK(wire.transport.paused && heard_text("<a><pause>"));
    RECEIVE(&wire, "e"); /* what was on its way already */
    netstring_receiver_resume(netstrings_of(&wire));
    CHECK(wire.transport.paused && heard_text("<b><pause>"));
    netstring_receiver_resume(netstrings_of(&wire));
    CHECK(!wire.transport.paused && heard_text(""));
    RECEIVE(&wire, "f,5:pause,x");
    CHECK(heard_text("<def><pause>") && !wire.transport.disconnecting);
    netstring_receiver_resume(netstrings_of(&wire));
    CHECK(wire.transport.disconnecting && heard_text(""));
    close_wire(&wire);
    CUTS(&Netstrings.base, "5:blink,1:a,5:blink,0:,", "<blink><a><blink><>");
}

static void send_string(const char *poller)
{
    static const char all[] = "0:,3:a\0b,12:abcdefghijkl,";
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Netstrings.base);
    netstring_receiver_send_string(netstrings_of(&wire), "", 0);
    netstring_receiver_send_string(netstrings_of(&wire), "a\0b", 3);
    netstring_receiver_send_string(netstrings_of(&wire), "abcdefghijkl", 12);
    CHECK(buffer_length(&wire.transport.written) == sizeof(all) - 1);
    CHECK(!memcmp(buffer_data(&wire.transport.written), all, sizeof(all) - 1));
    close_wire(&wire);
}

/* --- garbage --- */

enum { FUZZ_BYTES = 300, FUZZ_ROUNDS = 6000 };

/* What should be heard, by a second and simpler reading of all of it. */
static size_t expect(const char *bytes, size_t length, char *words)
{
    size_t used = 0, said = 0;

    for (;;) {
        unsigned size = 0;
        size_t colon = used;
        while (colon < length && bytes[colon] >= '0' && bytes[colon] <= '9' &&
               size <= LIMIT)
            size = size * 10 + (unsigned)(bytes[colon++] - '0');
        size_t digits = colon - used;
        if (digits == 0 || size > LIMIT || colon == length ||
            bytes[colon] != ':')
            return said;
        if (digits > 1 && bytes[used] == '0')
            return said;
        size_t end = colon + 1 + size;
        if (end >= length || bytes[end] != ',')
            return said;
        words[said++] = '<';
        memcpy(words + said, bytes + colon + 1, size);
        said += size;
        words[said++] = '>';
        used = end + 1;
    }
}

/* Netstrings, of which one byte in `purity` is some other byte. */
static void make_garbage(char *bytes, unsigned purity)
{
    static const char spice[] = "0123456789:,,, \n-+x";
    size_t length = 0;

    while (length < FUZZ_BYTES) {
        char one[64];
        unsigned size = random_below(LIMIT + 1 + (random_below(50) == 0));
        int zeroes = random_below(4 * purity) == 0;
        int whole = sprintf(one, "%0*u:%.*s,", zeroes ? 3 : 1, size, (int)size,
                            "a,bb:cc1:d,,e");
        for (int i = 0; i < whole && length < FUZZ_BYTES; i++) {
            bool odd = random_below(purity) == 0;
            bytes[length++] = !odd ? one[i]
                              : random_below(2)
                                  ? spice[random_below(sizeof(spice) - 1)]
                                  : (char)random_below(256);
        }
    }
}

static void garbage(const char *poller)
{
    char bytes[FUZZ_BYTES], words[2 * FUZZ_BYTES];
    struct wire wire;
    size_t most = 0;

    (void)poller;
    for (int round = 0; round < FUZZ_ROUNDS; round++) {
        make_garbage(bytes, 1 + random_below(1000));
        size_t said = expect(bytes, FUZZ_BYTES, words);
        most = said > most ? said : most;
        open_wire(&wire, &Short.base);
        for (size_t i = 0, piece; i < FUZZ_BYTES; i += piece) {
            piece = 1 + random_below(random_below(2) ? 4 : FUZZ_BYTES);
            if (piece > FUZZ_BYTES - i)
                piece = FUZZ_BYTES - i;
            if (random_below(4) == 0)
                netstring_receiver_pause(netstrings_of(&wire));
            receive(&wire, bytes + i, piece);
            if (random_below(2) || i + piece == FUZZ_BYTES)
                netstring_receiver_resume(netstrings_of(&wire));
        }
        CHECK(heard(words, said));
        close_wire(&wire);
    }
    CHECK(most > FUZZ_BYTES / 2);
}

/* --- memory and time --- */

static void no_memory(const char *poller)
{
    static const char all[] = "<a><inject><bcd><pause><e><i><j>";
    struct wire wire;
    int failures = 0;

    (void)poller;
    for (int i = 0; i < 10; i++) {
        open_wire(&wire, &Netstrings.base);
        unit_fail_allocation(i);
        RECEIVE(&wire, "1:a,6:in");
        RECEIVE(&wire, "ject,3:bcd,5:pause,1:");
        RECEIVE(&wire, "e,");
        netstring_receiver_resume(netstrings_of(&wire));
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        CHECK(wire.transport.aborted == failed);
        CHECK(!strncmp(script, all, failed ? script_length : 23));
        CHECK(!failed || script_length < strlen(all));
        forget();
        RECEIVE(&wire, "1:x,");
        CHECK(!failed || heard_text(""));
        failures += failed;
        close_wire(&wire);
    }
    CHECK(failures >= 3 && failures < 10);
}

static void count_string(struct netstring_receiver *self, const char *string,
                         size_t length)
{
    (void)self, (void)string;
    strings++;
    string_bytes += length;
}

static const struct netstring_receiver_class Counting = {
    .base = NETSTRING_BASE,
    .max_length = 1 << 26,
    .string_received = count_string,
};

static void long_string(size_t length, size_t piece)
{
    static char bytes[100];
    struct wire wire;
    char head[24];

    open_wire(&wire, &Counting.base);
    receive(&wire, head, (size_t)sprintf(head, "%zu:", length));
    for (size_t i = 0; i < length; i += piece)
        receive(&wire, bytes, piece);
    CHECK(strings == 0);
    RECEIVE(&wire, ",");
    CHECK(strings == 1 && string_bytes == length);
    close_wire(&wire);
}

static void in_pieces(size_t length)
{
    long_string(length, 100);
}

static void in_bytes(size_t length)
{
    long_string(length, 1);
}

static void linear_time(const char *poller)
{
    (void)poller;
    CHECK(unit_linear(in_pieces, 62500));
    CHECK(unit_linear(in_bytes, 25000));
}

static const struct unit_case cases[] = {
    { "B16_any_cut", B16_any_cut },
    { "B16_what_is_no_netstring", B16_what_is_no_netstring },
    { "B17_while_the_digits_arrive", B17_while_the_digits_arrive },
    { "B17_the_default_limit", B17_the_default_limit },
    { "B17_attacks_cost_no_memory", B17_attacks_cost_no_memory },
    { "B17_promises_cost_no_memory", B17_promises_cost_no_memory },
    { "whole_strings_are_not_copied", whole_strings_are_not_copied },
    { "B15_after_lose_connection", B15_after_lose_connection },
    { "nothing_after_abort", nothing_after_abort },
    { "injected_bytes_come_last", injected_bytes_come_last },
    { "pause_and_resume", pause_and_resume },
    { "send_string", send_string },
    { "garbage", garbage },
    { "no_memory", no_memory },
    { "linear_time", linear_time },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
