/* SPDX-License-Identifier: MIT
 *
 * What http_request.c makes of heads. Each line is taken from a block of
 * exactly its size, so that a sanitizer sees a byte read too far.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_request.h"
#include "unit.h"

enum { TEXT_MAX = 2 * HTTP_HEAD_MAX };

/* The struct as text: "GET /a keep", "HEAD /", "GET /?a", "GET / body
 * since=SECONDS", or a status; "more" when the head is not complete. */
static const char *take(const char *text, size_t length)
{
    static char dumped[TEXT_MAX];
    struct http_request request = { 0 };
    const char *end = text + length;
    bool complete = false;

    while (!complete && text < end) {
        const char *feed = memchr(text, '\n', (size_t)(end - text));
        size_t line = (size_t)((feed ? feed : end) - text);
        char *exact = malloc(line ? line : 1);
        memcpy(exact, text, line);
        complete = http_request_line(&request, exact, line);
        free(exact);
        text += line + 1;
    }
    CHECK(!request.error || (complete && !request.keep_alive));
    if (!complete)
        strcpy(dumped, "more");
    else if (request.error)
        sprintf(dumped, "%d", request.error);
    else if (request.method == HTTP_OTHER || request.method == HTTP_UNKNOWN)
        sprintf(dumped, "%s%s",
                request.method == HTTP_OTHER ? "other" : "unknown",
                request.keep_alive ? " keep" : "");
    else
        sprintf(dumped, "%s %s%s%s%s%s",
                request.method == HTTP_GET ? "GET" : "HEAD", request.path,
                request.query_cut ? "?..." : request.query,
                request.keep_alive ? " keep" : "",
                request.has_body ? " body" : "",
                request.has_since ? " since" : "");
    if (complete && !request.error && request.has_since)
        sprintf(dumped + strlen(dumped), "=%lld", (long long)request.since);
    return dumped;
}

struct row {
    const char *head, *dumped;
};

static void check_rows(const struct row *rows)
{
    int wrong = 0;

    for (; rows->head; rows++) {
        const char *dumped = take(rows->head, strlen(rows->head));
        if (!strcmp(dumped, rows->dumped))
            continue;
        fprintf(stderr, "%s: %s, and not %s\n", rows->head, dumped,
                rows->dumped);
        wrong++;
    }
    CHECK(wrong == 0);
}

static void case_first_line(const char *poller)
{
    static const struct row rows[] = {
        { "GET / HTTP/1.0\r\n\r\n", "GET /" },
        { "HEAD /a/b HTTP/1.0\n\n", "HEAD /a/b" },
        { "\r\n\n\r\nGET / HTTP/1.0\r\n\r\n", "GET /" },
        { "GET / HTTP/1.0\r\n", "more" },
        { "", "more" },
        { "\r\n", "more" },
        { "GET / HTTP/1.0\r\r\n\r\n", "400" },
        { "GET /?a=1 HTTP/1.0\n\n", "GET /?a=1" },
        { "GET /a?/../%zz?b HTTP/1.0\n\n", "GET /a?/../%zz?b" },
        { "GET http://host/a/b HTTP/1.0\n\n", "GET /a/b" },
        { "GET HTTP://host:80 HTTP/1.0\n\n", "GET /" },
        { "GET http://host?x=/a HTTP/1.0\n\n", "GET /?x=/a" },
        { "GET http://host:/?? HTTP/1.0\n\n", "GET /??" },
        { "GET http://[::1]:8/a HTTP/1.0\n\n", "GET /a" },
        { "GET http://[::ffff:1.2.3.4] HTTP/1.0\n\n", "GET /" },
        { "GET http://a.b-c%20!$&'()*+,;=~_/ HTTP/1.0\n\n", "GET /" },
        { "GET http:///a HTTP/1.0\n\n", "400" },
        { "GET http://?a HTTP/1.0\n\n", "400" },
        { "GET http://:80/ HTTP/1.0\n\n", "400" },
        { "GET http://u@a/ HTTP/1.0\n\n", "400" },
        { "GET http://a:b/ HTTP/1.0\n\n", "400" },
        { "GET http://a:80:80/ HTTP/1.0\n\n", "400" },
        { "GET http://[::1/ HTTP/1.0\n\n", "400" },
        { "GET http://[::1]a/ HTTP/1.0\n\n", "400" },
        { "GET http://[a]b]/ HTTP/1.0\n\n", "400" },
        { "GET http://a\xff/ HTTP/1.0\n\n", "400" },
        { "GET http:// HTTP/1.0\n\n", "400" },
        { "GET https://host/ HTTP/1.0\n\n", "400" },
        { "GET a HTTP/1.0\n\n", "400" },
        { "GET ?a HTTP/1.0\n\n", "400" },
        { "GET * HTTP/1.0\n\n", "400" },
        { "GET  HTTP/1.0\n\n", "400" },
        { "GET  / HTTP/1.0\n\n", "400" },
        { "GET /  HTTP/1.0\n\n", "400" },
        { "GET / HTTP/1.0 \n\n", "400" },
        { " GET / HTTP/1.0\n\n", "400" },
        { "GET /\n\n", "400" },
        { "GET\n\n", "400" },
        { "G(T / HTTP/1.0\n\n", "400" },
        { "GET\t/\tHTTP/1.0\n\n", "400" },
        { "GET /\x01 HTTP/1.0\n\n", "400" },
        { "GET /\x7f HTTP/1.0\n\n", "400" },
        { "GET /?\x1b HTTP/1.0\n\n", "400" },
        { "GET /\xe4\xb8\xad HTTP/1.0\n\n", "GET /\xe4\xb8\xad" },
        { "get / HTTP/1.0\n\n", "unknown" },
        { "GETX / HTTP/1.0\n\n", "unknown" },
        { "DELETE / HTTP/1.0\n\n", "other" },
        { "POST /../ HTTP/1.0\n\n", "other" },
        { "OPTIONS * HTTP/1.1\nHost: a\n\n", "other keep" },
        { "GET / http/1.0\n\n", "400" },
        { "GET / HTTP/1\n\n", "400" },
        { "GET / HTTP/1.10\n\n", "400" },
        { "GET / HTTP/1.x\n\n", "400" },
        { "GET / HTTP/0.9\n\n", "505" },
        { "PRI * HTTP/2.0\n\n", "505" },
        { 0 },
    };

    (void)poller;
    check_rows(rows);
}

static void case_path(const char *poller)
{
    static const struct row rows[] = {
        { "GET /a%20b%3f%3F HTTP/1.0\n\n", "GET /a b??" },
        { "GET /%e4%b8%ad%ff HTTP/1.0\n\n", "GET /\xe4\xb8\xad\xff" },
        { "GET /%41%5A%61%7a HTTP/1.0\n\n", "GET /AZaz" },
        { "GET /a%25b HTTP/1.0\n\n", "GET /a%b" },
        { "GET /%2541 HTTP/1.0\n\n", "GET /%41" },
        { "GET /+ HTTP/1.0\n\n", "GET /+" },
        { "GET /\\ HTTP/1.0\n\n", "GET /\\" },
        { "GET /%01 HTTP/1.0\n\n", "GET /\x01" },
        /* Whoever opens files looks at these. */
        { "GET /../a HTTP/1.0\n\n", "GET /../a" },
        { "GET /%2e%2E/a HTTP/1.0\n\n", "GET /../a" },
        { "GET //a HTTP/1.0\n\n", "GET //a" },
        { "GET /%00 HTTP/1.0\n\n", "400" },
        { "GET /a%2fb HTTP/1.0\n\n", "400" },
        { "GET /..%2Fb HTTP/1.0\n\n", "400" },
        { "GET %2fa HTTP/1.0\n\n", "400" },
        { "GET /% HTTP/1.0\n\n", "400" },
        { "GET /%4 HTTP/1.0\n\n", "400" },
        { "GET /%4g HTTP/1.0\n\n", "400" },
        { "GET /%g4 HTTP/1.0\n\n", "400" },
        { "GET /%%41 HTTP/1.0\n\n", "400" },
        { "GET /%4?1 HTTP/1.0\n\n", "400" },
        { "GET /%u0041 HTTP/1.0\n\n", "400" },
        { 0 },
    };

    (void)poller;
    check_rows(rows);
}

#define OLD "GET / HTTP/1.0\r\n"
#define NEW "GET / HTTP/1.1\r\nHost: a\r\n"

static void case_headers(const char *poller)
{
    static const struct row rows[] = {
        { NEW "\r\n", "GET / keep" },
        { "GET / HTTP/1.9\r\nhOST:\r\n\r\n", "GET / keep" },
        { "GET / HTTP/1.1\r\n\r\n", "400" },
        { NEW "Host: a\r\n\r\n", "400" },
        { NEW "Connection: close\r\n\r\n", "GET /" },
        { NEW "connection:x , CLOSE\t\r\n\r\n", "GET /" },
        { NEW "Connection: closed\r\n\r\n", "GET / keep" },
        { NEW "Connection: keep-alive, close\r\n\r\n", "GET /" },
        { NEW "Connection: close\r\nConnection: keep-alive\r\n\r\n", "GET /" },
        { NEW "Connection:\r\n\r\n", "GET / keep" },
        { NEW "Connection: ,,\r\n\r\n", "GET / keep" },
        { OLD "Connection: Keep-Alive\r\n\r\n", "GET / keep" },
        { OLD "Connection: keep-alive,close\r\n\r\n", "GET /" },
        { NEW "Content-Length: 0\r\n\r\n", "GET / keep" },
        { NEW "Content-Length: 00\r\n\r\n", "GET / keep" },
        { NEW "Content-Length: 10\r\n\r\n", "GET / body" },
        { NEW "Content-Length: 99999999999999999999\r\n\r\n", "GET / body" },
        { NEW "Content-Length: -1\r\n\r\n", "400" },
        { NEW "Content-Length: 1 1\r\n\r\n", "400" },
        { NEW "Content-Length: 0x1\r\n\r\n", "400" },
        { NEW "Content-Length:\r\n\r\n", "400" },
        { NEW "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", "400" },
        { NEW "Transfer-Encoding: chunked\r\n\r\n", "501" },
        { NEW "Content-Length: 1\r\ntransfer-encoding: x\r\n\r\n", "501" },
        { NEW "Content-Length : 1\r\n\r\n", "400" },
        { NEW " folded: 1\r\n\r\n", "400" },
        { NEW "\tfolded\r\n\r\n", "400" },
        { NEW ": 1\r\n\r\n", "400" },
        { NEW "nothing\r\n\r\n", "400" },
        { NEW "a b: 1\r\n\r\n", "400" },
        { NEW "A: b\rc\r\n\r\n", "400" },
        { NEW "A: \x01\r\n\r\n", "400" },
        { NEW "A: \t\xff\t\r\n\r\n", "GET / keep" },
        { NEW "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT \r\n\r\n",
          "GET / keep since=784111777" },
        { NEW "If-Modified-Since: Sunday, 06 November 1994 08:49:37 GMT\n\n",
          "GET / keep" },
        { NEW "If-Modified-Since:\r\n\r\n", "GET / keep" },
        { NEW "if-modified-since: Sunday, 06-Nov-94 08:49:37 GMT\n\n",
          "GET / keep since=784111777" },
        { NEW "If-Modified-Since: Sun Nov  6 08:49:37 1994\n\n",
          "GET / keep since=784111777" },
        { NEW "If-None-Match: *\nIf-Modified-Since: Sun Nov  6 08:49:37 1994"
              "\n\n",
          "GET / keep" },
        { NEW "If-Modified-Since: Sun Nov  6 08:49:37 1994\nif-none-match:"
              "\n\n",
          "GET / keep" },
        { "GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n", "400" },
        { "GET / HTTP/1.1\r\nHost: a/\r\n\r\n", "400" },
        { "GET / HTTP/1.0\r\nHost: a@b\r\n\r\n", "400" },
        { "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / keep" },
        { 0 },
    };

    (void)poller;
    check_rows(rows);
}

static char text[TEXT_MAX];

static void fill(char byte, int count)
{
    memset(text + strlen(text), byte, (size_t)count);
}

/* One less than the limit, the limit, and one more. */
static void case_limits(const char *poller)
{
    const char *taken;

    (void)poller;
    for (int more = -1; more <= 1; more++) {
        memset(text, 0, sizeof(text)); /* a path */
        strcpy(text, "GET /");
        fill('a', HTTP_PATH_MAX - 1 + more);
        strcat(text, " HTTP/1.0\r\n\r\n");
        taken = take(text, strlen(text));
        CHECK(more > 0 ? !strcmp(taken, "414") : taken[0] == 'G');
        CHECK(more > 0 || strlen(taken) == (size_t)(HTTP_PATH_MAX + 4 + more));

        for (int cr = 0; cr <= 1; cr++) { /* the first line */
            memset(text, 0, sizeof(text));
            strcpy(text, "GET /?");
            fill('a', HTTP_LINE_MAX - 15 + more);
            strcat(text, cr ? " HTTP/1.0\r\n\n" : " HTTP/1.0\n\n");
            taken = take(text, strlen(text));
            CHECK(!strcmp(taken, more > 0 ? "414" : "GET /?..."));

            memset(text, 0, sizeof(text)); /* another */
            strcpy(text, "GET / HTTP/1.0\nA:");
            fill('a', HTTP_LINE_MAX - 2 + more);
            strcat(text, cr ? "\r\n\n" : "\n\n");
            taken = take(text, strlen(text));
            CHECK(!strcmp(taken, more > 0 ? "431" : "GET /"));
        }

        memset(text, 0, sizeof(text)); /* a query */
        strcpy(text, "GET /?");
        fill('a', HTTP_QUERY_MAX - 1 + more);
        strcat(text, " HTTP/1.0\n\n");
        taken = take(text, strlen(text));
        CHECK(more > 0 ? !strcmp(taken, "GET /?...")
                       : strlen(taken) == (size_t)(HTTP_QUERY_MAX + 5 + more));

        memset(text, 0, sizeof(text)); /* how many */
        strcpy(text, "GET / HTTP/1.0\n");
        for (int i = 0; i < HTTP_HEADERS_MAX + more; i++)
            strcat(text, "A:\n");
        strcat(text, "\n");
        taken = take(text, strlen(text));
        CHECK(!strcmp(taken, more > 0 ? "431" : "GET /"));

        memset(text, 0, sizeof(text)); /* all of it */
        strcpy(text, "GET / HTTP/1.0\r\n");
        for (int left = HTTP_HEAD_MAX - 18 + more; left > 0; left -= 8000) {
            strcat(text, "A:");
            fill('a', (left < 8000 ? left : 8000) - 4);
            strcat(text, "\r\n");
        }
        strcat(text, "\r\n");
        CHECK(strlen(text) == (size_t)(HTTP_HEAD_MAX + more));
        taken = take(text, strlen(text));
        CHECK(!strcmp(taken, more > 0 ? "431" : "GET /"));

        memset(text, 0, sizeof(text)); /* and nothing at all */
        fill('\n', HTTP_HEAD_MAX / 2 + more);
        taken = take(text, strlen(text));
        CHECK(!strcmp(taken, more > 0 ? "414" : "more"));
    }
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "first_line", case_first_line },
        { "path", case_path },
        { "headers", case_headers },
        { "limits", case_limits },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
