/* SPDX-License-Identifier: MIT
 *
 * Checks what text.h promises. Each text is read from a block of exactly its
 * size, so that a sanitizer sees a byte read too far. Prints each promise that
 * is not kept; status 1 if there are any.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/text.h"

static int broken;

static char *escape(const char *data, size_t length, char *text, size_t size,
                    enum text_style style)
{
    char *exact = malloc(length ? length : 1);

    memcpy(exact, data, length);
    memset(text, '#', size);
    text_escape(exact, length, text, size, style);
    free(exact);
    return text;
}

static void shows(enum text_style style, const char *data, size_t length,
                  const char *right)
{
    char text[256];

    if (!strcmp(escape(data, length, text, sizeof(text), style), right))
        return;
    printf("broken: %s is shown as %s\n", right, text);
    broken = 1;
}

/* A literal may have a NUL in it. */
#define SHOWS(style, data, right) shows(style, data, sizeof(data) - 1, right)

static void what_a_person_reads_stays(void)
{
    SHOWS(TEXT_LINE, "", "");
    SHOWS(TEXT_LINE, "a ~\\'\"", "a ~\\'\"");
    SHOWS(TEXT_LINE, "数据 grüße", "数据 grüße");
    SHOWS(TEXT_LOG, "数据 grüße", "数据 grüße");
    SHOWS(TEXT_LINES, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
    SHOWS(TEXT_LINE, "\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80",
          "\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80");
    SHOWS(TEXT_LINE, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
          "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    SHOWS(TEXT_LINE, "\u2029\u202f\u2065\u206a", "\u2029\u202f\u2065\u206a");
}

static void what_a_terminal_obeys_is_escaped(void)
{
    SHOWS(TEXT_LINE, "\0\a\x1b[2J\x1f\x7f", "\\x00\\x07\\x1b[2J\\x1f\\x7f");
    SHOWS(TEXT_LINE, "\n\t\r", "\\x0a\\x09\\x0d");
    SHOWS(TEXT_LINES, "\n\t\r\\", "\n\t\\x0d\\");
    SHOWS(TEXT_LOG, "\n\t\r\\\0\x1b", "\\n\\t\\r\\\\\\x00\\x1b");
    SHOWS(TEXT_LINE, "\xc2\x80\xc2\x9b\xc2\x9f",
          "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f");
    SHOWS(TEXT_LINES, "\u202a\u202e", "\\xe2\\x80\\xaa\\xe2\\x80\\xae");
    SHOWS(TEXT_LOG, "\u2066\u2069", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9");
}

static void what_is_no_utf8_is_escaped(void)
{
    SHOWS(TEXT_LINE, "\x80\xbf\xff\xfe", "\\x80\\xbf\\xff\\xfe");
    SHOWS(TEXT_LINE, "\xc0\xaf\xc1\xbf", "\\xc0\\xaf\\xc1\\xbf");
    SHOWS(TEXT_LINE, "\xe0\x9f\xbf", "\\xe0\\x9f\\xbf");
    SHOWS(TEXT_LINE, "\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf");
    SHOWS(TEXT_LINE, "\xed\xa0\x80", "\\xed\\xa0\\x80");
    SHOWS(TEXT_LINE, "\xed\xbf\xbf", "\\xed\\xbf\\xbf");
    SHOWS(TEXT_LINE, "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    SHOWS(TEXT_LINE, "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80");
    /* What is whole behind a character that is not stays whole. */
    SHOWS(TEXT_LINE, "\xe6\x95数", "\\xe6\\x95数");
    SHOWS(TEXT_LINE, "\xe6\x95z", "\\xe6\\x95z");
    SHOWS(TEXT_LINE, "\xe6", "\\xe6");
    SHOWS(TEXT_LINE, "\xf0\x9f\x98", "\\xf0\\x9f\\x98");
}

/* `pieces` times `one`, into every size around the one it just fits into. */
static void fits_or_says_so(const char *one, enum text_style style)
{
    char data[600], text[600], whole[600], mark[TEXT_MARK_MAX + 20];
    size_t length = 0;

    while (length < 100)
        length += (size_t)sprintf(data + length, "%s", one);
    escape(data, length, whole, sizeof(whole), style);
    for (size_t size = TEXT_MARK_MAX; size < strlen(whole) + 3; size++) {
        escape(data, length, text, size, style);
        size_t end = strlen(text), left = length;
        char *dots = strstr(text, "...(");
        if (size > strlen(whole)) {
            if (!strcmp(text, whole))
                continue;
        } else if (dots) {
            size_t shown = (size_t)(dots - text);
            size_t step = strlen(whole) / (length / strlen(one));
            left -= shown / step * strlen(one);
            snprintf(mark, sizeof(mark), "...(%zu bytes left out)", left);
            if (end < size && shown % step == 0 && !strcmp(dots, mark) &&
                !memcmp(text, whole, shown))
                continue;
        }
        printf("broken: in %zu bytes of %zu: %s\n", size, strlen(whole), text);
        broken = 1;
    }
}

static void unfinished(const char *data, size_t right)
{
    if (text_unfinished(data, strlen(data)) == right)
        return;
    printf("broken: %zu bytes of %s are unfinished\n", right, data);
    broken = 1;
}

static void a_character_in_two_pieces(void)
{
    unfinished("", 0);
    unfinished("a", 0);
    unfinished("数", 0);
    unfinished("数\xe6", 1);
    unfinished("a\xe6\x95", 2);
    unfinished("\xf0\x9f\x98", 3);
    unfinished("\xf0\x9f\x98\x80", 0);
    unfinished("\xc3", 1);
    unfinished("\x80", 0);
    unfinished("\x80\x80\x80\x80", 0);
    unfinished("\xff", 0);
    unfinished("\xc3z", 0);
}

int main(void)
{
    what_a_person_reads_stays();
    what_a_terminal_obeys_is_escaped();
    what_is_no_utf8_is_escaped();
    fits_or_says_so("x", TEXT_LINE);
    fits_or_says_so("\x1b", TEXT_LINE);
    fits_or_says_so("\n", TEXT_LOG);
    fits_or_says_so("数", TEXT_LOG);
    a_character_in_two_pieces();
    return broken;
}
