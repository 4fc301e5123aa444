/* SPDX-License-Identifier: MIT
 *
 * What a web server answers, as http_client hears it: the page does not depend
 * on the cuts, is within its limits, and is the same when it is sent again,
 * with more behind it.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "http/http_client.h"
#include "http/page_head.h"

enum { BODY_MAX = 100 }; /* bytes of a page */

static struct page *page; /* the last one; NULL: there was none */
static int endings;       /* so far */

static void note(const struct buffer *buffer)
{
    if (buffer_length(buffer) > 0)
        fuzz_note(buffer_data(buffer), buffer_length(buffer));
}

static void ended(struct http_client_factory *factory, struct result result)
{
    (void)factory;
    endings++;
    page_free(page);
    page = NULL;
    if (result.kind == RESULT_FAILURE) {
        fuzz_note(&result.failure.type, sizeof(result.failure.type));
        return;
    }
    page = result.value;
    CHECK(page->status >= 200 && page->status <= 999);
    CHECK(buffer_length(&page->head) <= PAGE_HEAD_MAX);
    CHECK(buffer_length(&page->body) <= BODY_MAX);
    fuzz_note(&page->status, sizeof(page->status));
    note(&page->head);
    note(&page->body);
}

static struct http_client_factory factory = {
    .base = { .protocol = &HttpClient.base },
    .url = { .host = "a", .port = 80, .path = "/" },
    .maximum = BODY_MAX,
    .ended = ended,
};

static void hear(const struct fuzz_input *input)
{
    struct string_transport transport;

    endings = 0;
    fuzz_talk(&transport, &factory.base, input, NULL);
    CHECK(endings == 2); /* for a whole answer, and one in pieces */
    buffer_clear(&transport.written);
}

void fuzz_one(const struct fuzz_input *input)
{
    char answer[64 + BODY_MAX];

    hear(input);
    if (!page)
        return;
    struct page *first = page;
    size_t length = buffer_length(&first->body);
    int head = sprintf(answer, "HTTP/1.1 %d\r\nContent-Length: %zu\r\n\r\n",
                       first->status, length);
    if (length > 0)
        memcpy(answer + head, buffer_data(&first->body), length);
    answer[(size_t)head + length] = 'x'; /* no part of it */
    page = NULL;
    hear(&(struct fuzz_input){ input->cuts, input->cut_count, answer,
                               (size_t)head + length + 1 });
    CHECK(page && page->status == first->status);
    CHECK(buffer_length(&page->body) == length);
    CHECK(length == 0 ||
          !memcmp(buffer_data(&page->body), buffer_data(&first->body), length));
    page_free(first);
    page_free(page);
    page = NULL;
}
