/* SPDX-License-Identifier: MIT
 *
 * A URL in the first line of the data, and a reference that leads on from it
 * in the second: what is accepted is sound, and the same when it is written
 * and taken apart again.
 */
#include "http/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* No segment of the path is "." or "..", and no byte ends a request line. */
static void check_path(const char *path)
{
    CHECK(*path == '/' && memchr(path, '\0', URL_MAX));
    for (const char *byte = path; *byte; byte++)
        CHECK(*byte > ' ' && *byte <= '~' && *byte != '#');
    while (*path == '/') {
        size_t size = strcspn(path + 1, "/?");
        CHECK(size != 1 || path[1] != '.');
        CHECK(size != 2 || path[1] != '.' || path[2] != '.');
        path += 1 + size;
    }
}

static bool same(const struct url *one, const struct url *other)
{
    return !strcmp(one->host, other->host) && one->port == other->port &&
           !strcmp(one->path, other->path);
}

static void check(const struct url *url)
{
    char text[URL_HOST_MAX + 10 + URL_MAX + 8], authority[URL_HOST_MAX + 10];
    struct url again;

    check_path(url->path);
    CHECK(memchr(url->host, '\0', URL_HOST_MAX) && *url->host);
    CHECK(!strpbrk(url->host, "/?#@"));
    CHECK(url->port >= 1 && url->port <= 65535);
    CHECK(url_authority(url, authority) == authority);
    CHECK(strlen(authority) < sizeof(authority));
    sprintf(text, "http://%s%s", authority, url->path);
    CHECK(url_parse(&again, text) == 0 && same(&again, url));
    if (url->path[1] != '/') /* that would be another host */
        CHECK(url_follow(&again, url->path) == 0 && same(&again, url));
}

/* Takes a line, as a string of exactly its size; to be freed. */
static char *take_line(const char **data, const char *end)
{
    const char *line = *data, *newline;

    newline = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    *data = newline ? newline + 1 : end;
    size_t length = (size_t)((newline ? newline : end) - line);
    char *text = malloc(length + 1);
    CHECK(text);
    if (length > 0)
        memcpy(text, line, length);
    text[length] = '\0';
    return text;
}

void fuzz_one(const struct fuzz_input *input)
{
    const char *next = input->data, *end = next + input->length;
    char *base = take_line(&next, end), *reference = take_line(&next, end);
    struct url url, before;

    memset(&url, 0x5a, sizeof(url));
    before = url;
    if (url_parse(&url, base) < 0) {
        CHECK(!memcmp(&url, &before, sizeof(url)));
    } else {
        check(&url);
        before = url;
        if (url_follow(&url, reference) == 0)
            check(&url);
        else
            CHECK(!memcmp(&url, &before, sizeof(url)));
    }
    free(base);
    free(reference);
}
