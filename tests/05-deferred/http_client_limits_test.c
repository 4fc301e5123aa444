/* SPDX-License-Identifier: MIT
 *
 * http_client.c at its limits, without memory, and with answers that chance
 * has changed; the same chance each time.
 */
#include <stdint.h>

#include "framing/line_receiver.h"
#include "http_take.h"

enum { ROUNDS = 30000 };

/* `start`, so many times 'x', `end`. */
static char *stuffed(const char *start, size_t count, const char *end)
{
    size_t length = strlen(start);
    char *text = malloc(length + count + strlen(end) + 1);

    memcpy(text, start, length);
    memset(text + length, 'x', count);
    strcpy(text + length + count, end);
    return text;
}

static void check_stuffed(const char *start, size_t count, const char *end,
                          const char *wanted)
{
    char *text = stuffed(start, count, end);

    check(start, take(text), wanted);
    check(start, take_for(text, strlen(text), 1, 1000, done), wanted);
    free(text);
}

static void line_limits(const char *poller)
{
    const size_t most = LINE_MAX_LENGTH;
    const char *end = "\r\nContent-Length: 1\r\n\r\nz";

    (void)poller;
    check_stuffed("HTTP/1.1 200 ", most - 13 - 1, end, "200 z");
    check_stuffed("HTTP/1.1 200 ", most - 13, end, "200 z");
    check_stuffed("HTTP/1.1 200 ", most - 13 + 1, end, "BadReply");
    check_stuffed("HTTP/1.1 200 ", most + 9, "", "BadReply");
    check_stuffed(OK "A:", most - 2 - 1, end, "200 z");
    check_stuffed(OK "A:", most - 2, end, "200 z");
    check_stuffed(OK "A:", most - 2 + 1, end, "PageTooLarge");
    check_stuffed(OK "A:", most + 9, "", "PageTooLarge");
    check_stuffed(CHUNKS "1;", most - 2, "\r\nz\r\n0\r\n\r\n", "200 z");
    check_stuffed(CHUNKS "1;", most - 1, "\r\nz\r\n0\r\n\r\n", "BadReply");
    check_stuffed(CHUNKS "0\r\n", most, "\r\n\r\n", "200 ");
    check_stuffed(CHUNKS "0\r\n", most + 1, "\r\n\r\n", "BadReply");
}

/* Lines of 1000 bytes, and one that makes so many of all, each with a NUL. */
static void check_head(size_t bytes, const char *wanted)
{
    char *text = malloc(2 * PAGE_HEAD_MAX), *end = text;

    end += sprintf(end, OK);
    for (; bytes >= 2002; bytes -= 1001)
        end += sprintf(end, "A:%0998d \t\r\n", 0);
    end += sprintf(end, "B:%0*d\r\n\r\nz", (int)bytes - 3, 0);
    check("a head", take(text), wanted);
    free(text);
}

static void head_limits(const char *poller)
{
    char *text = malloc(ANSWER_MAX), *end = text;

    (void)poller;
    check_head(PAGE_HEAD_MAX - 1, "200 z");
    check_head(PAGE_HEAD_MAX, "200 z");
    check_head(PAGE_HEAD_MAX + 1, "PageTooLarge");
    for (int i = 0; i < 10; i++) /* each of them has a head of its own */
        end += sprintf(end, "HTTP/1.1 100 Continue\r\nA:%015000d\r\n\r\n", 0);
    sprintf(end, OK "Content-Length: 1\r\n\r\nz");
    check("many heads", take(text), "200 z");
    free(text);
}

static void check_size(size_t most, const char *wanted)
{
    static const char *const answers[] = {
        OK LENGTH "10\r\n\r\n0123456789",
        CHUNKS "a\r\n0123456789\r\n0\r\n\r\n",
        CHUNKS "1\r\n0\r\n8\r\n12345678\r\n1\r\n9\r\n0\r\n\r\n",
        OK "\r\n0123456789",
    };

    factory.maximum = most;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        const char *answer = answers[i];
        check(answer, take(answer), wanted);
        check(answer, take_for(answer, strlen(answer), 0, 1, done), wanted);
    }
    factory.maximum = MOST;
}

static void size_limits(const char *poller)
{
    (void)poller;
    check_size(11, "200 0123456789");
    check_size(10, "200 0123456789");
    check_size(9, "PageTooLarge");
    check_size(1, "PageTooLarge");
    check_size(SIZE_MAX, "200 0123456789");
    factory.maximum = SIZE_MAX;
    check("much", take(OK LENGTH "999999999999999\r\n\r\nx"), "PartialPage");
    factory.maximum = MOST;
}

/* One allocation after the other fails, until none does. */
static void starve(const char *answer, const char *wanted, size_t piece)
{
    bool failed = true;

    for (int after = 0; failed; after++) {
        unit_fail_allocation(after);
        const char *got = take_for(answer, strlen(answer), 0, piece, done);
        failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        /* Or it was the test's own block. */
        if (!failed ||
            (strcmp(got, "nobody") && strcmp(got, "MemoryError") &&
             strcmp(got, "PartialPage") && strcmp(got, "ConnectionAborted")))
            check(answer, got, wanted);
    }
}

static void without_memory(const char *poller)
{
    (void)poller;
    for (const struct row *row = corpus; row->answer; row++) {
        starve(row->answer, row->wanted, ANSWER_MAX);
        starve(row->answer, row->wanted, 7);
    }
    for (const struct row *row = to_close; row->answer; row++)
        starve(row->answer, row->wanted, 7);
}

static uint32_t chance(void)
{
    static uint64_t state = 88172645463325252;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* `text` has room for as many bytes more as there can be changes. */
static size_t mutate(char *text, size_t length)
{
    static const char likely[] = "\r\n\n :;01239af\0-,";
    uint32_t changes = chance() % 5;

    while (changes-- > 0) {
        size_t at = chance() % (length + 1);
        uint32_t kind = chance() % 4;
        char byte = chance() % 3 ? likely[chance() % (sizeof(likely) - 1)]
                                 : (char)chance();
        if (kind == 0) {
            memmove(text + at + 1, text + at, length - at);
            text[at] = byte;
            length++;
        } else if (kind == 1 && at < length) {
            memmove(text + at, text + at + 1, length - at - 1);
            length--;
        } else if (kind == 2 && at < length) {
            text[at] = byte;
        } else if (chance() % 8 == 0) {
            length = at;
        }
    }
    return length;
}

/* Whatever it is, it is the same however it is cut, and heard of once. */
static void changed_by_chance(const char *poller)
{
    const size_t rows = sizeof(corpus) / sizeof(*corpus) - 1;
    char text[DUMP_MAX], whole[DUMP_MAX];
    int pages = 0;

    (void)poller;
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t which = chance() % (rows + 4);
        strcpy(text, which < rows ? corpus[which].answer
                                  : to_close[which - rows].answer);
        size_t length = mutate(text, strlen(text));
        strcpy(whole, take_for(text, length, 0, DUMP_MAX, done));
        pages += whole[0] <= '9';
        check(text, take_for(text, length, 0, 1, done), whole);
        check(text,
              take_for(text, length, chance() % 40, 1 + chance() % 20, done),
              whole);
    }
    CHECK(pages > ROUNDS / 4 && pages < ROUNDS * 9 / 10);
}

static const struct unit_case cases[] = {
    { "line_limits", line_limits },
    { "head_limits", head_limits },
    { "size_limits", size_limits },
    { "without_memory", without_memory },
    { "changed_by_chance", changed_by_chance },
    { NULL, NULL },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
