/* SPDX-License-Identifier: MIT */
#include "net/text.h"

#include <stdio.h>
#include <string.h>

/* Writes one byte, at most four characters, and returns how many. */
static size_t escape(unsigned char c, char *text)
{
    static const char plain[] = "\n\r\t\\", letters[] = "nrt\\";
    const char *found = c ? strchr(plain, c) : NULL;

    if (found) {
        text[0] = '\\';
        text[1] = letters[found - plain];
        return 2;
    }
    if (c >= ' ' && c <= '~') {
        text[0] = (char)c;
        return 1;
    }
    snprintf(text, 5, "\\x%02x", c);
    return 4;
}

char *text_escape(const char *data, size_t length, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < length && used + 5 <= size; i++)
        used += escape((unsigned char)data[i], text + used);
    text[used] = '\0';
    return text;
}
