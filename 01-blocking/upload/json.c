/* SPDX-License-Identifier: MIT */
#include "upload/json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Where we are. Each read_ function takes a piece of the grammar; false
 * means that `why` tells, or, when it is NULL, that bytes are missing. The
 * parser keeps nothing between two calls: when more has arrived it begins anew,
 * and so it cannot matter how the bytes were cut. */
struct reader {
    const char *next; /* the first byte that is not read yet */
    const char *end;  /* behind the last one */
    char *to;         /* where the next decoded byte goes */
    const char *why;  /* a literal, NULL while nothing is wrong */
};

/* The next byte is not what it should be; no byte may yet become it. */
static bool wrong(struct reader *reader, const char *why)
{
    if (reader->next < reader->end)
        reader->why = why;
    return false;
}

/* The next byte, 0 to 255, still to be read; -1 when it has not arrived. For
 * memchr that is 255, which is in none of the sets below. */
static int peek(const struct reader *reader)
{
    return reader->next < reader->end ? (unsigned char)*reader->next : -1;
}

/* The same behind any space. */
static int peek_token(struct reader *reader)
{
    while (memchr(" \t\r\n", peek(reader), 4))
        reader->next++;
    return peek(reader);
}

static bool read_byte(struct reader *reader, char wanted, const char *why)
{
    if (peek(reader) != wanted)
        return wrong(reader, why);
    reader->next++;
    return true;
}

static bool read_token(struct reader *reader, char wanted, const char *why)
{
    peek_token(reader);
    return read_byte(reader, wanted, why);
}

/* The four digits behind "\u". */
static bool read_hex(struct reader *reader, unsigned *unit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";

    *unit = 0;
    for (int i = 0; i < 4; i++, reader->next++) {
        const char *digit = memchr(digits, peek(reader), sizeof(digits) - 1);
        if (!digit)
            return wrong(reader, "\\u wants four hexadecimal digits");
        *unit = *unit * 16 + (unsigned)(digit - digits) % 16;
    }
    return true;
}

/* At most four bytes; the escapes that they come from had six or twelve. */
static void put_utf8(struct reader *reader, unsigned point)
{
    static const unsigned char lead[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };
    int bytes = 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000);

    *reader->to++ = (char)(lead[bytes] | point >> 6 * (bytes - 1));
    for (int left = bytes - 2; left >= 0; left--)
        *reader->to++ = (char)(0x80 | (point >> 6 * left & 0x3f));
}

/* What follows "\u". Beyond U+FFFF a character is two escapes, the first from
 * D800 to DBFF, the second from DC00 to DFFF; one without the other is no
 * character. */
static bool read_unicode(struct reader *reader)
{
    static const char half[] = "half a surrogate pair";
    unsigned unit, low;

    if (!read_hex(reader, &unit))
        return false;
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return wrong(reader, half);
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (!read_byte(reader, '\\', half) || !read_byte(reader, 'u', half) ||
            !read_hex(reader, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return wrong(reader, half);
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(reader, unit);
    return true;
}

/* What follows a backslash. */
static bool read_escape(struct reader *reader)
{
    static const char names[] = "\"\\/bfnrtu", bytes[] = "\"\\/\b\f\n\r\t";
    int byte = peek(reader);
    const char *name = byte < 0 ? NULL : memchr(names, byte, sizeof(names) - 1);

    if (!name)
        return wrong(reader, "unknown escape");
    reader->next++;
    if (byte == 'u')
        return read_unicode(reader);
    *reader->to++ = bytes[name - names];
    return true;
}

static bool read_string(struct reader *reader, struct json_value *value)
{
    int byte;

    if (!read_token(reader, '"', "no \" in front of a key"))
        return false;
    value->kind = JSON_STRING;
    value->text = reader->to;
    while ((byte = peek(reader)) != '"') {
        if (byte < ' ')
            return wrong(reader, "control byte in a string");
        reader->next++;
        if (byte != '\\')
            *reader->to++ = (char)byte;
        else if (!read_escape(reader))
            return false;
    }
    reader->next++;
    value->length = (size_t)(reader->to - value->text);
    *reader->to++ = '\0';
    return true;
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

/* At least one; of a number the digits decide nothing here. */
static bool skip_digits(struct reader *reader, const char *why)
{
    if (!is_digit(peek(reader)))
        return wrong(reader, why);
    while (is_digit(peek(reader)))
        reader->next++;
    return true;
}

/* Behind the integer: a fraction, an exponent. Such a number is none of ours.
 */
static bool read_rest_of_number(struct reader *reader, struct json_value *value)
{
    if (peek(reader) == '.') {
        value->kind = JSON_OTHER;
        reader->next++;
        if (!skip_digits(reader, "no digit behind the point of a number"))
            return false;
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        value->kind = JSON_OTHER;
        reader->next++;
        if (peek(reader) == '+' || peek(reader) == '-')
            reader->next++;
        return skip_digits(reader, "no digit in the exponent of a number");
    }
    return true;
}

static bool read_number(struct reader *reader, struct json_value *value)
{
    bool negative = peek(reader) == '-';
    const char *first = reader->next + negative;

    reader->next = first;
    if (!is_digit(peek(reader)))
        return wrong(reader, "no digit in a number");
    value->kind = JSON_INTEGER;
    value->integer = 0;
    for (; is_digit(peek(reader)); reader->next++) {
        int digit = *reader->next - '0';
        /* Once the limit is reached, no digit gets past this test again. */
        if (value->integer > (INT64_MAX - digit) / 10)
            value->integer = INT64_MAX;
        else
            value->integer = value->integer * 10 + digit;
    }
    if (*first == '0' && reader->next > first + 1)
        return wrong(reader, "zero in front of a number");
    value->integer *= negative ? -1 : 1;
    return read_rest_of_number(reader, value);
}

/* true, false, null. */
static bool read_word(struct reader *reader, struct json_value *value)
{
    static const char *const words[] = { "true", "false", "null" };
    const char *word = NULL;

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (peek(reader) == words[i][0])
            word = words[i];
    if (!word)
        return wrong(reader, "no value");
    value->kind = JSON_OTHER;
    for (; *word; word++)
        if (!read_byte(reader, *word, "unknown word"))
            return false;
    return true;
}

static bool read_value(struct reader *reader, struct json_value *value,
                       int depth);

/* An object or an array inside of ours: read by the same rules, and forgotten.
 * Each nested one is a call of this function in it, and the stack of calls is
 * not endless: a kilobyte of "[" must not end the program. */
static bool skip_nested(struct reader *reader, int depth)
{
    bool object = *reader->next++ == '{';
    char end = object ? '}' : ']';
    struct json_value ignored;

    if (depth == JSON_DEPTH_MAX) {
        reader->why = "values are nested too deeply";
        return false;
    }
    if (peek_token(reader) == end) {
        reader->next++;
        return true;
    }
    for (;;) {
        if (object && (!read_string(reader, &ignored) ||
                       !read_token(reader, ':', "no : behind a key")))
            return false;
        if (!read_value(reader, &ignored, depth + 1))
            return false;
        if (peek_token(reader) != ',')
            return read_token(reader, end,
                              object ? "neither , nor } behind a value"
                                     : "neither , nor ] behind a value");
        reader->next++;
    }
}

static bool read_value(struct reader *reader, struct json_value *value,
                       int depth)
{
    char *to = reader->to;
    int byte = peek_token(reader);

    if (byte == '"')
        return read_string(reader, value);
    if (byte == '-' || is_digit(byte))
        return read_number(reader, value);
    if (byte != '{' && byte != '[')
        return read_word(reader, value);
    bool read = skip_nested(reader, depth);
    value->kind = JSON_OTHER;
    reader->to = to; /* the strings in it are not kept */
    return read;
}

/* The grammar is RFC 8259's, of which strings and integers are kept:
 *
 *   object  = "{" [ member *( "," member ) ] "}"
 *   member  = string ":" value
 *   value   = string / number / object / array / "true" / "false" / "null"
 *   array   = "[" [ value *( "," value ) ] "]"
 *   string  = '"' *( byte / "\" escape ) '"'
 *   byte    = 20 to FF hexadecimal, but not '"' and not "\"
 *   escape  = '"' / "\" / "/" / "b" / "f" / "n" / "r" / "t" / "u" 4 hex
 *   number  = integer [ "." 1*digit ] [ ( "e" / "E" ) [ "+" / "-" ] 1*digit ]
 *   integer = [ "-" ] ( "0" / 1-9 *digit )
 *
 * with any of space, tab, CR and LF in front of every token. A byte from 80
 * on is handed on as it is: names of files are bytes, UTF-8 or not. */
static bool read_object(struct reader *reader, struct json_object *object)
{
    object->count = 0;
    if (!read_token(reader, '{', "no { at the beginning"))
        return false;
    if (peek_token(reader) == '}')
        return read_token(reader, '}', NULL);
    for (;;) {
        struct json_member *member = &object->members[object->count];
        if (object->count == JSON_MEMBERS_MAX)
            return wrong(reader, "too many members");
        if (!read_string(reader, &member->key) ||
            !read_token(reader, ':', "no : behind a key"))
            return false;
        if (!read_value(reader, &member->value, 1))
            return false;
        object->count++;
        if (peek_token(reader) != ',')
            return read_token(reader, '}', "neither , nor } behind a value");
        reader->next++;
    }
}

enum json_status json_parse(struct json_object *object, const char *text,
                            size_t length)
{
    size_t limit = length < JSON_HEADER_MAX ? length : JSON_HEADER_MAX;
    struct reader reader = { text, text + limit, object->text, NULL };
    bool complete = read_object(&reader, object);

    if (!complete && !reader.why && length >= JSON_HEADER_MAX)
        reader.why = "header is too long";
    object->length = (size_t)(reader.next - text);
    object->error = reader.why;
    if (complete)
        return JSON_COMPLETE;
    return reader.why ? JSON_MALFORMED : JSON_INCOMPLETE;
}

const struct json_value *json_find(const struct json_object *object,
                                   const char *key)
{
    size_t length = strlen(key);

    /* From the end: the last of two equal keys counts, as in Python. */
    for (size_t i = object->count; i-- > 0;) {
        const struct json_value *name = &object->members[i].key;
        if (name->length == length && !memcmp(name->text, key, length))
            return &object->members[i].value;
    }
    return NULL;
}

/* DEL needs no escape in JSON, but a terminal that shows it. */
char *json_escape(char *to, const char *text, size_t length)
{
    char *next = to;

    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\')
            *next++ = '\\';
        bool control = byte < ' ' || byte == 0x7f;
        next += sprintf(next, control ? "\\u%04x" : "%c", byte);
    }
    *next = '\0';
    return to;
}
