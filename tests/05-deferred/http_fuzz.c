/* SPDX-License-Identifier: MIT
 *
 * What http_request.c and http_channel.c make of chance: requests with a few
 * bytes changed. `http_fuzz [ROUNDS]`; the rounds are the same each time.
 *
 * What is answered must not depend on how the bytes were cut, and a path that
 * is accepted must be the same when it is encoded and sent again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_channel.h"
#include "protocol/string_transport.h"

enum { TEXT_MAX = 1024, ROUNDS = 20000 };

static const char *const seeds[] = {
    "GET / HTTP/1.0\r\n\r\n",
    "GET /a%20b/%e4?c=%2f HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD http://a:1/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /a HTTP/1.0\nConnection: keep-alive, x\n\n\nGET /b HTTP/1.0\n\n",
    "GET /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    "GET /2 HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: Sun, 06 Nov 1994 "
    "08:49:37 GMT\r\n\r\nHEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "PUT /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
};

static void check(bool right, const char *what, const char *text, size_t length)
{
    if (right)
        return;
    printf("%s: %.*s\n", what, (int)length, text);
    exit(1);
}

/* Answers have a date; here it is always the same. */
time_t time(time_t *now)
{
    return now ? (*now = 784111777) : 784111777;
}

static uint32_t chance(void)
{
    static uint64_t state = 88172645463325252;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static size_t mutate(char *text, size_t length)
{
    static const char likely[] = "\r\n\n :/%2e2f.?1,\t\0GHTP";
    uint32_t changes = chance() % 5;

    while (changes-- > 0) {
        size_t at = chance() % (length + 1);
        char byte = chance() % 3 ? likely[chance() % (sizeof(likely) - 1)]
                                 : (char)chance();
        uint32_t kind = chance() % 4;
        if (kind == 0) { /* one byte more */
            memmove(text + at + 1, text + at, length - at);
            text[at] = byte;
            length++;
        } else if (kind == 1 && at < length) { /* one byte less */
            memmove(text + at, text + at + 1, length - at - 1);
            length--;
        } else if (kind == 2 && at < length) {
            text[at] = byte;
        } else {
            length = chance() % 8 ? length : at;
        }
    }
    return length;
}

static int processed;

static void process(struct http_channel *channel)
{
    struct http_request *request = &channel->request, again = { 0 };
    char line[HTTP_RESPONSE_MAX] = "GET ";

    processed++;
    check(!request->error && request->method != HTTP_OTHER &&
              request->path[0] == '/' &&
              memchr(request->path, '\0', sizeof(request->path)) &&
              !(request->keep_alive && request->has_body),
          "unsound", request->path, 1);
    http_encode(request->path, line + 4);
    strcat(line, " HTTP/1.0");
    check(!http_request_line(&again, line, strlen(line)) &&
              !strcmp(again.path, request->path),
          "another path", line, strlen(line));
    /* Longer or shorter, so that answers in the wrong order are seen. */
    http_channel_send(
        channel,
        (struct http_response){ .status = 200,
                                .type = "a/b",
                                .length = (int64_t)strlen(request->path) },
        request->path);
}

static struct line_receiver_class class; /* as HttpChannel, but for this: */
static struct http_factory factory = {
    .base = { .name = "F", .protocol = &class.base },
    .process = process,
};

/* A string transport has no reactor, and an idle timeout needs one. */
static void connection_made(struct protocol *protocol)
{
    protocol->transport->reactor = factory.reactor;
    HttpChannel.base.connection_made(protocol);
}

/* What is answered when so many bytes come at a time; 0: any number. */
static void talk(struct string_transport *transport, const char *text,
                 size_t length, size_t piece)
{
    if (string_transport_open(transport, &factory.base) < 0)
        exit(2);
    for (size_t used = 0; used < length && !transport->disconnecting;) {
        size_t next = piece ? piece : 1 + chance() % 20;
        if (next > length - used)
            next = length - used;
        char *exact = malloc(next);
        memcpy(exact, text + used, next);
        string_transport_receive(transport, exact, next);
        free(exact);
        used += next;
    }
}

static void test_round(void)
{
    struct string_transport one, other;
    char text[TEXT_MAX];
    const char *seed = seeds[chance() % (sizeof(seeds) / sizeof(*seeds))];
    size_t length = mutate(strcpy(text, seed), strlen(seed));

    talk(&one, text, length, TEXT_MAX);
    talk(&other, text, length, chance() % 2);
    size_t size = buffer_length(&one.written);
    check(size == buffer_length(&other.written) &&
              one.disconnecting == other.disconnecting &&
              (size == 0 || !memcmp(buffer_data(&one.written),
                                    buffer_data(&other.written), size)),
          "the cuts matter", text, length);
    string_transport_close(&one);
    string_transport_close(&other);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;

    class = HttpChannel;
    class.base.connection_made = connection_made;
    factory.reactor = reactor_new("select");
    if (!factory.reactor)
        return 2;
    for (int i = 0; i < rounds; i++)
        test_round();
    check(processed > rounds / 2, "nearly nothing is accepted", "", 0);
    reactor_free(factory.reactor);
    return 0;
}
