/* SPDX-License-Identifier: MIT
 *
 * The int receivers over a string transport: rows B12 to B15. Each case bears
 * the name of its row. No loop, so the poller does not matter.
 */
#include "lengths/int_receiver.h"

#include <errno.h>
#include <stdint.h>

#include "framing.h"

enum { LIMIT = 8 };

static size_t depth;

static bool is(const char *string, size_t length, const char *word)
{
    return length == strlen(word) && !memcmp(string, word, length);
}

/* What the string says is done. */
static void string_received(struct int_receiver *self, const char *string,
                            size_t length)
{
    static const char injected[] = "\0\0\0\1i\0\0\0\1j\0\0";

    CHECK(++depth == 1); /* no recursion */
    write_string(string, length);
    if (is(string, length, "lose"))
        transport_lose_connection(self->base.transport);
    if (is(string, length, "abort"))
        int_receiver_abort(self);
    if (is(string, length, "pause") || is(string, length, "blink"))
        int_receiver_pause(self);
    if (is(string, length, "blink"))
        int_receiver_resume(self);
    if (is(string, length, "inject"))
        int_receiver_data_received(&self->base, injected, 12);
    depth--;
}

static void too_long(struct int_receiver *self, size_t length)
{
    char text[40];

    (void)self;
    snprintf(text, sizeof(text), "!%zu!", length);
    write_down(text, strlen(text));
}

#define INT_BASE                                                               \
    {                                                                          \
        .name = "Ints", .size = sizeof(struct int_receiver),                   \
        .data_received = int_receiver_data_received,                           \
        .connection_lost = int_receiver_connection_lost,                       \
    }

static const struct int_receiver_class Int32 = {
    .base = INT_BASE,
    .string_received = string_received,
};

static const struct int_receiver_class Int16 = {
    .base = INT_BASE,
    .prefix_length = 2,
    .string_received = string_received,
};

static const struct int_receiver_class Int8 = {
    .base = INT_BASE,
    .prefix_length = 1,
    .string_received = string_received,
};

/* Tells a length that is too much, and goes on. */
static const struct int_receiver_class Short = {
    .base = INT_BASE,
    .prefix_length = 4,
    .max_length = LIMIT,
    .string_received = string_received,
    .length_limit_exceeded = too_long,
};

static const struct int_receiver_class Short8 = {
    .base = INT_BASE,
    .prefix_length = 1,
    .max_length = LIMIT,
    .string_received = string_received,
    .length_limit_exceeded = too_long,
};

/* As long as anything can be. */
static const struct int_receiver_class Long = {
    .base = INT_BASE,
    .max_length = UINT32_MAX,
    .string_received = string_received,
};

static struct int_receiver *ints_of(struct wire *wire)
{
    return (struct int_receiver *)wire->transport.protocol;
}

/* --- B12 --- */

static void B12_any_cut(const char *poller)
{
    (void)poller;
    CUTS(&Int32.base, "\0\0\0\5hello\0\0\0\0\0\0\0\1x\0\0\0\2\0\0",
         "<hello><><x><\0\0>");
    CUTS(&Int32.base, "\0\0\0\0\0\0\0\0", "<><>");
    CUTS(&Int32.base, "\0\0\0\4\xff\r\n\0\0\0\0\3pa", "<\xff\r\n\0>");
    CUTS(&Int16.base, "\0\5hello\0\0\0\1x\0\2\0\0\0\2n", "<hello><><x><\0\0>");
    CUTS(&Int16.base, "\0\0\0\0\0", "<><>");
    CUTS(&Int8.base, "\5hello\0\1x\2\0\0\3\1\1\1\2n",
         "<hello><><x><\0\0><\1\1\1>");
    CUTS(&Int8.base, "\0\0\0", "<><><>");
}

/* Each byte of the prefix counts, the first the most. */
static void B12_big_endian(const char *poller)
{
    static char bytes[4 + 0x10203];
    struct wire wire;

    (void)poller;
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "\0\1\2\3", 4);
    open_wire(&wire, &Int32.base);
    receive(&wire, bytes, sizeof(bytes) - 1);
    CHECK(strings == 0);
    receive(&wire, "x", 1);
    CHECK(strings == 1 && string_bytes == 0x10203);
    close_wire(&wire);
    memcpy(bytes, "\xfe\xff", 2);
    open_wire(&wire, &Int16.base);
    receive(&wire, bytes, 2 + 0xfeff);
    CHECK(strings == 1 && string_bytes == 0xfeff);
    close_wire(&wire);
    bytes[0] = (char)0xff;
    open_wire(&wire, &Int8.base);
    receive(&wire, bytes, 1 + 0xff);
    CHECK(strings == 1 && string_bytes == 0xff);
    close_wire(&wire);
}

/* A string that is whole in its segment is delivered from there, even after
 * one that was cut, and costs no memory. */
static void whole_strings_are_not_copied(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Int32.base);
    unit_fail_allocation(0);
    RECEIVE(&wire, "\0\0\0\1a\0\0\0\0\0\0\0\2bc");
    CHECK(!unit_allocation_failed());
    CHECK(from_segment == 3 && heard_text("<a><><bc>"));
    unit_fail_allocation(-1);
    RECEIVE(&wire, "\0\0\0\1d\0\0");
    CHECK(from_segment == 1);
    RECEIVE(&wire, "\0\3e");
    RECEIVE(&wire, "fg\0\0\0\1h\0\0\0\2ij");
    CHECK(from_segment == 3 && heard_text("<d><efg><h><ij>"));
    CHECK(buffer_length(&ints_of(&wire)->input.kept) == 0);
    close_wire(&wire);
    CHECK(sizeof(struct int_receiver) <= sizeof(struct protocol) + 16);
}

/* --- B13 --- */

static void B13_the_limit(const char *poller)
{
    (void)poller;
    CUTS(&Short.base,
         "\0\0\0\7"
         "1234567"
         "\0\0\0\x8"
         "12345678",
         "<1234567><12345678>");
    CUTS(&Short.base,
         "\0\0\0\0\0\0\0\x9"
         "123456789\0\0\0\1x",
         "<>!9!");
    CUTS(&Short.base,
         "\0\0\0\1x\0\0\1\1"
         "123456789\0\0\0\1x",
         "<x>!257!");
    CUTS(&Short.base, "\x80\0\0\0zzzzz\0\0\0\1x", "!2147483648!");
    CUTS(&Short.base, "\xff\xff\xff\xff\0\0\0\1x", "!4294967295!");
    CUTS(&Short.base, "\xff\xff\xff\xfc\0\0\0\1x", "!4294967292!");
    CUTS(&Short8.base,
         "\x8"
         "12345678"
         "\x9"
         "123456789"
         "\1x",
         "<12345678>!9!");
    CUTS(&Short8.base, "\xff\0\0\0", "!255!");
}

/* As soon as the prefix is complete, once, and nothing is delivered then. */
static void B13_before_the_body(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Short.base);
    RECEIVE(&wire, "\0\0\0");
    CHECK(heard_text(""));
    RECEIVE(&wire, "\x9");
    CHECK(heard_text("!9!") && !wire.transport.disconnecting);
    RECEIVE(&wire, "123456789\0\0\0\1x\0\0\0\x9");
    CHECK(heard_text(""));
    CHECK(buffer_length(&ints_of(&wire)->input.kept) == 0);
    close_wire(&wire);
}

static void B13_the_default_limit(const char *poller)
{
    static char bytes[4 + 100000];
    struct wire wire;

    (void)poller;
    for (unsigned length = 99998; length <= 100000; length++)
        for (size_t piece = 1; piece <= sizeof(bytes); piece *= 1000) {
            bytes[1] = 1; /* 65536 and what is missing */
            bytes[2] = (char)((length - 65536) >> 8);
            bytes[3] = (char)(length & 0xff);
            open_wire(&wire, &Int32.base);
            for (size_t i = 0; i < 4 + length; i += piece)
                receive(&wire, bytes + i,
                        piece < 4 + length - i ? piece : 4 + length - i);
            CHECK(strings == (length <= 99999));
            CHECK(wire.transport.disconnecting == (length > 99999));
            CHECK(!wire.transport.aborted);
            RECEIVE(&wire, "\0\0\0\1x");
            CHECK(strings == 2 * (size_t)(length <= 99999));
            close_wire(&wire);
        }
}

/* What the peer announces costs nothing: no allocation at the refusal, and
 * before it none but for the prefix that was cut. */
static void B13_attacks_cost_no_memory(const char *poller)
{
    static const char *const attacks[] = { "\x80\0\0\0", "\xff\xff\xff\xff",
                                           "\x7f\xff\xff\xff", "\0\1\x86\xa0" };
    struct wire wire;

    (void)poller;
    for (size_t i = 0; i < 4; i++)
        for (size_t cut = 0; cut < 4; cut++) {
            open_wire(&wire, &Int32.base);
            receive(&wire, attacks[i], cut);
            unit_fail_allocation(0);
            receive(&wire, attacks[i] + cut, 4 - cut);
            RECEIVE(&wire, "body\0\0\0\0");
            CHECK(!unit_allocation_failed());
            unit_fail_allocation(-1);
            CHECK(wire.transport.disconnecting && !wire.transport.aborted);
            CHECK(!ints_of(&wire)->input.kept.block);
            CHECK(heard_text(""));
            close_wire(&wire);
        }
}

/* Where such lengths are allowed, what has come is kept, and no more. */
static void B13_promises_cost_no_memory(const char *poller)
{
    static const char *const promises[] = { "\x80\0\0\0", "\xff\xff\xff\xff",
                                            "\xff\xff\xff\xfc",
                                            "\xff\xff\xff\xfb" };
    struct wire wire;

    (void)poller;
    for (size_t i = 0; i < 4; i++) {
        open_wire(&wire, &Long.base);
        receive(&wire, promises[i], 4);
        RECEIVE(&wire, "some\0\0\0\0bytes\0\0\0\0");
        RECEIVE(&wire, "and some more");
        CHECK(heard_text("") && !wire.transport.disconnecting);
        CHECK(buffer_length(&ints_of(&wire)->input.kept) == 4 + 17 + 13);
        close_wire(&wire);
    }
}

/* --- B14 --- */

static bool wrote(struct wire *wire, const char *bytes, size_t length)
{
    bool same = buffer_length(&wire->transport.written) == length &&
                (length == 0 ||
                 !memcmp(buffer_data(&wire->transport.written), bytes, length));

    buffer_clear(&wire->transport.written);
    return same;
}

static void check_most(const struct int_receiver_class *class, size_t most,
                       const char *prefix, size_t size)
{
    static char bytes[65536], sent[2 + 65536];
    struct wire wire;

    open_wire(&wire, &class->base);
    memset(bytes, 'x', sizeof(bytes));
    memset(sent, 'x', sizeof(sent));
    memcpy(sent, prefix, size);
    errno = 0;
    CHECK(int_receiver_send_string(ints_of(&wire), bytes, most + 1) == -1);
    CHECK(errno == EMSGSIZE && wrote(&wire, "", 0));
    CHECK(int_receiver_send_string(ints_of(&wire), bytes, most) == 0);
    CHECK(wrote(&wire, sent, size + most));
    CHECK(!wire.transport.disconnecting);
    close_wire(&wire);
}

static void B14_what_the_prefix_cannot_say(const char *poller)
{
    struct wire wire;

    (void)poller;
    check_most(&Int8, 255, "\xff", 1);
    check_most(&Int16, 65535, "\xff\xff", 2);
    open_wire(&wire, &Int32.base);
    if (SIZE_MAX > UINT32_MAX) { /* refused before it is looked at */
        CHECK(int_receiver_send_string(ints_of(&wire), "",
                                       (size_t)UINT32_MAX + 1) == -1);
        CHECK(errno == EMSGSIZE && wrote(&wire, "", 0));
        CHECK(int_receiver_send_string(ints_of(&wire), "", SIZE_MAX) == -1);
        CHECK(errno == EMSGSIZE && wrote(&wire, "", 0));
    }
    CHECK(int_receiver_send_string(ints_of(&wire), "a\0b", 3) == 0);
    CHECK(int_receiver_send_string(ints_of(&wire), "", 0) == 0);
    CHECK(wrote(&wire, "\0\0\0\3a\0b\0\0\0\0", 11));
    close_wire(&wire);
}

/* --- B15, and what stops it --- */

static void B15_after_lose_connection(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Int32.base);
    RECEIVE(&wire, "\0\0\0\1a\0\0\0\4lose\0\0\0\1b\0\0\0\0\0\0\0\3c");
    CHECK(wire.transport.disconnecting && !wire.transport.aborted);
    CHECK(heard_text("<a><lose><b><>"));
    close_wire(&wire);
    CUTS(&Int8.base, "\4lose\1b\0", "<lose><b><>");
}

static void nothing_after_abort(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Int32.base);
    RECEIVE(&wire, "\0\0\0\1a\0\0\0\5abort\0\0\0\1b\0\0\0\0");
    CHECK(wire.transport.aborted);
    CHECK(heard_text("<a><abort>"));
    RECEIVE(&wire, "\0\0\0\1c");
    int_receiver_resume(ints_of(&wire));
    CHECK(heard_text(""));
    CHECK(!ints_of(&wire)->input.kept.block);
    close_wire(&wire);
    CUTS(&Int8.base, "\1a\5abort\1b\0", "<a><abort>");
}

static void injected_bytes_come_last(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Int32.base);
    RECEIVE(&wire, "\0\0\0\6inject\0\0\0\1a\0\0\0\0");
    CHECK(heard_text("<inject><a><><i><j>"));
    RECEIVE(&wire, "\0\1k"); /* the end of what was injected */
    CHECK(heard_text("<k>"));
    RECEIVE(&wire, "\0\0\0\6inj");
    RECEIVE(&wire, "ect\0\0\0\1a\0\0\0\1b");
    CHECK(heard_text("<inject><a><b><i><j>"));
    RECEIVE(&wire, "\0\1k\0\0\0\5pause\0\0\0\6inject\0\0\0\1a");
    CHECK(heard_text("<k><pause>"));
    int_receiver_resume(ints_of(&wire));
    CHECK(heard_text("<inject><a><i><j>"));
    close_wire(&wire);
}

static void pause_and_resume(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Int8.base);
    RECEIVE(&wire, "\1a\5pause\1b\5pause\1c\3d");
    CHECK(wire.transport.paused && heard_text("<a><pause>"));
    RECEIVE(&wire, "e"); /* what was on its way already */
    CHECK(heard_text(""));
    int_receiver_resume(ints_of(&wire));
    CHECK(wire.transport.paused && heard_text("<b><pause>"));
    int_receiver_resume(ints_of(&wire));
    CHECK(!wire.transport.paused && heard_text("<c>"));
    RECEIVE(&wire, "f\5blink\1g");
    CHECK(!wire.transport.paused && heard_text("<def><blink><g>"));
    int_receiver_pause(ints_of(&wire)); /* from outside */
    RECEIVE(&wire, "\1h\4lo");
    RECEIVE(&wire, "se\1i");
    CHECK(heard_text(""));
    int_receiver_resume(ints_of(&wire));
    CHECK(heard_text("<h><lose><i>"));
    RECEIVE(&wire, "\5pause\1j");
    CHECK(heard_text("<pause>"));
    close_wire(&wire); /* paused at the end */
    CHECK(heard_text(""));
    CUTS(&Int8.base, "\5blink\1a\5blink\0", "<blink><a><blink><>");
}

/* While nothing is delivered, so many bytes are read on, and not one more. */
static void read_ahead(const char *poller)
{
    struct wire wire;

    (void)poller;
    open_wire(&wire, &Int8.base);
    ints_of(&wire)->input.read_ahead = 4;
    RECEIVE(&wire, "\5pause\1");
    CHECK(!wire.transport.paused);
    RECEIVE(&wire, "b\1");
    CHECK(!wire.transport.paused);
    RECEIVE(&wire, "c");
    CHECK(wire.transport.paused && heard_text("<pause>"));
    int_receiver_resume(ints_of(&wire));
    CHECK(!wire.transport.paused && heard_text("<b><c>"));
    RECEIVE(&wire, "\5pause\1d\1e"); /* in one segment with the pause */
    CHECK(wire.transport.paused && heard_text("<pause>"));
    int_receiver_resume(ints_of(&wire));
    RECEIVE(&wire, "\10eight"); /* a piece that is cut pauses nothing */
    CHECK(!wire.transport.paused && heard_text("<d><e>"));
    close_wire(&wire);
}

/* --- garbage --- */

enum { FUZZ_BYTES = 600, FUZZ_ROUNDS = 3000 };

/* What should be heard, by a second and simpler reading of all of it. */
static size_t expect(const unsigned char *bytes, size_t length, size_t prefix,
                     char *words)
{
    size_t used = 0, said = 0;

    while (length - used >= prefix) {
        unsigned long long announced = 0;
        for (size_t i = 0; i < prefix; i++)
            announced = announced * 256 + bytes[used + i];
        if (announced > LIMIT)
            return said + (size_t)sprintf(words + said, "!%llu!", announced);
        if (used + prefix + announced > length)
            break;
        words[said++] = '<';
        memcpy(words + said, bytes + used + prefix, announced);
        said += announced;
        words[said++] = '>';
        used += prefix + announced;
    }
    return said;
}

static void fuzz_round(const struct int_receiver_class *class, unsigned garbage)
{
    unsigned char bytes[FUZZ_BYTES];
    char words[2 * FUZZ_BYTES + 64];
    struct wire wire;

    for (size_t i = 0; i < FUZZ_BYTES; i++)
        bytes[i] = (unsigned char)(random_below(garbage)
                                       ? random_below(LIMIT + 1) *
                                             (class->prefix_length == 1 ||
                                              random_below(8) == 0)
                                       : random_below(256));
    size_t said = expect(bytes, FUZZ_BYTES, class->prefix_length, words);
    open_wire(&wire, &class->base);
    for (size_t i = 0, piece; i < FUZZ_BYTES; i += piece) {
        piece = 1 + random_below(random_below(2) ? 4 : FUZZ_BYTES);
        if (piece > FUZZ_BYTES - i)
            piece = FUZZ_BYTES - i;
        if (random_below(4) == 0)
            int_receiver_pause(ints_of(&wire));
        receive(&wire, (const char *)bytes + i, piece);
        if (random_below(2) || i + piece == FUZZ_BYTES)
            int_receiver_resume(ints_of(&wire));
    }
    CHECK(heard(words, said));
    close_wire(&wire);
}

static void garbage(const char *poller)
{
    (void)poller;
    for (int i = 0; i < FUZZ_ROUNDS; i++) {
        fuzz_round(&Short, 1 + random_below(1000));
        fuzz_round(&Short8, 1 + random_below(1000));
    }
}

/* --- memory and time --- */

static void no_memory(const char *poller)
{
    static const char all[] = "<a><inject><bcd><pause><e><i><j>";
    struct wire wire;
    int failures = 0;

    (void)poller;
    for (int i = 0; i < 10; i++) {
        open_wire(&wire, &Int32.base);
        unit_fail_allocation(i);
        RECEIVE(&wire, "\0\0\0\1a\0\0\0\6in");
        RECEIVE(&wire, "ject\0\0\0\3bcd\0\0\0\5pause\0\0");
        RECEIVE(&wire, "\0\1e");
        int_receiver_resume(ints_of(&wire));
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        CHECK(wire.transport.aborted == failed);
        CHECK(failed ? !strncmp(script, all, script_length) &&
                           script_length < strlen(all)
                     : !strncmp(script, "<a><inject><bcd><pause>", 23));
        forget();
        RECEIVE(&wire, "\0\0\0\1x");
        CHECK(!failed || heard_text(""));
        failures += failed;
        close_wire(&wire);
    }
    CHECK(failures >= 3 && failures < 10);
}

static void count_string(struct int_receiver *self, const char *string,
                         size_t length)
{
    (void)self, (void)string;
    strings++;
    string_bytes += length;
}

static const struct int_receiver_class Counting = {
    .base = INT_BASE,
    .max_length = 1 << 26,
    .string_received = count_string,
};

static void long_string(size_t length, size_t piece)
{
    static char bytes[100];
    struct wire wire;
    char prefix[4] = { (char)(length >> 24), (char)(length >> 16),
                       (char)(length >> 8), (char)length };

    open_wire(&wire, &Counting.base);
    receive(&wire, prefix, 4);
    for (size_t i = 0; i < length; i += piece) {
        CHECK(strings == 0);
        receive(&wire, bytes, piece);
    }
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

/* One at a time, as a server that answers before it goes on wants them. */
static void wait_after_each(struct int_receiver *self, const char *string,
                            size_t length)
{
    count_string(self, string, length);
    int_receiver_pause(self);
}

static const struct int_receiver_class Waiting = {
    .base = INT_BASE,
    .string_received = wait_after_each,
};

static void one_by_one(size_t count)
{
    static char zeroes[4 * 65536];
    struct wire wire;

    open_wire(&wire, &Waiting.base);
    receive(&wire, zeroes, 4 * count);
    while (strings < count)
        int_receiver_resume(ints_of(&wire));
    close_wire(&wire);
}

static void linear_time(const char *poller)
{
    (void)poller;
    CHECK(unit_linear(in_pieces, 62500));
    CHECK(unit_linear(in_bytes, 25000));
    CHECK(unit_linear(one_by_one, 4096));
}

static const struct unit_case cases[] = {
    { "B12_any_cut", B12_any_cut },
    { "B12_big_endian", B12_big_endian },
    { "whole_strings_are_not_copied", whole_strings_are_not_copied },
    { "B13_the_limit", B13_the_limit },
    { "B13_before_the_body", B13_before_the_body },
    { "B13_the_default_limit", B13_the_default_limit },
    { "B13_attacks_cost_no_memory", B13_attacks_cost_no_memory },
    { "B13_promises_cost_no_memory", B13_promises_cost_no_memory },
    { "B14_what_the_prefix_cannot_say", B14_what_the_prefix_cannot_say },
    { "B15_after_lose_connection", B15_after_lose_connection },
    { "nothing_after_abort", nothing_after_abort },
    { "injected_bytes_come_last", injected_bytes_come_last },
    { "pause_and_resume", pause_and_resume },
    { "read_ahead", read_ahead },
    { "garbage", garbage },
    { "no_memory", no_memory },
    { "linear_time", linear_time },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
