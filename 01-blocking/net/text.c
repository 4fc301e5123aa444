/* SPDX-License-Identifier: MIT */
#include "net/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* How many bytes a character has whose first byte this is; 0 for a byte that
 * begins none. */
static size_t character_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc0) /* 10xxxxxx stands inside a character */
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
}

/* The character that `data` begins with becomes `point`. Returns its length, or
 * 0 when these bytes are no UTF-8:
 *
 *   0xxxxxxx
 *   110xxxxx 10xxxxxx
 *   1110xxxx 10xxxxxx 10xxxxxx
 *   11110xxx 10xxxxxx 10xxxxxx 10xxxxxx
 *
 * and no character in more bytes than it needs: "/" in two bytes has passed
 * many a check that looked for the one (RFC 3629 §3). */
static size_t decode(const unsigned char *data, size_t length, uint32_t *point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t bytes = character_length(data[0]);

    if (bytes == 0 || bytes > length)
        return 0;
    *point = bytes == 1 ? data[0] : data[0] & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((data[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (data[i] & 0x3f);
    }
    /* A surrogate is half of a character of UTF-16, and none in UTF-8. */
    bool surrogate = *point >= 0xd800 && *point <= 0xdfff;
    return *point < least[bytes] || surrogate || *point > 0x10ffff ? 0 : bytes;
}

/* Whether a terminal would obey this character instead of showing it. U+009B is
 * as good as ESC [ to some of them. */
static bool is_control(uint32_t point, enum text_style style)
{
    if (style == TEXT_LINES && (point == '\n' || point == '\t'))
        return false;
    if (style == TEXT_LOG && point == '\\')
        return true;
    return point < ' ' || (point >= 0x7f && point <= 0x9f) ||
           (point >= 0x202a && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069);
}

/* What is shown for the first character of the data. */
struct piece {
    size_t taken;  /* bytes of data that it stands for */
    size_t length; /* bytes of the text */
    char text[TEXT_ESCAPE_MAX + 1];
};

static struct piece next_piece(const char *data, size_t length,
                               enum text_style style)
{
    static const char special[] = "\n\r\t\\", letters[] = "nrt\\";
    struct piece piece = { 0 };
    uint32_t point;
    size_t bytes = decode((const unsigned char *)data, length, &point);

    if (bytes > 0 && !is_control(point, style)) {
        memcpy(piece.text, data, bytes);
        piece.taken = piece.length = bytes;
        return piece;
    }
    /* Of bytes that are no UTF-8 only the first: the next may begin a character
     * that is good. */
    piece.taken = 1;
    /* Not the NUL behind `special`: a NUL of the data has no letter. */
    const char *found = memchr(special, data[0], sizeof(special) - 1);
    piece.length =
        (size_t)(style == TEXT_LOG && found
                     ? sprintf(piece.text, "\\%c", letters[found - special])
                     : sprintf(piece.text, "\\x%02x", (unsigned char)data[0]));
    return piece;
}

char *text_escape(const char *data, size_t length, char *text, size_t size,
                  enum text_style style)
{
    size_t next = 0, used = 0;
    size_t kept = 0, end = 0; /* the same two, while the mark still fits */

    while (next < length) {
        struct piece piece = next_piece(data + next, length - next, style);
        if (used + piece.length >= size) { /* the NUL wants a byte, too */
            snprintf(text + end, size - end, "...(%zu bytes left out)",
                     length - kept);
            return text;
        }
        memcpy(text + used, piece.text, piece.length);
        used += piece.length;
        next += piece.taken;
        if (used + TEXT_MARK_MAX <= size) {
            end = used;
            kept = next;
        }
    }
    text[used] = '\0';
    return text;
}

void text_print(const char *data, size_t length, enum text_style style)
{
    for (size_t next = 0; next < length;) {
        struct piece piece = next_piece(data + next, length - next, style);
        fwrite(piece.text, 1, piece.length, stdout);
        next += piece.taken;
    }
}

/* Looks back for the byte that begins a character: up to three bytes, because
 * no character has more than three behind its first. */
size_t text_unfinished(const char *data, size_t length)
{
    for (size_t back = 1; back <= TEXT_REST_MAX && back <= length; back++) {
        size_t bytes = character_length((unsigned char)data[length - back]);
        if (bytes > 0)
            return bytes > back ? back : 0;
    }
    return 0;
}
