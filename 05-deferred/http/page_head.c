/* SPDX-License-Identifier: MIT */
#include "http/page_head.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "deferred/result.h"

static const char decimal[] = "0123456789";

/* Some bytes of a line, without a NUL at their end. */
struct text {
    const char *start;
    size_t length;
};

/* STATUS = "HTTP/1." DIGIT SP 3DIGIT [SP REASON] */
const struct failure_type *page_status_line(struct page *page, const char *line,
                                            size_t length)
{
    char text[14] = "";

    memcpy(text, line, length < 13 ? length : 13);
    if (strncmp(text, "HTTP/1.", 7) != 0 || strspn(text + 7, decimal) != 1 ||
        text[8] != ' ' || strspn(text + 9, decimal) != 3 || text[9] == '0' ||
        (text[12] && text[12] != ' '))
        return &BadReply;
    page->status = atoi(text + 9);
    return NULL;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* How long it is without the blanks at its end. */
static size_t trimmed(const char *line, size_t length)
{
    while (length > 0 && is_blank(line[length - 1]))
        length--;
    return length;
}

/* HEADER = NAME ":" [BLANKS] VALUE [BLANKS] *( LINE-END BLANKS VALUE )
 *
 * A line that begins with a blank goes on with the value before it, as if the
 * blank were all that is between them: RFC 9112, 5.2. So the NUL of a header is
 * written when the next one begins, or the head ends. */
const struct failure_type *page_header_line(struct page *page, const char *line,
                                            size_t length)
{
    struct buffer *head = &page->head;
    bool first = buffer_length(head) == 0, folded = is_blank(*line);

    while (length > 0 && is_blank(*line))
        line++, length--;
    length = trimmed(line, length);
    if (folded ? first : !memchr(line, ':', length) || *line == ':')
        return &BadReply;
    if (length == 0) /* nothing is added to the one before */
        return NULL;
    size_t used = buffer_length(head) + !first;
    if (used + length >= PAGE_HEAD_MAX)
        return &PageTooLarge;
    if ((!first && buffer_append(head, folded ? " " : "", 1) < 0) ||
        buffer_append(head, line, length) < 0)
        return &MemoryError;
    return NULL;
}

const struct failure_type *page_head_end(struct page *page)
{
    struct buffer *head = &page->head;

    if (buffer_length(head) > 0 && buffer_append(head, "", 1) < 0)
        return &MemoryError;
    return NULL;
}

/* 0 to 15, or -1 if it is no hexadecimal digit. */
static int digit_value(char byte)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *digit = memchr(digits, byte, sizeof(digits) - 1);

    return digit ? (int)(digit - digits) % 16 : -1;
}

/* Digits and nothing else, however many: LLONG_MAX if it is more than that; -1
 * if it is no number. */
static long long number(struct text text, int base)
{
    long long value = 0;

    if (text.length == 0)
        return -1;
    for (size_t i = 0; i < text.length; i++) {
        int digit = digit_value(text.start[i]);
        if (digit < 0 || digit >= base)
            return -1;
        value = value > (LLONG_MAX - digit) / base ? LLONG_MAX
                                                   : value * base + digit;
    }
    return value;
}

/* list = [ element ] *( BLANKS "," BLANKS [ element ] ): the next one that is
 * not empty, or none, with a length of 0. Moves on behind it. */
static struct text next_element(const char **list)
{
    struct text element;

    *list += strspn(*list, ", \t");
    element.start = *list;
    element.length = strcspn(*list, ",");
    *list += element.length;
    element.length = trimmed(element.start, element.length);
    return element;
}

/* What the headers of that name say, each a list. Two ways to tell where a body
 * ends are an attack or an accident: then it is false, and so it is when they
 * are there and say nothing. No start: there is no such header. */
static bool agreed(const struct page *page, const char *name,
                   struct text *value)
{
    const char *list = page_header(page, name);
    bool there = list != NULL;

    *value = (struct text){ NULL, 0 };
    for (; list; list = page_next_header(page, name, list)) {
        struct text next;
        while ((next = next_element(&list)).length > 0) {
            if (value->length > 0 &&
                (value->length != next.length ||
                 strncasecmp(value->start, next.start, next.length) != 0))
                return false;
            *value = next;
        }
    }
    return !there || value->length > 0;
}

enum page_body page_body(const struct page *page, long long *length)
{
    struct text encoding, text;

    *length = 0;
    if (page->status == 204 || page->status == 304) /* whatever they say */
        return PAGE_LENGTH;
    if (!agreed(page, "Transfer-Encoding", &encoding) ||
        !agreed(page, "Content-Length", &text))
        return PAGE_BAD;
    if (encoding.start) /* counts more than a length */
        return encoding.length == 7 &&
                       !strncasecmp(encoding.start, "chunked", 7)
                   ? PAGE_CHUNKED
                   : PAGE_BAD;
    if (!text.start)
        return PAGE_TO_CLOSE;
    *length = number(text, 10);
    return *length < 0 ? PAGE_BAD : PAGE_LENGTH;
}

/* CHUNK = SIZE [";" EXTENSION] CRLF SIZE*OCTET CRLF, the last one of size 0 */
long long page_chunk_size(const char *line, size_t length)
{
    const char *end = memchr(line, ';', length);

    length = trimmed(line, end ? (size_t)(end - line) : length);
    return number((struct text){ line, length }, 16);
}
