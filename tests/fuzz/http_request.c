/* SPDX-License-Identifier: MIT
 *
 * Requests over an HTTP channel that answers each with its path: the answers
 * do not depend on the cuts, and a path that is encoded and asked for again is
 * the same one.
 */
#include <string.h>

#include "fuzz.h"
#include "http/http_channel.h"

/* Answers have a date; here it is always the same. */
time_t time(time_t *now)
{
    return now ? (*now = 784111777) : 784111777;
}

static void process(struct http_channel *channel)
{
    const struct http_request *request = &channel->request;
    struct http_request again = { 0 };
    char line[HTTP_RESPONSE_MAX] = "GET ";

    CHECK(!request->error &&
          (request->method == HTTP_GET || request->method == HTTP_HEAD));
    CHECK(request->path[0] == '/');
    CHECK(memchr(request->path, '\0', sizeof(request->path)));
    CHECK(memchr(request->query, '\0', sizeof(request->query)));
    CHECK(!*request->query || *request->query == '?');
    CHECK(!request->keep_alive || !request->has_body);
    http_encode(request->path, line + strlen(line));
    strcat(line, " HTTP/1.0\r");
    CHECK(!http_request_line(&again, line, strlen(line)) && !again.error);
    CHECK(!strcmp(again.path, request->path));
    http_channel_send(
        channel,
        (struct http_response){ .status = 200,
                                .type = "text/plain",
                                .length = (int64_t)strlen(request->path) },
        request->path);
}

/* As a transport does whose peer does not read. */
static void set_paused(struct protocol *protocol, bool on)
{
    struct producer *answers = &((struct http_channel *)protocol)->answers;

    if (on)
        answers->pause_producing(answers);
    else
        answers->resume_producing(answers);
}

static struct line_receiver_class class; /* as HttpChannel, but for this: */
static struct http_factory factory = {
    .base = { .name = "Factory", .protocol = &class.base },
    .process = process,
};

/* A string transport has no reactor, and an idle timeout needs one. */
static void connection_made(struct protocol *protocol)
{
    protocol->transport->reactor = factory.reactor;
    HttpChannel.base.connection_made(protocol);
}

void fuzz_one(const struct fuzz_input *input)
{
    struct string_transport transport;

    if (!factory.reactor)
        factory.reactor = reactor_new("poll");
    CHECK(factory.reactor);
    class = HttpChannel;
    class.base.connection_made = connection_made;
    fuzz_talk(&transport, &factory.base, input, set_paused);
    buffer_clear(&transport.written);
}
