/* SPDX-License-Identifier: MIT
 *
 * get_page: what is fetched, where redirects lead, and each way to fail.
 */
#include <stdlib.h>

#include "page_fetch.h"

static void fetches_a_page(const char *poller)
{
    struct talk web;
    struct fetch_of fetch = { 0 };
    char request[REQUEST_MAX];
    int listener = web_listen(&web, poller);

    sprintf(request,
            "GET /a/c?d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
            "User-Agent: Untwist\r\nAccept-Encoding: identity\r\n"
            "Connection: close\r\n\r\n",
            web.number);
    fetch_path(&web, &fetch, "/a/b/../c?d#e", NULL);
    web_answer(&web, listener, request, OK LENGTH "5\r\n\r\nhello");
    fetch_done(&web, &fetch, "200 hello");
    fetch_path(&web, &fetch, "", NULL);
    web_answer(&web, listener, "GET / HTTP/1.1\r\n", OK "\r\nto the end");
    fetch_done(&web, &fetch, "200 to the end");
    fetch_path(&web, &fetch, "", NULL);
    web_answer(&web, listener, "GET / ", "HTTP/1.1 204 Nothing\r\n\r\n");
    fetch_done(&web, &fetch, "204 ");
    web_free(&web, listener);
}

/* A server that answers and then waits for us to close. */
static void closes_by_itself(const char *poller)
{
    struct talk web;
    struct fetch_of fetch = { 0 };
    int listener = web_listen(&web, poller);

    fetch_path(&web, &fetch, "/", NULL);
    int fd = web_accept(&web, listener, "GET / ");
    peer_send(fd, OK "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
    fetch_done(&web, &fetch, "200 a");
    peer_expect_end(&web, fd);
    close(fd);
    web_free(&web, listener);
}

static void all_that_headers_say(const char *poller)
{
    static const char lines[] = "A: b\0C:\0aa: \t x \0a: c\0";
    struct page *page = calloc(1, sizeof(*page));

    (void)poller;
    CHECK(page && !page_header(page, "A"));
    CHECK(buffer_append(&page->head, lines, sizeof(lines) - 1) == 0);
    CHECK(!strcmp(page_header(page, "a"), "b"));
    CHECK(!strcmp(page_header(page, "AA"), "x "));
    CHECK(!strcmp(page_header(page, "c"), ""));
    CHECK(!page_header(page, "aaa") && !page_header(page, ""));
    const char *second = page_next_header(page, "A", page_header(page, "A"));
    CHECK(!strcmp(second, "c") && !page_next_header(page, "A", second));
    page_free(page);
    page_free(NULL);
}

static void redirects(const char *poller)
{
    static const char *const rows[][2] = {
        { "/d", "GET /d " },
        { "d", "GET /a/d " },
        { "../d?e", "GET /d?e " },
        { "?e#f", "GET /a/b?e " },
        { "  /blanks  ", "GET /blanks " },
        { "\r\n /folded\r\n \t", "GET /folded " },
    };
    static const char *const statuses[] = { "301 A", "302 B", "303 C",
                                            "307 D", "308",   "301" };
    struct talk web;
    struct fetch_of fetch = { 0 };
    char answer[HEARD_MAX];
    int listener = web_listen(&web, poller);

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        sprintf(answer, "HTTP/1.1 %s\r\nLocation: %s\r\n\r\nmoved", statuses[i],
                rows[i][0]);
        fetch_path(&web, &fetch, "/a/b?c", NULL);
        web_answer(&web, listener, "GET /a/b?c ", answer);
        web_answer(&web, listener, rows[i][1], OK LENGTH "1\r\n\r\nx");
        fetch_done(&web, &fetch, "200 x");
    }
    web_free(&web, listener);
}

static void redirected_to_another_server(const char *poller)
{
    struct talk web;
    struct fetch_of fetch = { 0 };
    char text[HEARD_MAX];
    int listener = web_listen(&web, poller), number,
        other = peer_listen(5, &number);

    fetch_path(&web, &fetch, "/", NULL);
    int fd = web_accept(&web, listener, "GET / "); /* does not close */
    sprintf(text, FOUND "http://127.0.0.1:%d/o\r\n\r\n", number);
    peer_send(fd, text);
    sprintf(text, "GET /o HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", number);
    web_answer(&web, other, text, OK LENGTH "1\r\n\r\nx");
    fetch_done(&web, &fetch, "200 x");
    close(fd);
    close(other);
    web_free(&web, listener);
}

static void at_most(struct talk *web, int listener, int option, int followed)
{
    const struct get_page_options options = { .redirects = option };
    struct fetch_of fetch = { 0 };

    fetch_path(web, &fetch, "/", &options);
    for (int i = 0; i <= followed; i++)
        web_answer(web, listener, "GET / ", FOUND "/\r\n\r\n");
    fetch_done(web, &fetch, "TooManyRedirects");
    CHECK(fetch.failure.number == 302);
    fetch_path(web, &fetch, "/", &options);
    for (int i = 0; i < followed; i++)
        web_answer(web, listener, "GET / ", FOUND "/\r\n\r\n");
    web_answer(web, listener, "GET / ", OK "\r\nat last");
    fetch_done(web, &fetch, "200 at last");
}

static void redirect_limits(const char *poller)
{
    struct talk web;
    int listener = web_listen(&web, poller);

    at_most(&web, listener, 0, GET_PAGE_REDIRECTS_MAX);
    at_most(&web, listener, 1, 1);
    at_most(&web, listener, 2, 2);
    at_most(&web, listener, -1, 0);
    at_most(&web, listener, -1000, 0);
    web_free(&web, listener);
}

static void no_page(const char *poller)
{
    static const struct {
        const char *answer, *heard, *message;
    } rows[] = {
        { "HTTP/1.1 404 Oh\r\n\r\nno", "PageError",
          "The server has no page for us: 404 Not Found." },
        { "HTTP/1.1 418 Pot\r\n\r\n", "PageError",
          "The server has no page for us: 4xx Client Error." },
        { "HTTP/1.1 500\r\n\r\n", "PageError",
          "The server has no page for us: 500 Internal Server Error." },
        { "HTTP/1.1 304 Same\r\nLocation: /\r\n\r\n", "PageError",
          "The server has no page for us: 3xx Redirection." },
        { "HTTP/1.1 302 Nowhere\r\n\r\n", "PageError",
          "The server has no page for us: 3xx Redirection." },
        { "HTTP/1.1 999\r\n\r\n", "PageError",
          "The server has no page for us." },
        { "HTTP/1.1 404", "PartialPage",
          "The connection was lost in the middle of the page." },
        { "220 mail ESMTP\r\n", "BadReply",
          "The server's answer is not HTTP." },
        { OK LENGTH "2\r\n\r\nx", "PartialPage",
          "The connection was lost in the middle of the page." },
        { OK LENGTH "11\r\n\r\n0123456789x", "PageTooLarge",
          "The page is too large." },
        { "", "ConnectionDone", "Connection was closed cleanly." },
    };
    const struct get_page_options options = { .maximum = 10 };
    char text[FAILURE_TEXT_MAX];
    struct fetch_of fetch = { 0 };
    struct talk web;
    int listener = web_listen(&web, poller);

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        fetch_path(&web, &fetch, "/", &options);
        web_answer(&web, listener, "GET / ", rows[i].answer);
        fetch_done(&web, &fetch, rows[i].heard);
        CHECK(!strcmp(failure_message(fetch.failure, text), rows[i].message));
        if (failure_check(fetch.failure, &PageError))
            CHECK(fetch.failure.number == atoi(rows[i].answer + 9));
    }
    web_free(&web, listener);
}

/* Whoever hears of it knows where the page has gone. */
static void leads_nowhere(const char *poller)
{
    static const struct {
        const char *where, *heard;
        int redirects;
    } rows[] = {
        { "https://a.example/b?c", "BadRedirect", 0 },
        { "http://a:b/", "BadRedirect", 0 },
        { "/a b", "BadRedirect", 0 },
        { "/followed", "TooManyRedirects", -1 },
    };
    char location[URL_MAX], answer[2 * URL_MAX + 64], text[FAILURE_TEXT_MAX];
    struct fetch_of fetch = { 0 };
    struct talk web;
    int listener = web_listen(&web, poller);

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct get_page_options options = { .redirects = rows[i].redirects,
                                            .location = location };
        location[0] = '\0';
        fetch_path(&web, &fetch, "/", &options);
        sprintf(answer, FOUND "%s\r\n\r\n", rows[i].where);
        web_answer(&web, listener, "GET / ", answer);
        fetch_done(&web, &fetch, rows[i].heard);
        CHECK(!strcmp(location, rows[i].where));
        options.location = NULL;
        fetch_path(&web, &fetch, "/", &options);
        web_answer(&web, listener, "GET / ", answer);
        fetch_done(&web, &fetch, rows[i].heard);
    }
    CHECK(!strcmp(
        failure_message((struct failure){ &BadRedirect, 0, NULL }, text),
        "The page has moved to where we cannot fetch it."));
    /* One that is too long is marked. */
    sprintf(answer, FOUND "https://%0*d\r\n\r\n", URL_MAX, 0);
    struct get_page_options options = { .location = location };
    fetch_path(&web, &fetch, "/", &options);
    web_answer(&web, listener, "GET / ", answer);
    fetch_done(&web, &fetch, "BadRedirect");
    CHECK(strlen(location) == URL_MAX - 1);
    CHECK(!strcmp(location + URL_MAX - 5, "0..."));
    /* One that was followed leads to what came of it. */
    location[0] = '\0';
    fetch_path(&web, &fetch, "/", &options);
    web_answer(&web, listener, "GET / ", FOUND "/a\r\n\r\n");
    web_answer(&web, listener, "GET /a ", "HTTP/1.1 404\r\n\r\n");
    fetch_done(&web, &fetch, "PageError");
    CHECK(!*location);
    web_free(&web, listener);
}

/* An IPv4 address, as IPv6 has it. */
static void mapped_address(const char *poller)
{
    struct talk web;
    struct fetch_of fetch = { 0 };
    char url[URL_TEXT_MAX];
    int listener = web_listen(&web, poller);

    sprintf(url, "http://[::ffff:127.0.0.1]:%d/", web.number);
    fetch_url(&web, &fetch, url, NULL);
    web_answer(&web, listener, "GET / ", OK LENGTH "1\r\n\r\nx");
    fetch_done(&web, &fetch, "200 x");
    web_free(&web, listener);
}

static void no_server(const char *poller)
{
    struct fetch_of fetch = { 0 };
    struct talk web;
    int listener = web_listen(&web, poller), number;

    close(peer_listen(1, &number));
    int spare = web.number;
    web.number = number;
    fetch_path(&web, &fetch, "/", NULL);
    fetch_done(&web, &fetch, "ConnectionRefusedError");
    web.number = spare;
    fetch_url(&web, &fetch, "ftp://127.0.0.1/", NULL);
    fetch_done(&web, &fetch, "BadUrl");
    fetch_url(&web, &fetch, "http://a..b/", NULL);
    fetch_done(&web, &fetch, "DNSLookupError");
    fetch_path(&web, &fetch, "/", NULL);
    peer_reset(web_accept(&web, listener, "GET / "));
    fetch_done(&web, &fetch, "ConnectionLost");
    web_free(&web, listener);
}
/* A name is looked up in a thread meanwhile. */
static void two_at_once(const char *poller)
{
    struct talk web;
    struct fetch_of one = { 0 }, other = { 0 };
    char url[URL_TEXT_MAX];
    int listener = web_listen(&web, poller);

    fetch_path(&web, &one, "/1", NULL);
    int first = web_accept(&web, listener, "GET /1 ");
    sprintf(url, "http://localhost:%d/2", web.number);
    fetch_url(&web, &other, url, NULL);
    sprintf(url, "GET /2 HTTP/1.1\r\nHost: localhost:%d\r\n", web.number);
    int second = web_accept(&web, listener, url);
    peer_send(second, OK "\r\nb");
    peer_send(first, OK "\r\na");
    close(second);
    fetch_done(&web, &other, "200 b");
    CHECK(one.times == 0);
    close(first);
    fetch_done(&web, &one, "200 a");
    web_free(&web, listener);
}

static struct talk *chain_web;
static struct fetch_of chained;

static void fetch_another(struct fetch_of *self)
{
    (void)self;
    fetch_path(chain_web, &chained, "/2", NULL);
}

static void a_callback_starts_another(const char *poller)
{
    struct talk web;
    struct fetch_of fetch = { .on_heard = fetch_another };
    int listener = web_listen(&web, poller);

    chain_web = &web;
    fetch_path(&web, &fetch, "/1", NULL);
    web_answer(&web, listener, "GET /1 ", OK LENGTH "1\r\n\r\na");
    fetch_done(&web, &fetch, "200 a");
    web_answer(&web, listener, "GET /2 ", OK LENGTH "1\r\n\r\nb");
    fetch_done(&web, &chained, "200 b");
    web_free(&web, listener);
}

static const struct unit_case cases[] = {
    { "fetches_a_page", fetches_a_page },
    { "closes_by_itself", closes_by_itself },
    { "all_that_headers_say", all_that_headers_say },
    { "redirects", redirects },
    { "redirected_to_another_server", redirected_to_another_server },
    { "redirect_limits", redirect_limits },
    { "no_page", no_page },
    { "leads_nowhere", leads_nowhere },
    { "mapped_address", mapped_address },
    { "no_server", no_server },
    { "two_at_once", two_at_once },
    { "a_callback_starts_another", a_callback_starts_another },
    { NULL, NULL },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
