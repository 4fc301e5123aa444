/* SPDX-License-Identifier: MIT
 *
 * page_head.h - what the lines of an HTTP answer say, one after the other, and
 * how long the body is by all that they say. For http_client.c.
 *
 * A line comes without its end, and must not have a NUL in it. What is wrong
 * with it is returned: BadReply, PageTooLarge, MemoryError; NULL is fine.
 */
#ifndef PAGE_HEAD_H
#define PAGE_HEAD_H

#include "http/page.h"

enum { PAGE_HEAD_MAX = 64 << 10 }; /* bytes of all headers, each with a NUL */

enum page_body {
    PAGE_BAD,      /* nobody can tell */
    PAGE_LENGTH,   /* so many bytes */
    PAGE_CHUNKED,  /* in chunks */
    PAGE_TO_CLOSE, /* all that comes */
};

/* The first line; the status is the page's. */
const struct failure_type *page_status_line(struct page *page, const char *line,
                                            size_t length);

/* A header, which is added to the page's, or the rest of the one before it; not
 * an empty line, at which the head ends: page_head_end, and only then can the
 * page be asked for its headers. */
const struct failure_type *page_header_line(struct page *page, const char *line,
                                            size_t length);
const struct failure_type *page_head_end(struct page *page);

/* What follows a head that is complete. Sets `length` for PAGE_LENGTH. */
enum page_body page_body(const struct page *page, long long *length);

/* The line before a chunk. Returns its bytes, LLONG_MAX if they are too many
 * to count, or -1 if it is no such line. */
long long page_chunk_size(const char *line, size_t length);

#endif
