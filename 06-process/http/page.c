/* SPDX-License-Identifier: MIT */
#include "http/page.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct failure_type BadReply = { "BadReply",
                                       "The server's answer is not HTTP",
                                       false };
const struct failure_type PageTooLarge = { "PageTooLarge",
                                           "The page is too large", false };
const struct failure_type PartialPage = {
    "PartialPage", "The connection was lost in the middle of the page", false
};

/* In the lines from `line` on. */
static const char *find(const struct page *page, const char *line,
                        const char *name)
{
    const char *end = buffer_data(&page->head) + buffer_length(&page->head);
    size_t length = strlen(name);

    for (; line < end; line += strlen(line) + 1)
        if (!strncasecmp(line, name, length) && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    return NULL;
}

const char *page_header(const struct page *page, const char *name)
{
    return page->head.block ? find(page, buffer_data(&page->head), name) : NULL;
}

const char *page_next_header(const struct page *page, const char *name,
                             const char *value)
{
    return find(page, value + strlen(value) + 1, name);
}

void page_free(struct page *page)
{
    if (!page)
        return;
    buffer_clear(&page->head);
    buffer_clear(&page->body);
    free(page);
}
