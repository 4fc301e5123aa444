/* SPDX-License-Identifier: MIT */
#include "http/html.h"

#include <string.h>

#include "net/text.h"

const char html_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<style>\n"
    ":root { color-scheme: light dark }\n"
    "body { font: 1rem/1.5 sans-serif; max-width: 45rem;\n"
    "       margin: 1rem auto; padding: 0 1rem }\n"
    "td + td { padding-left: 2rem; text-align: right }\n"
    "</style>\n";

_Static_assert(sizeof(html_head) <= HTML_HEAD_MAX, "html_head is too long");

void html_put_text(FILE *page, const char *name)
{
    char shown[TEXT_ESCAPE_MAX * HTML_TEXT_MAX + 1], *text = shown;

    text_escape(name, strlen(name), shown, sizeof(shown), TEXT_LINE);
    for (; *text; text++) {
        if (strchr("<>&\"'", *text))
            fprintf(page, "&#%d;", *text);
        else
            putc(*text, page);
    }
}
