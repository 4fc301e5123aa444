/* SPDX-License-Identifier: MIT */
#include "http/http_client.h"

#include <stdlib.h>
#include <string.h>

#include "http/page_head.h"

/* What comes next. */
enum http_state {
    STATUS,
    HEADERS,
    CHUNK_SIZE,
    CHUNK,
    CHUNK_END,
    TRAILERS,
    BODY,          /* of a length that was told */
    BODY_TO_CLOSE, /* of one that was not */
    ENDED
};

struct http_client {
    struct line_receiver base;
    struct page *page; /* NULL once it is the factory's, or there is none */
    enum http_state state;
    bool begun;  /* some of an answer has come */
    size_t left; /* bytes of the body, or of the chunk, that may come */
};

static struct http_client_factory *factory_of(struct http_client *self)
{
    return (struct http_client_factory *)self->base.base.factory;
}

/* Tells how it ended, once. */
static void end(struct http_client *self, struct result result)
{
    if (self->state == ENDED)
        return;
    self->state = ENDED;
    self->page = NULL;
    transport_lose_connection(self->base.base.transport);
    factory_of(self)->ended(factory_of(self), result);
}

static void fail_with(struct http_client *self, struct failure failure)
{
    page_free(self->page);
    end(self, result_failure(failure));
}

static void fail(struct http_client *self, const struct failure_type *type)
{
    fail_with(self, (struct failure){ type, 0, NULL });
}

static void complete(struct http_client *self)
{
    end(self, result_value(self->page));
}

static void connection_made(struct protocol *base)
{
    struct http_client *self = (struct http_client *)base;
    const struct url *url = &factory_of(self)->url;
    char host[URL_HOST_MAX + 10];

    self->page = calloc(1, sizeof(*self->page));
    if (!self->page) {
        fail(self, &MemoryError);
        return;
    }
    /* Some servers refuse whoever does not say what it is; and without the next
     * one they may compress, which we cannot undo. */
    const char *pieces[] = { "GET ", url->path,
                             " HTTP/1.1\r\nHost: ", url_authority(url, host),
                             "\r\nUser-Agent: Untwist"
                             "\r\nAccept-Encoding: identity"
                             "\r\nConnection: close\r\n\r\n" };
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
        transport_write_text(base->transport, pieces[i]);
}

/* So many bytes are next, unless they are too many. */
static void expect(struct http_client *self, enum http_state state,
                   unsigned long long size)
{
    if (size > factory_of(self)->maximum - buffer_length(&self->page->body)) {
        fail(self, &PageTooLarge);
        return;
    }
    self->state = state;
    self->left = (size_t)size;
    line_receiver_set_raw_mode(&self->base);
}

/* The head is complete: what comes next? */
static void head_received(struct http_client *self)
{
    const struct failure_type *wrong = page_head_end(self->page);
    long long length;

    if (wrong) {
        fail(self, wrong);
        return;
    }
    if (self->page->status < 200) { /* "100 Continue": it is still to come */
        buffer_clear(&self->page->head);
        self->state = STATUS;
        return;
    }
    switch (page_body(self->page, &length)) {
    case PAGE_LENGTH:
        if (length == 0)
            complete(self);
        else
            expect(self, BODY, (unsigned long long)length);
        break;
    case PAGE_CHUNKED:
        self->state = CHUNK_SIZE;
        break;
    case PAGE_TO_CLOSE:
        expect(self, BODY_TO_CLOSE, factory_of(self)->maximum);
        break;
    default:
        fail(self, &BadReply);
    }
}

static void chunk_size_received(struct http_client *self, const char *line,
                                size_t length)
{
    long long size = page_chunk_size(line, length);

    if (size < 0)
        fail(self, &BadReply);
    else if (size == 0)
        self->state = TRAILERS;
    else
        expect(self, CHUNK, (unsigned long long)size);
}

static void line_length_exceeded(struct line_receiver *base, const char *data,
                                 size_t length)
{
    struct http_client *self = (struct http_client *)base;

    (void)data, (void)length;
    fail(self, self->state == HEADERS ? &PageTooLarge : &BadReply);
}

static void line_received(struct line_receiver *base, const char *line,
                          size_t length)
{
    struct http_client *self = (struct http_client *)base;
    const struct failure_type *wrong = NULL;

    /* A line ends with LF alone as well: RFC 9112, 2.2. */
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length > LINE_MAX_LENGTH) {
        line_length_exceeded(base, line, length);
        return;
    }
    if (memchr(line, '\0', length)) {
        fail(self, &BadReply);
        return;
    }
    switch (self->state) {
    case STATUS:
        wrong = page_status_line(self->page, line, length);
        self->state = HEADERS;
        break;
    case HEADERS:
        if (length == 0)
            head_received(self);
        else
            wrong = page_header_line(self->page, line, length);
        break;
    case CHUNK_SIZE:
        chunk_size_received(self, line, length);
        break;
    case CHUNK_END:
        wrong = length == 0 ? NULL : &BadReply;
        self->state = CHUNK_SIZE;
        break;
    default: /* TRAILERS, which nobody wants */
        if (length == 0)
            complete(self);
    }
    if (wrong)
        fail(self, wrong);
}

static void raw_data_received(struct line_receiver *base, const char *data,
                              size_t length)
{
    struct http_client *self = (struct http_client *)base;
    size_t taken = length < self->left ? length : self->left;

    self->left -= taken;
    if (buffer_append(&self->page->body, data, taken) < 0) {
        fail(self, &MemoryError);
    } else if (self->state == BODY_TO_CLOSE && taken < length) {
        fail(self, &PageTooLarge);
    } else if (self->state == BODY && self->left == 0) {
        complete(self);
    } else if (self->state == CHUNK && self->left == 0) {
        self->state = CHUNK_END;
        line_receiver_set_line_mode(base, length - taken);
    }
}

static void data_received(struct protocol *base, const char *data,
                          size_t length)
{
    ((struct http_client *)base)->begun = true;
    line_receiver_data_received(base, data, length);
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    struct http_client *self = (struct http_client *)base;

    line_receiver_connection_lost(base, reason);
    if (self->state == BODY_TO_CLOSE && failure_check(reason, &ConnectionDone))
        complete(self);
    else if (self->begun)
        fail(self, &PartialPage);
    else
        fail_with(self, reason);
}

const struct line_receiver_class HttpClient = {
    .base = {
        .name = "HttpClient",
        .size = sizeof(struct http_client),
        .connection_made = connection_made,
        .data_received = data_received,
        .connection_lost = connection_lost,
    },
    .delimiter = "\n",
    .max_length = LINE_MAX_LENGTH + 1, /* a CR is no part of the line */
    .line_received = line_received,
    .raw_data_received = raw_data_received,
    .line_length_exceeded = line_length_exceeded,
};
