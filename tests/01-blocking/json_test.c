/* SPDX-License-Identifier: MIT
 *
 * What json.c makes of good, bad and cut bytes. Each text is parsed
 * from a block of exactly its size, so that a sanitizer sees a byte read too
 * far. Prints each failure; the status says whether there was one.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upload/json.h"

enum { TEXT_MAX = 2 * JSON_HEADER_MAX };

static int failures;

static void check(bool right, const char *what, const char *text, size_t length)
{
    if (right)
        return;
    printf("%s: %.*s\n", what, length < 72 ? (int)length : 72, text);
    if (++failures > 20)
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

static char *dump_string(char *to, const struct json_value *value)
{
    for (size_t i = 0; i < value->length; i++) {
        unsigned char byte = (unsigned char)value->text[i];
        to += sprintf(to, byte > ' ' && byte <= '~' ? "%c" : "<%02x>", byte);
    }
    return to;
}

/* The object as text: "a=b" for a string, "a#1" for an integer, "a?" for any
 * other value, one blank between members, <HEX> for a byte that does not print.
 */
static const char *dump(const struct json_object *object, char *to)
{
    char *next = to;

    for (size_t i = 0; i < object->count; i++) {
        const struct json_member *member = &object->members[i];
        next += sprintf(next, i ? " " : "");
        next = dump_string(next, &member->key);
        if (member->value.kind == JSON_INTEGER)
            next += sprintf(next, "#%" PRId64, member->value.integer);
        else if (member->value.kind == JSON_OTHER)
            next += sprintf(next, "?");
        else
            next = dump_string(strcpy(next, "=") + 1, &member->value);
    }
    *next = '\0';
    return to;
}

static const struct {
    const char *text, *dumped;
} good[] = {
    { "{}", "" },
    { " \t\r\n{ \t\r\n} ", "" },
    { "{\"action\":\"put\",\"filename\":\"a.txt\",\"filesize\":12}",
      "action=put filename=a.txt filesize#12" },
    { "{\"filesize\": 0 , \"filename\" : \"\" ,\n\"action\"\n:\n\"put\"}",
      "filesize#0 filename= action=put" },
    { "{\"\":\"\"}", "=" },
    { "{\"a\":\"}{][,:\"}", "a=}{][,:" },
    { "{\"a\":1,\"a\":2}", "a#1 a#2" },
    { "{\"a\":9223372036854775806}", "a#9223372036854775806" },
    { "{\"a\":9223372036854775807}", "a#9223372036854775807" },
    { "{\"a\":9223372036854775808}", "a#9223372036854775807" },
    { "{\"a\":9223372036854775810}", "a#9223372036854775807" },
    { "{\"a\":99999999999999999999999999999999}", "a#9223372036854775807" },
    { "{\"a\":-1}", "a#-1" },
    { "{\"a\":-0}", "a#0" },
    { "{\"a\":-99999999999999999999}", "a#-9223372036854775807" },
    { "{\"a\":10}", "a#10" },
    { "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a=\"\\/<08><0c><0a><0d><09>" },
    { "{\"a\\u0062\":\"\\u0041\\u00e9\\u4e2d\\uFFFF\"}",
      "ab=A<c3><a9><e4><b8><ad><ef><bf><bf>" },
    { "{\"a\":\"\\u007f\\u0080\\u07ff\\u0800\"}",
      "a=<7f><c2><80><df><bf><e0><a0><80>" },
    { "{\"a\":\"\\ud83d\\uDE00\\ud800\\udc00\\udbff\\udfff\"}",
      "a=<f0><9f><98><80><f0><90><80><80><f4><8f><bf><bf>" },
    { "{\"a\":\"x\\u0000y\\u0001\"}", "a=x<00>y<01>" },
    { "{\"\\u0000\":1}", "<00>#1" },
    { "{\"a\":\"\x7f\x80\xff\xe4\xb8\xad\"}", "a=<7f><80><ff><e4><b8><ad>" },
    { "{\"extra\":[1,{\"filename\":\"no\"},null,true,1e3],\"a\":1}",
      "extra? a#1" },
    { "{\"a\":[ ],\"b\":{ },\"c\":\"d\"}", "a? b? c=d" },
    { "{\"a\":[[\"}]\",\"\\\"]\"], {\"b\" : { \"c\":[2] } } ] , \"d\":4}",
      "a? d#4" },
    { "{\"a\":true,\"b\":false,\"c\":null}", "a? b? c?" },
    { "{\"a\":1.5,\"b\":-0.0,\"c\":1e3,\"d\":2E+10,\"e\":3.25e-1,\"f\":0}",
      "a? b? c? d? e? f#0" },
};

/* What is wrong shows at the last byte at the latest. */
static const struct {
    const char *text, *error;
} bad[] = {
    { "hello", "no { at the beginning" },
    { "  ]", "no { at the beginning" },
    { "\xef\xbb\xbf{}", "no { at the beginning" },
    { "\"a\"", "no { at the beginning" },
    { "{a", "no \" in front of a key" },
    { "{,", "no \" in front of a key" },
    { "{1", "no \" in front of a key" },
    { "{'", "no \" in front of a key" },
    { "{\"a\":1,}", "no \" in front of a key" },
    { "{\"a\"}", "no : behind a key" },
    { "{\"a\",", "no : behind a key" },
    { "{\"a\" \"b\"", "no : behind a key" },
    { "{\"a\":1 2", "neither , nor } behind a value" },
    { "{\"a\":1\"", "neither , nor } behind a value" },
    { "{\"a\":\"b\":", "neither , nor } behind a value" },
    { "{\"a\":1]", "neither , nor } behind a value" },
    { "{\"a\":1.}", "no digit behind the point of a number" },
    { "{\"a\":1.e", "no digit behind the point of a number" },
    { "{\"a\":1e}", "no digit in the exponent of a number" },
    { "{\"a\":1e-+", "no digit in the exponent of a number" },
    { "{\"a\":1.5.", "neither , nor } behind a value" },
    { "{\"a\":0x", "neither , nor } behind a value" },
    { "{\"a\":{1", "no \" in front of a key" },
    { "{\"a\":{\"b\":1]", "neither , nor } behind a value" },
    { "{\"a\":[1}", "neither , nor ] behind a value" },
    { "{\"a\":[1,]", "no value" },
    { "{\"a\":[,", "no value" },
    { "{\"a\":}", "no value" },
    { "{\"a\":,", "no value" },
    { "{\"a\":T", "no value" },
    { "{\"a\":trux", "unknown word" },
    { "{\"a\":nil", "unknown word" },
    { "{\"a\":nulll", "neither , nor } behind a value" },
    { "{\"a\":+1", "no value" },
    { "{\"a\":-}", "no digit in a number" },
    { "{\"a\":--", "no digit in a number" },
    { "{\"a\":.5", "no value" },
    { "{\"a\":00}", "zero in front of a number" },
    { "{\"a\":012}", "zero in front of a number" },
    { "{\"a\":-01}", "zero in front of a number" },
    { "{\"a\":\"\n", "control byte in a string" },
    { "{\"a\":\"\x1f", "control byte in a string" },
    { "{\"\t", "control byte in a string" },
    { "{\"a\":\"\\x", "unknown escape" },
    { "{\"a\":\"\\U", "unknown escape" },
    { "{\"a\":\"\\'", "unknown escape" },
    { "{\"a\":\"\\\n", "unknown escape" },
    { "{\"a\":\"\\u00g", "\\u wants four hexadecimal digits" },
    { "{\"a\":\"\\u\"", "\\u wants four hexadecimal digits" },
    { "{\"a\":\"\\u-", "\\u wants four hexadecimal digits" },
    { "{\"a\":\"\\u 123", "\\u wants four hexadecimal digits" },
    { "{\"a\":\"\\udc00\"", "half a surrogate pair" },
    { "{\"a\":\"\\ud800\"", "half a surrogate pair" },
    { "{\"a\":\"\\ud800x", "half a surrogate pair" },
    { "{\"a\":\"\\ud800\\n", "half a surrogate pair" },
    { "{\"a\":\"\\ud800\\u0041\"", "half a surrogate pair" },
    { "{\"a\":\"\\ud800\\ud800\"", "half a surrogate pair" },
};

/* A good text is incomplete until its brace, whatever follows that. */
static void test_good(const char *text, const char *dumped)
{
    static const char *const tails[] = { "", "{", "}", "\"", "\xff", "12" };
    static char dump_text[4 * TEXT_MAX], longer[TEXT_MAX];
    struct json_object object;
    size_t length = (size_t)(strrchr(text, '}') - text) + 1;

    for (size_t i = 0; i < length; i++)
        check(parse(&object, text, i) == JSON_INCOMPLETE, "not incomplete",
              text, i);
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
        sprintf(longer, "%.*s%s", (int)length, text, tails[i]);
        check(parse(&object, longer, strlen(longer)) == JSON_COMPLETE &&
                  object.length == length && !object.error,
              "not complete", longer, strlen(longer));
        check(!strcmp(dump(&object, dump_text), dumped), "differs", dump_text,
              strlen(dump_text));
    }
}

/* A bad text is incomplete for a while, then malformed for ever. */
static void test_bad(const char *text, const char *error)
{
    struct json_object object;
    size_t length = strlen(text);
    bool malformed = false;

    for (size_t i = 0; i <= length; i++) {
        enum json_status status = parse(&object, text, i);
        check(status == JSON_MALFORMED ||
                  (!malformed && i < length && status == JSON_INCOMPLETE),
              "not malformed", text, i);
        malformed = status == JSON_MALFORMED;
        check(!malformed || !strcmp(object.error, error), "wrong words", text,
              i);
    }
}

/* Objects of one byte less than the limit, of the limit and of one more. */
static void test_length(const char *before, char filler, const char *behind)
{
    static char text[TEXT_MAX], dumped[4 * TEXT_MAX];
    struct json_object object;
    size_t around = strlen(before) + strlen(behind);

    for (size_t length = JSON_HEADER_MAX - 1; length <= JSON_HEADER_MAX + 1;
         length++) {
        char *next = text + sprintf(text, "%s", before);
        memset(next, filler, length - around);
        strcpy(next + length - around, behind);
        if (length <= JSON_HEADER_MAX) {
            parse(&object, text, length);
            test_good(text, dump(&object, dumped));
            continue;
        }
        test_bad(text, "header is too long");
        check(parse(&object, text, JSON_HEADER_MAX) == JSON_MALFORMED,
              "limit not kept", text, 20);
    }
}

static void test_members(void)
{
    char text[TEXT_MAX], dumped[TEXT_MAX], *next = text, *to = dumped;

    for (int i = 0; i < JSON_MEMBERS_MAX; i++) {
        next += sprintf(next, "%s\"k%d\":%d", i ? "," : "{", i, i);
        to += sprintf(to, "%sk%d#%d", i ? " " : "", i, i);
    }
    strcpy(next, "}");
    test_good(text, dumped);
    strcpy(next, ",\"one more\":1}");
    test_bad(text, "too many members");
}

/* As deep as may be, and one deeper, of both kinds in turn. */
static void test_depth(void)
{
    char text[TEXT_MAX], *next = text + sprintf(text, "{\"a\":");

    for (int i = 1; i < JSON_DEPTH_MAX; i++)
        next += sprintf(next, i % 2 ? "[" : "{\"b\":");
    char *middle = next;
    next += sprintf(next, "\"x\"");
    for (int i = JSON_DEPTH_MAX; --i > 0;)
        *next++ = i % 2 ? ']' : '}';
    strcpy(next, ",\"c\":1}");
    test_good(text, "a? c#1");
    strcpy(middle, "[");
    test_bad(text, "values are nested too deeply");
    strcpy(middle, "{");
    test_bad(text, "values are nested too deeply");
}

static void test_find(void)
{
    static const char text[] =
        "{\"first\":7,\"a\":1,\"ab\":2,\"a\\u0000\":3,\"a\":\"x\"}";
    struct json_object object;

    parse(&object, text, strlen(text));
    const struct json_value *last = json_find(&object, "a");
    check(last && last->kind == JSON_STRING && !strcmp(last->text, "x"),
          "the last of two keys counts", text, strlen(text));
    check(json_find(&object, "first")->integer == 7, "first", text,
          strlen(text));
    check(json_find(&object, "ab")->integer == 2, "ab", text, strlen(text));
    check(!json_find(&object, ""), "no empty key", text, strlen(text));
    check(!json_find(&object, "b"), "no key b", text, strlen(text));
}

static void test_escape(void)
{
    static const char bytes[] = "a\"\\/\b\n\x1f\x7f\x80\xc3\xa9{\0z";
    static const char right[] = "a\\\"\\\\/\\u0008\\u000a\\u001f\\u007f\x80\xc3"
                                "\xa9{\\u0000z";
    char escaped[JSON_ESCAPE_MAX * sizeof(bytes) + 1];

    const char *returned = json_escape(escaped, bytes, sizeof(bytes) - 1);
    check(returned == escaped && !strcmp(escaped, right), "escaped", escaped,
          strlen(escaped));
    check(!strcmp(json_escape(escaped, "", 0), ""), "empty", "", 0);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        test_good(good[i].text, good[i].dumped);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        test_bad(bad[i].text, bad[i].error);
    test_length("{\"a\":\"", 'x', "\"}");
    test_length("", ' ', "{\"a\":1}");
    test_length("{\"a\":", '7', "}");
    test_members();
    test_depth();
    test_find();
    test_escape();
    return failures > 0;
}
