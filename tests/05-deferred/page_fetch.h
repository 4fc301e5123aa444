/* SPDX-License-Identifier: MIT
 *
 * page_fetch.h - get_page and a server that is a bare socket, both in one
 * loop. For the get_page_*test.c beside it.
 */
#ifndef PAGE_FETCH_H
#define PAGE_FETCH_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/get_page.h"
#include "net/net.h"
#include "talk.h"

enum { HEARD_MAX = 256, URL_TEXT_MAX = 64, REQUEST_MAX = 1024 };

#define OK     "HTTP/1.1 200 OK\r\n"
#define LENGTH "Content-Length: "
#define FOUND  "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "

/* What came of one get_page: "STATUS BODY", or a failure's name. */
struct fetch_of {
    struct deferred *deferred; /* the test releases it */
    char heard[HEARD_MAX];
    int times;
    struct failure failure;
    void (*on_heard)(struct fetch_of *self);
};

static struct result hear(struct result result, void *argument)
{
    struct fetch_of *self = argument;
    struct page *page = result.value;

    self->times++;
    if (result.kind == RESULT_FAILURE) {
        self->failure = result.failure;
        strcpy(self->heard, result.failure.type->name);
    } else {
        sprintf(self->heard, "%d %.*s", page->status,
                (int)buffer_length(&page->body),
                page->body.block ? buffer_data(&page->body) : "");
        page_free(page);
    }
    if (self->on_heard)
        self->on_heard(self);
    return result_value(NULL);
}

/* The server's talk has the loop; its number is a listener's. */
static int web_listen(struct talk *web, const char *poller)
{
    talk_new(web, poller, &Talker);
    return peer_listen(20, &web->number);
}

static inline void fetch_url(struct talk *web, struct fetch_of *fetch,
                             const char *url,
                             const struct get_page_options *options)
{
    *fetch = (struct fetch_of){ .on_heard = fetch->on_heard };
    fetch->deferred = get_page(web->reactor, url, options);
    CHECK(fetch->deferred != NULL);
    CHECK(deferred_add_both(fetch->deferred, hear, fetch) == 0);
}

/* From the server. Nothing may be heard at once. */
static inline void fetch_path(struct talk *web, struct fetch_of *fetch,
                              const char *path,
                              const struct get_page_options *options)
{
    char url[URL_TEXT_MAX];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", web->number, path);
    fetch_url(web, fetch, url, options);
    CHECK(fetch->times == 0);
}

/* Accepts, and takes a request that begins so. Returns the connection. */
static int web_accept(struct talk *web, int listener, const char *request)
{
    char text[REQUEST_MAX + 1] = "";
    size_t length = 0;
    int fd = -1;

    TALK_UNTIL(web, (fd = net_accept(listener, NULL, NET_NONBLOCKING)) >= 0);
    while (!strstr(text, "\r\n\r\n")) {
        ssize_t n = read(fd, text + length, REQUEST_MAX - length);
        CHECK(n != 0);
        length += n > 0 ? (size_t)n : 0;
        text[length] = '\0';
        loop_turns(web->reactor, 1);
    }
    if (strncmp(text, request, strlen(request)) != 0)
        fprintf(stderr, "asked for %s\n", text);
    CHECK(!strncmp(text, request, strlen(request)));
    return fd;
}

/* The same, answers, and closes the connection. */
static inline void web_answer(struct talk *web, int listener,
                              const char *request, const char *answer)
{
    int fd = web_accept(web, listener, request);

    peer_send(fd, answer);
    close(fd);
}

/* Turns the loop until it is heard, and checks what. */
static inline void fetch_hears(struct talk *web, struct fetch_of *fetch,
                               const char *wanted)
{
    TALK_UNTIL(web, fetch->times > 0);
    if (strcmp(fetch->heard, wanted) != 0)
        fprintf(stderr, "heard %s instead of %s\n", fetch->heard, wanted);
    CHECK(fetch->times == 1 && !strcmp(fetch->heard, wanted));
}

static inline void fetch_done(struct talk *web, struct fetch_of *fetch,
                              const char *wanted)
{
    fetch_hears(web, fetch, wanted);
    deferred_release(fetch->deferred);
}

/* No listener any more, no loop: what is left must have been freed. */
static inline void web_free(struct talk *web, int listener)
{
    close(listener);
    talk_free(web);
}

#endif
