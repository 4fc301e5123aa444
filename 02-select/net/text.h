/* SPDX-License-Identifier: MIT
 *
 * text.h - what a stranger's text may show, on a terminal or in a log.
 *
 * A terminal obeys some bytes: they move its cursor, change its colours and its
 * title, or turn the direction of what follows, so that a line of a stranger
 * looks like one of ours. So whoever shows bytes of a peer sends them through
 * here. Valid UTF-8 stays as it is, in any language. The control characters
 * (U+0000 to U+001F, U+007F to U+009F), those that change the direction of
 * writing (U+202A to U+202E, U+2066 to U+2069) and bytes that are no UTF-8
 * become \xHH, one for each byte.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

enum text_style {
    TEXT_LINE,  /* one line on a terminal */
    TEXT_LINES, /* many: LF and TAB stay, as in the output of a command */
    TEXT_LOG    /* one line of a log, where \n, \r, \t and \\ are escapes, so
                 * that an escape can be told from text that looks like one */
};

enum {
    TEXT_ESCAPE_MAX = 4, /* bytes that one byte can become */
    TEXT_MARK_MAX = 40,  /* bytes of the mark of text_escape, with its NUL */
    TEXT_REST_MAX = 3    /* bytes that text_unfinished can return */
};

/* Writes `length` bytes at `data` to `text`, with a NUL behind them, and
 * returns `text`. What does not fit into `size` bytes is left out at the end,
 * never in the middle of a character, and "...(N bytes left out)" stands there
 * instead. `size` is at least TEXT_MARK_MAX; with TEXT_ESCAPE_MAX * length + 1
 * all fits. */
char *text_escape(const char *data, size_t length, char *text, size_t size,
                  enum text_style style);

/* Prints them on standard output, however many there are. */
void text_print(const char *data, size_t length, enum text_style style);

/* How many bytes at the end, at most TEXT_REST_MAX, are the beginning of a
 * character: who prints a stream piece by piece keeps them for the next one,
 * because a recv may end in the middle of a character. */
size_t text_unfinished(const char *data, size_t length);

#endif
