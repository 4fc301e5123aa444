/* SPDX-License-Identifier: MIT
 *
 * page.h - what a web server has answered: a status, headers, and a body. You
 * get it from get_page, and free it with page_free.
 */
#ifndef PAGE_H
#define PAGE_H

#include "protocol/buffer.h"
#include "protocol/failure.h"

struct page {
    int status;         /* 200 */
    struct buffer head; /* "Name: value", each with a NUL at its end */
    struct buffer body;
};

/* Why there is none: the answer is no HTTP; it is larger than wanted; the
 * connection was lost in the middle of it. */
extern const struct failure_type BadReply, PageTooLarge, PartialPage;

/* The value of the first header of that name, in any case; NULL: none. And of
 * the next one after that. */
const char *page_header(const struct page *page, const char *name);
const char *page_next_header(const struct page *page, const char *name,
                             const char *value);

/* NULL does nothing. */
void page_free(struct page *page);

#endif
