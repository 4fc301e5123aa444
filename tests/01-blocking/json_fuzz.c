/* SPDX-License-Identifier: MIT
 *
 * What json.c makes of chance: headers with a few bytes changed, and strings
 * of any bytes there and back. `json_fuzz [ROUNDS]`; the rounds are the same
 * each time. Each text is parsed from a block of exactly its size, so that a
 * sanitizer sees a byte read too far.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upload/json.h"

enum { TEXT_MAX = 512, ROUNDS = 100000 };

static const char *const seeds[] = {
    "{\"action\":\"put\",\"filename\":\"a.txt\",\"filesize\":12}",
    "{\"filesize\": 0 , \"filename\" : \"\" ,\n\"action\"\n:\n\"put\"}",
    " \t\r\n{ \t\r\n} ",
    "{\"a\":99999999999999999999999999999999,\"b\":-10}",
    "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"a\":\"}{][,:\"}",
    "{\"a\\u0062\":\"\\u0041\\u00e9\\u4e2d\\uFFFF\"}",
    "{\"a\":\"\\ud83d\\uDE00\\ud800\\udc00\\udbff\\udfff\"}",
    "{\"a\":\"x\\u0000y\x7f\x80\xff\",\"\\u0000\":1}",
    "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,"
    "\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1}",
};

static void check(bool right, const char *what, const char *text, size_t length)
{
    if (right)
        return;
    printf("%s: %.*s\n", what, length < 72 ? (int)length : 72, text);
    exit(1);
}

static enum json_status parse(struct json_object *object, const char *text,
                              size_t length)
{
    char *exact = malloc(length ? length : 1);

    memcpy(exact, text, length);
    memset(object, 0x5a, sizeof(*object));
    enum json_status status = json_parse(object, exact, length);
    free(exact);
    return status;
}

static uint32_t chance(void)
{
    static uint64_t state = 88172645463325252;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static size_t mutate(char *text, size_t length)
{
    static const char likely[] = "{}\":,\\u0019-ad8c \n\"\"\"{";
    uint32_t changes = 1 + chance() % 4;

    while (changes-- > 0) {
        size_t at = chance() % (length + 1);
        char byte = chance() % 3 ? likely[chance() % (sizeof(likely) - 1)]
                                 : (char)chance();
        uint32_t kind = chance() % 4;
        if (kind == 0) { /* one byte more */
            memmove(text + at + 1, text + at, length - at);
            text[at] = byte;
            length++;
        } else if (kind == 1 && at < length) { /* one byte less */
            memmove(text + at, text + at + 1, length - at - 1);
            length--;
        } else if (kind == 2 && at < length) {
            text[at] = byte;
        } else {
            length = chance() % 8 ? length : at;
        }
    }
    return length;
}

static bool is_sound(const struct json_object *object)
{
    const char *end = object->text + sizeof(object->text);

    for (size_t i = 0; i < object->count; i++) {
        const struct json_value *values[] = { &object->members[i].key,
                                              &object->members[i].value };
        for (int j = 0; j < 2; j++) {
            const struct json_value *value = values[j];
            if (value->kind == JSON_STRING &&
                (value->text < object->text ||
                 value->length >= (size_t)(end - value->text) ||
                 value->text[value->length] != '\0'))
                return false;
        }
    }
    return object->count <= JSON_MEMBERS_MAX;
}

/* Whatever comes, the answer must not depend on how the bytes were cut. */
static void test_mutations(int rounds)
{
    char text[TEXT_MAX];
    struct json_object object;
    int seen[3] = { 0 };

    for (int i = 0; i < rounds; i++) {
        const char *seed = seeds[chance() % (sizeof(seeds) / sizeof(*seeds))];
        size_t length = mutate(strcpy(text, seed), strlen(seed));
        enum json_status status = parse(&object, text, length);
        seen[status]++;
        check(is_sound(&object) && object.length <= length, "unsound", text,
              length);
        size_t ended = object.length;
        size_t cut = chance() % (length + 1);
        enum json_status early = parse(&object, text, cut);
        check(early == JSON_INCOMPLETE || early == status, "changed its mind",
              text, length);
        check(status != JSON_COMPLETE ||
                  (early == JSON_COMPLETE) == (cut >= ended),
              "ended elsewhere", text, length);
    }
    for (int i = 0; i < 3; i++)
        check(seen[i] >= rounds / 100, "mutations of one kind only", "", 0);
}

/* Any bytes, escaped, parsed: the same bytes. */
static void test_escape(int rounds)
{
    char bytes[64], escaped[JSON_ESCAPE_MAX * sizeof(bytes) + 1];
    char text[sizeof(escaped) + 16];
    struct json_object object;

    for (int i = 0; i < rounds; i++) {
        size_t length = chance() % (sizeof(bytes) + 1);
        for (size_t j = 0; j < length; j++)
            bytes[j] = (char)(chance() % 4 ? chance() % 128 : chance());
        check(json_escape(escaped, bytes, length) == escaped, "result", "", 0);
        for (const char *byte = escaped; *byte; byte++)
            check((unsigned char)*byte >= ' ' && *byte != 0x7f, "control byte",
                  escaped, strlen(escaped));
        int end = sprintf(text, "{\"a\":\"%s\"}", escaped);
        check(parse(&object, text, (size_t)end) == JSON_COMPLETE &&
                  object.members[0].value.length == length &&
                  !memcmp(object.members[0].value.text, bytes, length),
              "not what went in", text, (size_t)end);
    }
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;

    test_mutations(rounds);
    test_escape(rounds);
    return 0;
}
