/* SPDX-License-Identifier: MIT */
#include "http/page_head.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "deferred/result.h"

static const char decimal[] = "0123456789";
static const char hexadecimal[] = "0123456789abcdefABCDEF";

/* More digits than these may not fit into a long long. */
enum { DIGITS_MAX = 15 };

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

/* HEADER = NAME ":" [BLANKS] VALUE [BLANKS] */
const struct failure_type *page_header_line(struct page *page, const char *line,
                                            size_t length)
{
    struct buffer *head = &page->head;

    length = trimmed(line, length);
    if (buffer_length(head) + length >= PAGE_HEAD_MAX)
        return &PageTooLarge;
    if (!memchr(line, ':', length) || *line == ':' || is_blank(*line))
        return &BadReply;
    if (buffer_append(head, line, length) < 0 || buffer_append(head, "", 1) < 0)
        return &MemoryError;
    return NULL;
}

/* Digits and nothing else, or -1. */
static long long number(const char *text, int base)
{
    size_t length = strspn(text, base == 10 ? decimal : hexadecimal);

    if (length == 0 || text[length])
        return -1;
    return length > DIGITS_MAX ? LLONG_MAX : strtoll(text, NULL, base);
}

/* What the headers of that name say; NULL: there is none. False if one says
 * this and another that. */
static bool agreed(const struct page *page, const char *name,
                   const char **value)
{
    const char *next = *value = page_header(page, name);

    while (next && (next = page_next_header(page, name, next)))
        if (strcmp(next, *value) != 0)
            return false;
    return true;
}

enum page_body page_body(const struct page *page, long long *length)
{
    const char *encoding, *text;

    *length = 0;
    if (page->status == 204 || page->status == 304) /* whatever they say */
        return PAGE_LENGTH;
    if (!agreed(page, "Transfer-Encoding", &encoding) ||
        !agreed(page, "Content-Length", &text))
        return PAGE_BAD;
    if (encoding) /* counts more than a length */
        return strcasecmp(encoding, "chunked") ? PAGE_BAD : PAGE_CHUNKED;
    if (!text)
        return PAGE_TO_CLOSE;
    *length = number(text, 10);
    return *length < 0 ? PAGE_BAD : PAGE_LENGTH;
}

/* CHUNK = SIZE [";" EXTENSION] CRLF SIZE*OCTET CRLF, the last one of size 0 */
long long page_chunk_size(const char *line, size_t length)
{
    const char *end = memchr(line, ';', length);
    char text[2 * DIGITS_MAX] = "";

    length = trimmed(line, end ? (size_t)(end - line) : length);
    memcpy(text, line, length < sizeof(text) ? length : sizeof(text) - 1);
    return number(text, 16);
}
