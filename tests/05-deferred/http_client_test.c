/* SPDX-License-Identifier: MIT
 *
 * What http_client.c makes of answers, however they are cut or cut off.
 */
#include "http_take.h"

static const struct failure lost = { &ConnectionLost, 0, NULL };

static void answers(const char *poller)
{
    (void)poller;
    for (const struct row *row = corpus; row->answer; row++) {
        check(row->answer, take(row->answer), row->wanted);
        char *more = malloc(strlen(row->answer) + 11);
        sprintf(more, "%sHTTP/1.1 5", row->answer); /* is not ours to read */
        check(more, take(more), row->wanted);
        free(more);
    }
    for (const struct row *row = to_close; row->answer; row++)
        check(row->answer, take(row->answer), row->wanted);
}

static void split(const struct row *row)
{
    size_t length;

    for (; row->answer; row++) {
        length = strlen(row->answer);
        for (size_t cut = 0; cut <= length; cut++) {
            check(row->answer,
                  take_for(row->answer, length, cut, ANSWER_MAX, done),
                  row->wanted);
            check(row->answer, take_for(row->answer, length, cut, 1, done),
                  row->wanted);
        }
    }
}

static void splits(const char *poller)
{
    (void)poller;
    split(corpus);
    split(to_close);
}

/* What it is to be when only `have` bytes have come, and no end. */
static const char *cut_off(const char *answer, size_t have, const char *page,
                           struct failure reason)
{
    const char *end, *start = answer;
    static char text[DUMP_MAX];

    if (have == 0) /* not a byte of an answer */
        return reason.type->name;
    while ((end = strstr(start, "\r\n\r\n") + 4) <= answer + have &&
           start[9] == '1')
        start = end;
    if (!page || end > answer + have || reason.type != &ConnectionDone)
        return "PartialPage";
    sprintf(text, "200 %.*s", (int)(answer + have - end), end);
    return text;
}

static void cut_off_anywhere(const char *poller)
{
    (void)poller;
    for (const struct row *row = corpus; row->answer; row++)
        for (size_t have = 0; have < strlen(row->answer); have++) {
            check(row->answer, take_for(row->answer, have, 0, MOST, done),
                  cut_off(row->answer, have, NULL, done));
            check(row->answer, take_for(row->answer, have, 0, MOST, lost),
                  cut_off(row->answer, have, NULL, lost));
        }
    for (const struct row *row = to_close; row->answer; row++)
        for (size_t have = 0; have <= strlen(row->answer); have++) {
            check(row->answer, take_for(row->answer, have, 0, MOST, done),
                  cut_off(row->answer, have, row->wanted, done));
            check(row->answer, take_for(row->answer, have, 0, MOST, lost),
                  cut_off(row->answer, have, row->wanted, lost));
        }
}

static const char *const bad[] = {
    "\r\n",
    "\r\n" OK LENGTH "0\r\n\r\n",
    "<html>\r\n",
    "SSH-2.0-OpenSSH_9.6\r\n",
    "ICY 200 OK\r\n",
    "HTTP/2.0 200 OK\r\n",
    "HTTP/1 200 OK\r\n",
    "HTTP/1. 200 OK\r\n",
    "HTTP/1.10 200 OK\r\n",
    "HTTP/1.1200 OK\r\n",
    "HTTP/1.1  200 OK\r\n",
    "HTTP/1.1\t200 OK\r\n",
    "HTTP/1.1 20 OK\r\n",
    "HTTP/1.1 2000 OK\r\n",
    "HTTP/1.1 200OK\r\n",
    "HTTP/1.1 099 OK\r\n",
    "HTTP/1.1 -20 OK\r\n",
    "HTTP/1.1 +20 OK\r\n",
    "HTTP/1.1 0x1 OK\r\n",
    "HTTP/1.1 \r\n",
    "http/1.1 200 OK\r\n",
    " HTTP/1.1 200 OK\r\n",
    OK "no colon\r\n",
    OK ": no name\r\n",
    OK "  \r\n",
    OK LENGTH "\r\n\r\n",
    OK LENGTH "-1\r\n\r\n",
    OK LENGTH "+1\r\n\r\n",
    OK LENGTH "1 2\r\n\r\n",
    OK LENGTH "0x1\r\n\r\n",
    OK LENGTH "1a\r\n\r\n",
    OK LENGTH "1, 2\r\n\r\n",
    OK LENGTH ",,\r\n\r\n",
    OK LENGTH "1\r\n 2\r\n\r\n",
    OK "Transfer-Encoding: chunked, gzip\r\n\r\n",
    OK "Transfer-Encoding: ,\r\n\r\n",
    OK " A: b\r\n",
    OK "\tA: b\r\n",
    OK LENGTH "1.0\r\n\r\n",
    OK LENGTH "1\r\nA: b\r\n" LENGTH "2\r\n\r\n",
    OK LENGTH "1\r\n" LENGTH "1\r\ncontent-length: 2\r\n\r\n",
    OK "Transfer-Encoding: gzip\r\n\r\n",
    OK "Transfer-Encoding: gzip, chunked\r\n\r\n",
    OK "Transfer-Encoding:\r\n\r\n",
    OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
    OK "Transfer-Encoding: identity\r\n" LENGTH "1\r\n\r\n",
    CHUNKS "\r\n",
    CHUNKS ";x\r\n",
    CHUNKS "-1\r\n",
    CHUNKS "+1\r\n",
    CHUNKS "0x1\r\n",
    CHUNKS "g\r\n",
    CHUNKS "1 1\r\n",
    CHUNKS " 1\r\n",
    CHUNKS "1\r\nab\r\n",
    CHUNKS "1\r\na0\r\n",
    CHUNKS "1\r\na\r\n\r\n",
    NULL,
};

static const char *const large[] = {
    OK LENGTH "101\r\n\r\n",
    OK LENGTH "4294967296\r\n\r\n",
    OK LENGTH "4294967297\r\n\r\n",
    OK LENGTH "9223372036854775807\r\n\r\n",
    OK LENGTH "9223372036854775808\r\n\r\n",
    OK LENGTH "18446744073709551617\r\n\r\n",
    OK LENGTH "99999999999999999999999999999999999999999\r\n\r\n",
    CHUNKS "65\r\n",
    CHUNKS "100000001\r\n",
    CHUNKS "7fffffffffffffff\r\n",
    CHUNKS "ffffffffffffffff\r\n",
    CHUNKS "10000000000000001\r\n",
    CHUNKS "10000000000000000000000000000000000000000000001\r\n",
    CHUNKS "1\r\na\r\n64\r\n",
    NULL,
};

static void bad_answers(const char *poller)
{
    static const char nul[] = OK "A: b\0Content-Length: 1\r\n",
                      chunk[] = CHUNKS "1\0g\r\n";

    (void)poller;
    for (size_t i = 0; bad[i]; i++) {
        check(bad[i], take(bad[i]), "BadReply");
        check(bad[i], take_for(bad[i], strlen(bad[i]), 0, 1, lost), "BadReply");
    }
    for (size_t i = 0; large[i]; i++)
        check(large[i], take(large[i]), "PageTooLarge");
    check(nul, take_for(nul, sizeof(nul) - 1, 0, 1, done), "BadReply");
    check(chunk, take_for(chunk, sizeof(chunk) - 1, 0, 1, done), "BadReply");
}

static void request(const char *poller)
{
    static const char wanted[] = "GET /b?c HTTP/1.1\r\nHost: [::1]:81\r\n"
                                 "User-Agent: Untwist\r\n"
                                 "Accept-Encoding: identity\r\n"
                                 "Connection: close\r\n\r\n";
    struct string_transport transport;

    (void)poller;
    CHECK(url_parse(&factory.url, "http://[::1]:81/b?c#d") == 0);
    CHECK(string_transport_open(&transport, &factory.base) == 0);
    CHECK(buffer_length(&transport.written) == strlen(wanted));
    CHECK(!memcmp(buffer_data(&transport.written), wanted, strlen(wanted)));
    string_transport_close(&transport);
    CHECK(times == 1);
    check("nothing", heard, "ConnectionDone");
}

static const struct unit_case cases[] = {
    { "request", request },         { "answers", answers },
    { "splits", splits },           { "cut_off_anywhere", cut_off_anywhere },
    { "bad_answers", bad_answers }, { NULL, NULL },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
