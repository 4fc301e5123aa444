/* SPDX-License-Identifier: MIT
 *
 * Remote calls over a string transport: what is sent, which answer is for
 * which call, what becomes of calls when there is none. No loop, so the poller
 * does not matter.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deferred/deferred_timeout.h"
#include "protocol/string_transport.h"
#include "rpc/rpc.h"
#include "unit.h"

enum { CALLS = 4 };

static const struct int_receiver_class Caller = {
    .base =
        {
            .name = "Caller",
            .size = sizeof(struct rpc_caller),
            .data_received = int_receiver_data_received,
            .connection_lost = rpc_caller_connection_lost,
        },
    .max_length = RPC_MESSAGE_MAX,
    .string_received = rpc_caller_string_received,
};

static struct factory factory = { .name = "Callers", .protocol = &Caller.base };

/* A call, and what it came to. */
struct asked {
    struct deferred *deferred; /* NULL: it could not be made */
    int fired;
    struct failure failure;
    struct rpc_result *value; /* NULL: none, or a failure */
    void (*then)(struct asked *self);
};

static struct string_transport wire;
static struct asked asked[CALLS];

static struct rpc_caller *caller(void)
{
    return (struct rpc_caller *)wire.protocol;
}

static struct result take(struct result result, void *argument)
{
    struct asked *self = argument;

    self->fired++;
    if (result.kind == RESULT_FAILURE)
        self->failure = result.failure;
    else
        self->value = result.value;
    if (self->then)
        self->then(self);
    return result_value(NULL);
}

static void ask(int i, const char *procedure, const char *argument)
{
    asked[i].deferred =
        rpc_caller_call(caller(), procedure, argument, strlen(argument));
    if (asked[i].deferred)
        deferred_add_both(asked[i].deferred, take, &asked[i]);
}

/* A connection with so many calls out, 1 to `count`. */
static void begin(int count)
{
    memset(asked, 0, sizeof(asked));
    CHECK(string_transport_open(&wire, &factory) == 0);
    for (int i = 0; i < count; i++) {
        ask(i, "echo", "x");
        CHECK(asked[i].deferred);
    }
    buffer_clear(&wire.written);
}

/* All that were made have fired, once. */
static void end(void)
{
    string_transport_close(&wire);
    for (int i = 0; i < CALLS; i++) {
        CHECK(asked[i].fired == !!asked[i].deferred);
        deferred_release(asked[i].deferred);
        free(asked[i].value);
    }
}

/* One string after its length, at `to`. Returns how many bytes. */
static size_t frame(char *to, const char *string, size_t length)
{
    for (int i = 0; i < 4; i++)
        to[i] = (char)(length >> (24 - 8 * i) & 0xff);
    memcpy(to + 4, string, length);
    return length + 4;
}

static void answer_bytes(const char *string, size_t length)
{
    char bytes[256];

    string_transport_receive(&wire, bytes, frame(bytes, string, length));
}

static void answer(const char *string)
{
    answer_bytes(string, strlen(string));
}

static bool has(int i, const char *bytes, size_t length)
{
    return asked[i].fired == 1 && asked[i].value &&
           asked[i].value->length == length &&
           !memcmp(asked[i].value->bytes, bytes, length) &&
           asked[i].value->bytes[length] == '\0';
}

static bool failed(int i, const struct failure_type *type, int number)
{
    return asked[i].fired == 1 && !asked[i].value &&
           failure_check(asked[i].failure, type) &&
           asked[i].failure.number == number;
}

/* --- messages --- */

static void parse(const char *poller)
{
    static const struct {
        const char *text;
        uint64_t id;
        const char *word, *rest;
    } good[] = {
        { "1 echo hello", 1, "echo", "hello" },
        { "1 echo", 1, "echo", "" },
        { "1 echo ", 1, "echo", "" },
        { "0 ok  two  blanks ", 0, "ok", " two  blanks " },
        { "007 ok", 7, "ok", "" },
        { "9999999999999999999 ok x", 9999999999999999999u, "ok", "x" },
        { "5 ", 5, "", "" },
        { "5  x", 5, "", "x" },
    };
    static const char *const bad[] = {
        "",      " ",     "1",     "x",     "echo",   " 1 ok",
        "-1 ok", "+1 ok", "1x ok", "1\tok", "0x1 ok", "10000000000000000000 ok"
    };
    struct rpc_message message;

    (void)poller;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        CHECK(!rpc_parse(&message, good[i].text, strlen(good[i].text)));
        CHECK(message.id == good[i].id);
        CHECK(rpc_word_is(&message, good[i].word));
        CHECK(message.rest_length == strlen(good[i].rest));
        CHECK(!memcmp(message.rest, good[i].rest, message.rest_length));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        errno = 0;
        CHECK(rpc_parse(&message, bad[i], strlen(bad[i])) == -1);
        CHECK(errno == EINVAL);
    }
    CHECK(!rpc_parse(&message, "1 echo", 6));
    CHECK(!rpc_word_is(&message, "ech") && !rpc_word_is(&message, "echoes"));
}

static uint32_t next_random(void)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

/* Whatever comes, the parts lie in the message, and say the same again. */
static void parse_anything(const char *poller)
{
    static const char alphabet[] = "0123456789   okerrorecho\n\xff";
    struct rpc_message message;
    int parsed = 0;

    (void)poller;
    for (int round = 0; round < 100000; round++) {
        char text[32] = "";
        size_t length = next_random() % 30;
        for (size_t i = 0; i < length; i++)
            text[i] = alphabet[next_random() % sizeof(alphabet)];
        char *exact = malloc(length ? length : 1); /* nothing may follow */
        CHECK(exact);
        memcpy(exact, text, length);
        if (rpc_parse(&message, exact, length) == 0) {
            const char *end = exact + length;
            parsed++;
            CHECK(message.id == strtoull(text, NULL, 10));
            CHECK(message.word > exact && message.word <= end);
            CHECK(message.rest + message.rest_length == end);
            CHECK(message.rest >= message.word + message.word_length);
            CHECK(!memchr(message.word, ' ', message.word_length));
        }
        free(exact);
    }
    CHECK(parsed > 1000);
}

/* Is what was written, in frames of their own. */
static bool wrote(const char *first, const char *second)
{
    char bytes[256];
    size_t length = frame(bytes, first, strlen(first));

    if (second)
        length += frame(bytes + length, second, strlen(second));
    return buffer_length(&wire.written) == length &&
           !memcmp(buffer_data(&wire.written), bytes, length);
}

static void requests(const char *poller)
{
    (void)poller;
    begin(0);
    ask(0, "echo", "hello world");
    ask(1, "sleep", "");
    CHECK(wrote("1 echo hello world", "2 sleep "));
    buffer_clear(&wire.written);
    CHECK(rpc_send(&caller()->base, UINT64_MAX, "error", "T 2", 3) == 0);
    CHECK(wrote("18446744073709551615 error T 2", NULL));
    end();
}

static void the_longest_message(const char *poller)
{
    char *bytes = calloc(1, RPC_MESSAGE_MAX);
    size_t most = RPC_MESSAGE_MAX;

    (void)poller;
    CHECK(bytes);
    begin(0);
    errno = 0;
    CHECK(!rpc_caller_call(caller(), "echo", bytes, most) && errno == EMSGSIZE);
    CHECK(!rpc_caller_call(caller(), "echo", bytes, SIZE_MAX));
    CHECK(errno == EMSGSIZE && buffer_length(&wire.written) == 0);
    CHECK(caller()->calls == NULL);
    while (rpc_send(&caller()->base, 1, "ok", bytes, most) < 0)
        most--;
    CHECK(most > RPC_MESSAGE_MAX - 64);
    CHECK(buffer_length(&wire.written) <= 4 + RPC_MESSAGE_MAX);
    end();
    free(bytes);
}

/* --- answers --- */

static void in_any_order(const char *poller)
{
    (void)poller;
    begin(4);
    answer("3 ok third");
    CHECK(has(2, "third", 5) && !asked[0].fired && !asked[1].fired);
    answer("1 ok first");
    answer("4 error ProcedureFailed 2");
    answer("2 ok second");
    CHECK(has(0, "first", 5) && has(1, "second", 6));
    CHECK(failed(3, &ProcedureFailed, ENOENT));
    CHECK(caller()->calls == NULL && !wire.disconnecting);
    end();
}

static void any_bytes(const char *poller)
{
    (void)poller;
    begin(4);
    answer_bytes("1 ok \0\n \xff", 9);
    answer("2 ok ");
    answer("3 ok");
    answer("4 ok  ");
    CHECK(has(0, "\0\n \xff", 4) && has(1, "", 0) && has(2, "", 0));
    CHECK(has(3, " ", 1));
    end();
}

static void however_they_are_cut(const char *poller)
{
    char bytes[256];
    size_t length = frame(bytes, "2 ok two", 8);

    (void)poller;
    length += frame(bytes + length, "3 error UnknownProcedure 0", 26);
    length += frame(bytes + length, "1 ok one", 8);
    for (size_t cut = 1; cut <= length; cut++) {
        begin(3);
        string_transport_receive(&wire, bytes, cut);
        string_transport_receive(&wire, bytes + cut, length - cut);
        CHECK(has(0, "one", 3) && has(1, "two", 3));
        CHECK(failed(2, &UnknownProcedure, 0));
        end();
        begin(3); /* in pieces of that size */
        for (size_t i = 0; i < length; i += cut)
            string_transport_receive(&wire, bytes + i,
                                     length - i < cut ? length - i : cut);
        CHECK(has(0, "one", 3) && has(1, "two", 3));
        CHECK(failed(2, &UnknownProcedure, 0));
        end();
    }
}

static void errors_have_types(const char *poller)
{
    static const struct {
        const char *text;
        const struct failure_type *type;
        int number;
    } rows[] = {
        { "1 error UnknownProcedure 0", &UnknownProcedure, 0 },
        { "1 error BadRequest 0", &BadRequest, 0 },
        { "1 error FileError 13", &ProcedureFailed, EACCES },
        { "1 error MemoryError 0", &ProcedureFailed, 0 },
        { "1 error BadRequests 7", &ProcedureFailed, 7 },
        { "1 error BadReques 7", &ProcedureFailed, 7 },
        { "1 error", &ProcedureFailed, 0 },
        { "1 error  ", &ProcedureFailed, 0 },
        { "1 error FileError", &ProcedureFailed, 0 },
        { "1 error FileError -2", &ProcedureFailed, 0 },
        { "1 error FileError x", &ProcedureFailed, 0 },
        { "1 error FileError 99999999999999999999999999", &ProcedureFailed, 0 },
        { "1 error 0123456789012345678901234567890123456789012345678901234567"
          "89012345678901234567890123456789 2",
          &ProcedureFailed, 0 },
    };

    (void)poller;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        begin(1);
        answer(rows[i].text);
        CHECK(failed(0, rows[i].type, rows[i].number));
        end();
    }
}

static void what_nobody_asked(const char *poller)
{
    (void)poller;
    begin(2);
    deferred_cancel(asked[0].deferred);
    CHECK(failed(0, &CancelledError, 0));
    answer("2 ok two");
    CHECK(caller()->calls == NULL);
    answer("1 ok late");
    answer("7 ok never asked");
    answer("2 error BadRequest 0"); /* twice */
    CHECK(has(1, "two", 3) && !wire.disconnecting);
    end();
}

static void what_is_no_answer(const char *poller)
{
    static const char *const bad[] = { "",           "hello",    "1",
                                       "1 okay yes", "x ok yes", "1 echo hello",
                                       "1 ",         "1  ok",    "1 OK yes" };

    (void)poller;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        begin(2);
        answer(bad[i]);
        CHECK(wire.aborted && !asked[0].fired);
        answer("1 ok yes"); /* nobody believes it any more */
        CHECK(!asked[0].fired);
        string_transport_lose(&wire,
                              (struct failure){ &ConnectionAborted, 0, NULL });
        CHECK(failed(0, &ConnectionAborted, 0));
        CHECK(failed(1, &ConnectionAborted, 0));
        end();
    }
}

/* --- no answer --- */

static void note_call(struct asked *self)
{
    static char name[CALLS][2] = { "a", "b", "c", "d" };

    unit_note(name[self - asked]);
}

static void connection_lost(const char *poller)
{
    struct failure reason = { &ConnectionLost, ECONNRESET, NULL };

    (void)poller;
    begin(4);
    answer("2 ok two");
    for (int i = 0; i < CALLS; i++)
        asked[i].then = note_call;
    string_transport_lose(&wire, reason);
    CHECK(unit_noted("acd"));
    for (int i = 0; i < CALLS; i++)
        CHECK(i == 1 ? has(i, "two", 3)
                     : failed(i, &ConnectionLost, ECONNRESET));
    end();
}

static struct rpc_caller *lost;

/* An errback that tries again would go on for ever. */
static void try_again(struct asked *self)
{
    errno = 0;
    CHECK(!rpc_caller_call(lost, "echo", "x", 1) && errno == ENOTCONN);
    CHECK(self->fired == 1);
}

static void trying_again_is_refused(const char *poller)
{
    (void)poller;
    begin(2);
    lost = caller();
    asked[0].then = try_again;
    asked[1].then = try_again;
    string_transport_lose(&wire, (struct failure){ &ConnectionLost, 0, NULL });
    end();
}

static void cancel_the_others(struct asked *self)
{
    for (int i = 0; i < CALLS; i++)
        if (&asked[i] != self && asked[i].deferred)
            deferred_cancel(asked[i].deferred);
}

static void cancelled_from_inside(const char *poller)
{
    (void)poller;
    for (int lose = 0; lose < 2; lose++) {
        begin(4);
        asked[0].then = cancel_the_others;
        if (lose)
            string_transport_lose(&wire,
                                  (struct failure){ &ConnectionLost, 0, NULL });
        else
            answer("1 ok one");
        for (int i = 1; i < CALLS; i++)
            CHECK(failed(i, &CancelledError, 0));
        end();
    }
}

static void call_from_inside(struct asked *self)
{
    ask((int)(self - asked) + 1, "echo", "more");
}

static void calls_from_inside(const char *poller)
{
    char bytes[64];
    size_t length = frame(bytes, "1 ok one", 8);

    (void)poller;
    begin(1);
    asked[0].then = call_from_inside;
    length += frame(bytes + length, "2 ok two", 8);
    string_transport_receive(&wire, bytes, length);
    CHECK(has(0, "one", 3) && has(1, "two", 3));
    CHECK(wrote("2 echo more", NULL));
    end();
}

static void a_timeout_cancels(const char *poller)
{
    struct fake_clock fake = { 0 };

    (void)poller;
    begin(0);
    for (int i = 0; i < 2; i++) {
        asked[i].deferred = rpc_caller_call(caller(), "sleep", "9", 1);
        CHECK(asked[i].deferred);
        CHECK(!deferred_add_timeout(asked[i].deferred, clock_of_fake(&fake),
                                    i + 1));
        deferred_add_both(asked[i].deferred, take, &asked[i]);
    }
    fake_clock_advance(&fake, 1.5);
    CHECK(failed(0, &DeferredTimeout, 0) && !asked[1].fired);
    answer("1 ok late");
    answer("2 ok in time");
    CHECK(has(1, "in time", 7));
    fake_clock_advance(&fake, 10);
    delayed_calls_clear(&fake.calls);
    end();
}

/* --- at the end of the rope --- */

static void no_memory(const char *poller)
{
    char bytes[64];
    size_t length = frame(bytes, "1 ok one", 8);
    bool any = true;

    (void)poller;
    length += frame(bytes + length, "2 error BadRequest 0", 20);
    for (int after = 0; any; after++) {
        begin(0);
        unit_fail_allocation(after);
        for (int i = 0; i < 3; i++) {
            errno = 0;
            ask(i, "echo", "hello");
            CHECK(asked[i].deferred || errno == ENOMEM);
        }
        string_transport_receive(&wire, bytes, 9); /* cut: it is kept */
        string_transport_receive(&wire, bytes + 9, length - 9);
        any = unit_allocation_failed();
        unit_fail_allocation(-1);
        string_transport_lose(&wire,
                              (struct failure){ &ConnectionLost, 0, NULL });
        end();
    }
}

/* An answer, more or less. */
static size_t garble(char *bytes)
{
    static const char *const words[] = { "ok", "error", "error BadRequest",
                                         "",   "okay",  " " };
    char text[64];
    int length = snprintf(text, sizeof(text), "%u %s %u", next_random() % 6,
                          words[next_random() % 6], next_random() % 200);
    size_t size = frame(bytes, text, (size_t)length);

    if (next_random() % 8 == 0)
        bytes[4 + next_random() % (size - 4)] = (char)next_random();
    if (next_random() % 32 == 0)
        bytes[next_random() % 4] = (char)next_random();
    return size;
}

/* Whatever comes, each call fires once. */
static void garbage(const char *poller)
{
    char bytes[4 * 80];

    (void)poller;
    for (int round = 0; round < 20000; round++) {
        size_t length = 0;
        begin(CALLS);
        for (int i = 0; i < 4; i++)
            length += garble(bytes + length);
        for (size_t i = 0, piece; i < length; i += piece) {
            piece = 1 + next_random() % 40;
            if (piece > length - i)
                piece = length - i;
            string_transport_receive(&wire, bytes + i, piece);
        }
        end();
    }
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "parse", parse },
        { "parse_anything", parse_anything },
        { "requests", requests },
        { "the_longest_message", the_longest_message },
        { "in_any_order", in_any_order },
        { "any_bytes", any_bytes },
        { "however_they_are_cut", however_they_are_cut },
        { "errors_have_types", errors_have_types },
        { "what_nobody_asked", what_nobody_asked },
        { "what_is_no_answer", what_is_no_answer },
        { "connection_lost", connection_lost },
        { "trying_again_is_refused", trying_again_is_refused },
        { "cancelled_from_inside", cancelled_from_inside },
        { "calls_from_inside", calls_from_inside },
        { "a_timeout_cancels", a_timeout_cancels },
        { "no_memory", no_memory },
        { "garbage", garbage },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
