/* SPDX-License-Identifier: MIT
 *
 * html.h - what the pages that the server writes itself have in common: how
 * they begin, and how text stands in them.
 */
#ifndef HTML_H
#define HTML_H

#include <stdio.h>

/* Up to the title, which follows: it fits small screens, and is light or dark
 * as the browser is. */
extern const char html_head[];

enum {
    HTML_HEAD_MAX = 512, /* bytes of html_head, with its NUL */
    HTML_TEXT_MAX = 1024 /* bytes of a text that is shown whole */
};

/* A name or a path, for people, in a page: what is markup there is escaped, and
 * what no stranger's text may show as well. */
void html_put_text(FILE *page, const char *name);

#endif
