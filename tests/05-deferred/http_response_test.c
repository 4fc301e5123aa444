/* SPDX-License-Identifier: MIT
 *
 * What http_response.c writes: heads, dates, paths; and the types of files.
 */
#include <string.h>

#include "http/http_files.h"
#include "http/http_response.h"
#include "unit.h"

static void case_dates(const char *poller)
{
    char date[HTTP_DATE_MAX];

    (void)poller;
    CHECK(!strcmp(http_date(784111777, date), "Sun, 06 Nov 1994 08:49:37 GMT"));
    CHECK(!strcmp(http_date(0, date), "Thu, 01 Jan 1970 00:00:00 GMT"));
    CHECK(!strcmp(http_date(-1, date), "Wed, 31 Dec 1969 23:59:59 GMT"));
    CHECK(!strcmp(http_date(951782400, date), "Tue, 29 Feb 2000 00:00:00 GMT"));
    CHECK(
        !strcmp(http_date(4102444799, date), "Thu, 31 Dec 2099 23:59:59 GMT"));
    CHECK(!strcmp(http_date(253402300799, date),
                  "Fri, 31 Dec 9999 23:59:59 GMT"));
    CHECK(!strcmp(http_date(253402300800, date), ""));
    CHECK(!strcmp(http_date(INT64_MAX, date), ""));
    CHECK(!strcmp(http_date(INT64_MIN, date), ""));
}

static void case_responses(const char *poller)
{
    struct http_response response = { .status = 404, .type = "a/b" };
    char path[HTTP_PATH_MAX + 1] = "";
    char head[HTTP_RESPONSE_MAX], encoded[2 * HTTP_RESPONSE_MAX];

    (void)poller;
    CHECK(!strncmp(http_response_head(&response, head),
                   "HTTP/1.1 404 Not Found\r\nDate: ", 30));
    CHECK(!strcmp(strstr(head, " GMT"),
                  " GMT\r\nContent-Type: a/b\r\nContent-Length: 0\r\n"
                  "Connection: close\r\n\r\n"));
    response = (struct http_response){ .status = 405, .keep_alive = true };
    CHECK(
        !strcmp(strstr(http_response_head(&response, head), " GMT"),
                " GMT\r\nAllow: GET, HEAD\r\nConnection: keep-alive\r\n\r\n"));

    /* The longest that there is. */
    memset(path, '"', HTTP_PATH_MAX);
    response =
        (struct http_response){ .status = 431,
                                .keep_alive = true,
                                .type = "application/octet-stream",
                                .length = INT64_MAX,
                                .modified = "Sun, 06 Nov 1994 08:49:37 GMT" };
    response.location = strcat(http_encode(path, encoded), "/");
    CHECK(strlen(encoded) == HTTP_ENCODED_MAX * HTTP_PATH_MAX + 1);
    CHECK(strlen(http_response_head(&response, head)) < HTTP_RESPONSE_MAX);
    CHECK(strstr(head, "Content-Length: 9223372036854775807\r\n"));

    CHECK(!strcmp(http_encode("/a-._~Z9/", encoded), "/a-._~Z9/"));
    CHECK(!strcmp(http_encode("a b:?#%\xff", encoded), "a%20b%3A%3F%23%25%FF"));
    CHECK(!strcmp(http_reason(500), "Internal Server Error"));
}

static void case_types(const char *poller)
{
    (void)poller;
    CHECK(!strcmp(http_files_type("/a.html"), "text/html; charset=utf-8"));
    CHECK(!strcmp(http_files_type("/a/b.c"), "text/plain; charset=utf-8"));
    CHECK(!strcmp(http_files_type("/README.md"), "text/plain; charset=utf-8"));
    CHECK(!strcmp(http_files_type("/Makefile"), "text/plain; charset=utf-8"));
    CHECK(!strcmp(http_files_type("/a.png"), "image/png"));
    CHECK(!strcmp(http_files_type("/a"), "application/octet-stream"));
    CHECK(!strcmp(http_files_type("/"), "application/octet-stream"));
    CHECK(!strcmp(http_files_type("/html"), "application/octet-stream"));
    CHECK(!strcmp(http_files_type("/a.html/b"), "application/octet-stream"));
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "dates", case_dates },
        { "responses", case_responses },
        { "types", case_types },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
