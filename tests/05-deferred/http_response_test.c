/* SPDX-License-Identifier: MIT
 *
 * What http_response.c and http_date.c write: heads, dates, paths; and what
 * dates they read.
 */
#include <stdio.h>
#include <string.h>

#include "http/http_date.h"
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
    memset(encoded + strlen(encoded), '?', HTTP_QUERY_MAX);
    encoded[HTTP_ENCODED_MAX * HTTP_PATH_MAX + 1 + HTTP_QUERY_MAX] = '\0';
    CHECK(strlen(http_response_head(&response, head)) < HTTP_RESPONSE_MAX);
    CHECK(strstr(head, "Content-Length: 9223372036854775807\r\n"));

    CHECK(!strcmp(http_encode("/a-._~Z9/", encoded), "/a-._~Z9/"));
    CHECK(!strcmp(http_encode("a b:?#%\xff", encoded), "a%20b%3A%3F%23%25%FF"));
    CHECK(!strcmp(http_reason(500), "Internal Server Error"));
}

static bool parses(const char *text, time_t wanted)
{
    time_t time = wanted + 1;

    return http_date_parse(text, strlen(text), &time) == 0 && time == wanted;
}

static void case_dates_read(const char *poller)
{
    static const char *const bad[] = {
        "",
        "yesterday",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06 November 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov   6 08:49:37 1994",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
    };
    char date[HTTP_DATE_MAX];

    (void)poller;
    CHECK(parses("Sun, 06 Nov 1994 08:49:37 GMT", 784111777));
    CHECK(parses("Sunday, 06-Nov-94 08:49:37 GMT", 784111777));
    CHECK(parses("Sun Nov  6 08:49:37 1994", 784111777));
    CHECK(parses("Wed Nov 16 08:49:37 1994", 784975777));
    CHECK(parses("Tue, 29 Feb 2000 00:00:00 GMT", 951782400));
    CHECK(parses("Thu, 01 Jan 1970 00:00:00 GMT", 0));
    CHECK(parses("Thursday, 01-Jan-70 00:00:00 GMT", 0) ||
          parses("Thursday, 01-Jan-70 00:00:00 GMT", 3155760000));
    CHECK(parses("Friday, 31-Dec-99 23:59:59 GMT", 946684799));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        time_t time;
        if (http_date_parse(bad[i], strlen(bad[i]), &time) == 0)
            fprintf(stderr, "%s is no date\n", bad[i]);
        CHECK(http_date_parse(bad[i], strlen(bad[i]), &time) < 0);
    }
    /* What is written can be read: some second of each fifth week. */
    for (time_t time = -30000000000; time < 250000000000; time += 3196811) {
        CHECK(http_date(time, date) == date && parses(date, time));
    }
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "dates", case_dates },
        { "responses", case_responses },
        { "dates_read", case_dates_read },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
