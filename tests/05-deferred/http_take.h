/* SPDX-License-Identifier: MIT
 *
 * http_take.h - what http_client.c makes of an answer: a factory that hears of
 * it, a string_transport that is the server, and answers that must come out
 * the same however they are cut. For the http_client_*test.c beside it.
 */
#ifndef HTTP_TAKE_H
#define HTTP_TAKE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_client.h"
#include "http/page_head.h"
#include "protocol/string_transport.h"
#include "unit.h"

enum { MOST = 100, DUMP_MAX = 512, ANSWER_MAX = 1 << 18 };

static const struct failure done = { &ConnectionDone, 0, NULL };

/* Who waits for the page; what came is "STATUS BODY", or a failure's name. */
static char heard[DUMP_MAX];
static int times;

static void ended(struct http_client_factory *factory, struct result result)
{
    struct page *page = result.value;

    (void)factory;
    times++;
    if (result.kind == RESULT_FAILURE) {
        strcpy(heard, result.failure.type->name);
        return;
    }
    sprintf(heard, "%d %.*s", page->status, (int)buffer_length(&page->body),
            page->body.block ? buffer_data(&page->body) : "");
    page_free(page);
}

static struct http_client_factory factory = {
    .base = { .name = "F", .protocol = &HttpClient.base },
    .maximum = MOST,
    .ended = ended,
};

static void feed(struct string_transport *transport, const char *text,
                 size_t length)
{
    char *exact = malloc(length);

    if (!exact) /* the one that was to fail; the next does not */
        exact = malloc(length);
    memcpy(exact, text, length);
    string_transport_receive(transport, exact, length);
    free(exact);
}

/* What is heard when the first `cut` bytes come, and the others in pieces of
 * `piece` bytes, and then the connection ends. */
static const char *take_for(const char *text, size_t length, size_t cut,
                            size_t piece, struct failure reason)
{
    struct string_transport transport;

    times = 0;
    heard[0] = '\0';
    if (string_transport_open(&transport, &factory.base) < 0)
        return "nobody";
    for (size_t used = 0; used < length && !transport.disconnecting;) {
        size_t next = used < cut ? cut : piece;
        if (next > length - used)
            next = length - used;
        feed(&transport, text + used, next);
        used += next;
    }
    CHECK(times == transport.disconnecting || transport.aborted);
    if (transport.aborted)
        reason = (struct failure){ &ConnectionAborted, 0, NULL };
    string_transport_lose(&transport, reason);
    string_transport_close(&transport);
    CHECK(times == 1);
    return heard;
}

static inline const char *take(const char *text)
{
    return take_for(text, strlen(text), 0, ANSWER_MAX, done);
}

static inline void check(const char *text, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        fprintf(stderr, "%.200s\n%s instead of %s\n", text, got, wanted);
    CHECK(!strcmp(got, wanted));
}

struct row {
    const char *answer, *wanted;
};

#define OK     "HTTP/1.1 200 OK\r\n"
#define LENGTH "Content-Length: "
#define CHUNKS OK "Transfer-Encoding: chunked\r\n\r\n"

/* Each says where it ends, with its last byte. */
static const struct row corpus[] = {
    { OK LENGTH "5\r\n\r\nhello", "200 hello" },
    { "HTTP/1.0 404 Not Found\r\ncontent-length:3\r\nA: b\r\n\r\nno\n",
      "404 no\n" },
    { OK LENGTH " \t 0003 \t\r\nX:\r\n\r\n\r\n\n", "200 \r\n\n" },
    { OK LENGTH "0\r\n\r\n", "200 " },
    { OK LENGTH "2\r\nContent-Length: 2\r\n\r\nab", "200 ab" },
    { "HTTP/1.1 302\r\n" LENGTH "1\r\nLocation: /\r\n\r\nx", "302 x" },
    { "HTTP/1.1 500 \r\n" LENGTH "1\r\n\r\nx", "500 x" },
    { "HTTP/1.9 999 A  b\xe4\r\n" LENGTH "1\r\n\r\nx", "999 x" },
    { CHUNKS "5\r\nhello\r\n0\r\n\r\n", "200 hello" },
    { CHUNKS "1\r\na\r\n0A;x=\"y\";z\r\n123456789\n\r\n2 ;e\r\nbc\r\n"
             "000 \t; \r\nTrailer: x\r\nno colon\r\n\r\n",
      "200 a123456789\nbc" },
    { CHUNKS "0\r\n\r\n", "200 " },
    { CHUNKS "2\r\n\r\n\r\n00000\r\n\r\n", "200 \r\n" },
    { OK "transfer-encoding: CHUNKED \r\n" LENGTH "1\r\n\r\n"
         "3\r\nabc\r\n0\r\n\r\n",
      "200 abc" },
    { "HTTP/1.1 204 No Content\r\n\r\n", "204 " },
    { "HTTP/1.1 304 Not Modified\r\n" LENGTH "5\r\n\r\n", "304 " },
    { "HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n", "204 " },
    { "HTTP/1.1 100 Continue\r\n\r\n" OK LENGTH "1\r\n\r\nx", "200 x" },
    { "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n" LENGTH "9\r\n\r\n"
      "HTTP/1.1 102 Processing\r\n\r\n" OK LENGTH "1\r\n\r\nx",
      "200 x" },
    /* Folded, as it was once allowed. */
    { OK "A: b\r\n folded: line\r\n" LENGTH "\r\n\t 5 \r\n  \r\n\r\nhello",
      "200 hello" },
    { OK "Transfer-Encoding:\r\n chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "200 a" },
    /* LF alone ends a line, here and there or everywhere. */
    { "HTTP/1.1 200 OK\nA: b\n" LENGTH "5\n\nhello", "200 hello" },
    { "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\r\n\n3\na\n\n\n0\nA: b\n\n",
      "200 a\n\n" },
    /* Zeroes in front, and elements of lists that are empty, are nothing. */
    { OK LENGTH "000000000000000000000000000000000000002\r\n\r\nab", "200 ab" },
    { CHUNKS "00000000000000000000000000000000000000000001\r\na\r\n"
             "00000000000000000000000000000000000000\r\n\r\n",
      "200 a" },
    { OK LENGTH "1, 1\r\n" LENGTH ",, 1 ,\r\n" LENGTH "\r\n\r\nx", "200 x" },
    { OK "Transfer-Encoding: , chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "200 a" },
    { OK "Transfer-Encoding: Chunked ,\t,\r\nTransfer-Encoding: chunked\r\n"
         "\r\n1\r\na\r\n0\r\n\r\n",
      "200 a" },
    { NULL, NULL },
};

/* The end of the connection is the end of these. */
static const struct row to_close[] = {
    { OK "\r\nhello", "200 hello" },
    { "HTTP/1.0 200 OK\r\nServer: a\r\n\r\na\r\n\r\nb", "200 a\r\n\r\nb" },
    { "HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n\r\n", "200 \r\n" },
    { OK "Content-Length : 1\r\n\r\nabc", "200 abc" },
    { NULL, NULL },
};

#endif
