/* SPDX-License-Identifier: MIT
 *
 * What url.c takes for an http URL, and where a Location leads.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/url.h"
#include "unit.h"

enum { TEXT_MAX = 4 * URL_MAX };

/* "HOST PORT PATH", or "-" if it is none; then the struct must not change. */
static const char *dump(const struct url *url, const struct url *before,
                        int result)
{
    static char text[TEXT_MAX];

    if (result < 0) {
        CHECK(result == -1 && errno == EINVAL);
        CHECK(!memcmp(url, before, sizeof(*url)));
        return "-";
    }
    sprintf(text, "%s %d %s", url->host, url->port, url->path);
    return text;
}

/* From a block of exactly its size. */
static const char *parse(const char *text)
{
    struct url url, before;
    char *exact = strdup(text);

    memset(&url, 'x', sizeof(url));
    before = url;
    errno = 0;
    const char *dumped = dump(&url, &before, url_parse(&url, exact));
    free(exact);
    return dumped;
}

static const char *follow(const char *from, const char *reference)
{
    struct url url = { 0 }, before;
    char *exact = strdup(reference);

    CHECK(url_parse(&url, from) == 0);
    before = url;
    errno = 0;
    const char *dumped = dump(&url, &before, url_follow(&url, exact));
    free(exact);
    return dumped;
}

static void check(const char *what, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        fprintf(stderr, "%s: %s instead of %s\n", what, got, wanted);
    CHECK(!strcmp(got, wanted));
}

static void parts(const char *poller)
{
    static const char *const rows[][2] = {
        { "http://a", "a 80 /" },
        { "http://a/", "a 80 /" },
        { "HTTP://A.B/C", "A.B 80 /C" },
        { "http://a:8080", "a 8080 /" },
        { "http://a:/b", "a 80 /b" },
        { "http://a:1/", "a 1 /" },
        { "http://a:65535/", "a 65535 /" },
        { "http://a:00080/", "a 80 /" },
        { "http://127.0.0.1:80/x/y?z=1&b=/../c",
          "127.0.0.1 80 /x/y?z=1&b=/../c" },
        { "http://a?b", "a 80 /?b" },
        { "http://a:81?b#c", "a 81 /?b" },
        { "http://a#b/c", "a 80 /" },
        { "http://a/b#c?d", "a 80 /b" },
        { "http://[::1]/", "::1 80 /" },
        { "http://[::1]:82/b", "::1 82 /b" },
        { "http://a/%20%00/~!'()*", "a 80 /%20%00/~!'()*" },
        { "http://a/b@c:d", "a 80 /b@c:d" },
        { "http://a//b///", "a 80 //b///" },
        { NULL, NULL },
    };

    (void)poller;
    for (size_t i = 0; rows[i][0]; i++)
        check(rows[i][0], parse(rows[i][0]), rows[i][1]);
}

static void refused(const char *poller)
{
    static const char *const rows[] = { "",
                                        "/",
                                        "a",
                                        "http:",
                                        "http:/",
                                        "http://",
                                        "http:///a",
                                        "http://:80/",
                                        "http://?a",
                                        "https://a/",
                                        "ftp://a/",
                                        "file:///etc/passwd",
                                        "xhttp://a/",
                                        " http://a/",
                                        "http://a /",
                                        "http://a/ b",
                                        "http://a/\r\nX: y",
                                        "http://a\r\nX: y/",
                                        "http://a/\t",
                                        "http://a/\x7f",
                                        "http://a/\xc3\xa4",
                                        "http://me@a/",
                                        "http://me:secret@a/",
                                        "http://[::1@]/",
                                        "http://a:0/",
                                        "http://a:-1/",
                                        "http://a:+1/",
                                        "http://a:65536/",
                                        "http://a:4294967376/",
                                        "http://a:99999999999999999999/",
                                        "http://a:80x/",
                                        "http://a:80:80/",
                                        "http://::1/",
                                        "http://[::1/",
                                        "http://[]/",
                                        "http://[::1]80/",
                                        "http://[::1]x:80/",
                                        "http://[",
                                        NULL };

    (void)poller;
    for (size_t i = 0; rows[i]; i++)
        check(rows[i], parse(rows[i]), "-");
}

static void followed(const char *poller)
{
    static const char *const rows[][2] = {
        { "http://c:3/d", "c 3 /d" },
        { "HTTP://c", "c 80 /" },
        { "//c/d", "c 80 /d" },
        { "//c:4", "c 4 /" },
        { "/d", "a 1 /d" },
        { "/", "a 1 /" },
        { "/d?e#f", "a 1 /d?e" },
        { "d", "a 1 /b/d" },
        { "d/e", "a 1 /b/d/e" },
        { "d?e=http://f/", "a 1 /b/d?e=http://f/" },
        { "?e", "a 1 /b/c?e" },
        { "", "a 1 /b/c?q=/x/y" },
        { "#f", "a 1 /b/c?q=/x/y" },
        { "./d:e", "a 1 /b/d:e" },
        { "d/e:f", "a 1 /b/d/e:f" },
        { ".", "a 1 /b/" },
        { "..", "a 1 /" },
        { "../d", "a 1 /d" },
        { "../../../d", "a 1 /d" },
        { "./d/../e", "a 1 /b/e" },
        { "/d/./e/../../f/..", "a 1 /" },
        { "/d/.../..e/.f/e..", "a 1 /d/.../..e/.f/e.." },
        { "/..", "a 1 /" },
        { "/.", "a 1 /" },
        { "/d/..?../e/..", "a 1 /?../e/.." },
        { "//c/d/../e", "c 80 /e" },
        { "d//../e", "a 1 /b/d/e" },
        { "https://c/", "-" },
        { "ftp://c/", "-" },
        { "mailto:c", "-" },
        { "d:e", "-" },
        { "http:", "-" },
        { "http:d", "-" },
        { "//", "-" },
        { "//c:x/", "-" },
        { "d e", "-" },
        { "/d\r\nX: y", "-" },
        { "\xe4", "-" },
        { NULL, NULL },
    };

    (void)poller;
    for (size_t i = 0; rows[i][0]; i++)
        check(rows[i][0], follow("http://a:1/b/c?q=/x/y", rows[i][0]),
              rows[i][1]);
    check("d", follow("http://a", "d"), "a 80 /d");
}

/* A text of `length` bytes that begins with `start`. */
static const char *long_text(const char *start, size_t length)
{
    static char text[TEXT_MAX];

    memset(text, 'x', length);
    memcpy(text, start, strlen(start));
    text[length] = '\0';
    return text;
}

static void limits(const char *poller)
{
    size_t name = strlen("http://"), most = URL_MAX - 1;

    (void)poller;
    CHECK(strcmp(parse(long_text("http://", name + URL_HOST_MAX - 1)), "-"));
    CHECK(!strcmp(parse(long_text("http://", name + URL_HOST_MAX)), "-"));
    CHECK(strcmp(parse(long_text("http://a/", name + 1 + most - 1)), "-"));
    CHECK(!strcmp(parse(long_text("http://a/", name + 1 + most)), "-"));
    CHECK(strcmp(parse(long_text("http://a?", name + 1 + most - 1)), "-"));
    CHECK(!strcmp(parse(long_text("http://a?", name + 1 + most)), "-"));
    CHECK(strcmp(follow("http://a", long_text("/", most - 1)), "-"));
    CHECK(!strcmp(follow("http://a", long_text("/", most)), "-"));
    CHECK(strcmp(follow("http://a/b/c", long_text("d", most - 4)), "-"));
    CHECK(!strcmp(follow("http://a/b/c", long_text("d", most)), "-"));
    CHECK(strcmp(follow("http://a/b/c", long_text("//c/", most - 6)), "-"));
    CHECK(!strcmp(follow("http://a/b/c", long_text("//c/", most * 2)), "-"));
}

static void authority(const char *poller)
{
    static const char *const rows[][2] = {
        { "http://a/", "a" },
        { "http://a:80/", "a" },
        { "http://a:81/", "a:81" },
        { "http://[::1]/", "[::1]" },
        { "http://[::1]:82/", "[::1]:82" },
        { NULL, NULL },
    };
    struct url url;
    char *text = malloc(URL_HOST_MAX + 10);

    (void)poller;
    for (size_t i = 0; rows[i][0]; i++) {
        CHECK(url_parse(&url, rows[i][0]) == 0);
        CHECK(url_authority(&url, text) == text);
        check(rows[i][0], text, rows[i][1]);
    }
    memset(url.host, ':', URL_HOST_MAX - 1); /* the longest */
    url.host[URL_HOST_MAX - 1] = '\0';
    url.port = 65535;
    CHECK(strlen(url_authority(&url, text)) == URL_HOST_MAX - 1 + 2 + 6);
    free(text);
}

static const struct unit_case cases[] = {
    { "parts", parts },   { "refused", refused },     { "followed", followed },
    { "limits", limits }, { "authority", authority }, { NULL, NULL },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
