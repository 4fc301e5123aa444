/* SPDX-License-Identifier: MIT
 *
 * two_pages - whatever a client sends, it fetches two pages at once, and
 * prints the length, the beginning and the time of each when it arrives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/get_page.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "protocol/log.h"

enum {
    SHOWN = 100,      /* characters of a page */
    FETCHES_MAX = 100 /* at a time; what is asked for beyond is not fetched */
};

struct two_pages_factory {
    struct factory base;
    struct reactor *reactor;
    const char *urls[2];
    int fetches; /* that have not ended */
};

/* One fetch, until it has ended. */
struct fetch {
    struct two_pages_factory *factory;
    const char *url;
    char location[URL_MAX]; /* where it was told to go, in vain */
};

/* How many bytes the first SHOWN characters have, if it is UTF-8: in each only
 * the first byte is none of those that go on with it. */
static size_t beginning(const char *text, size_t length)
{
    size_t used = 0, characters = 0;

    if (length > TEXT_ESCAPE_MAX * SHOWN)
        length = TEXT_ESCAPE_MAX * SHOWN;
    for (; used < length; used++)
        if (((unsigned char)text[used] & 0xc0) != 0x80 && characters++ == SHOWN)
            break;
    return used;
}

/* The page is the callback's, which frees it. What is shown of it is a
 * stranger's text, and so escaped: a byte may become four. */
static struct result print_contents(struct result result, void *argument)
{
    struct page *page = result.value;
    size_t length = buffer_length(&page->body);
    const char *body = length > 0 ? buffer_data(&page->body) : "";
    char text[TEXT_ESCAPE_MAX * TEXT_ESCAPE_MAX * SHOWN + TEXT_MARK_MAX];
    struct timespec now;

    (void)argument;
    text_escape(body, beginning(body, length), text, sizeof(text), TEXT_LINE);
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%zu %s %lld.%02ld\n", length, text, (long long)now.tv_sec,
           now.tv_nsec / 10000000);
    page_free(page);
    return result_value(NULL);
}

/* It ends here: returned as a failure it would be logged as unhandled. */
static struct result print_failure(struct result result, void *argument)
{
    const struct fetch *fetch = argument;
    char text[FAILURE_TEXT_MAX];
    char place[TEXT_ESCAPE_MAX * URL_MAX + TEXT_MARK_MAX];

    printf("%s: %s", fetch->url, failure_message(result.failure, text));
    if (*fetch->location)
        printf(" Location: %s",
               text_escape(fetch->location, strlen(fetch->location), place,
                           sizeof(place), TEXT_LINE));
    putchar('\n');
    return result_value(NULL);
}

/* The last pair, whatever came of it; print_failure has needed the fetch. */
static struct result end_fetch(struct result result, void *argument)
{
    struct fetch *fetch = argument;

    fetch->factory->fetches--;
    free(fetch);
    return result;
}

/* A client may send as fast as it likes; each chunk is two connections of ours.
 * So there is a limit, or we would run out of descriptors. */
static void start_fetch(struct two_pages_factory *factory, const char *url)
{
    struct fetch *fetch =
        factory->fetches < FETCHES_MAX ? calloc(1, sizeof(*fetch)) : NULL;
    struct deferred *d = NULL;

    if (fetch) {
        *fetch = (struct fetch){ .factory = factory, .url = url };
        d = get_page(factory->reactor, url,
                     &(struct get_page_options){ .location = fetch->location });
    }
    if (!d) {
        printf("%s: not now\n", url);
        free(fetch);
        return;
    }
    factory->fetches++;
    deferred_add_callbacks(d, print_contents, print_failure, fetch);
    deferred_add_both(d, end_fetch, fetch);
    deferred_release(d);
}

/* A page arrives in a later turn at the earliest. That both lines come before
 * it is what this program is to show. */
static void two_pages_data_received(struct protocol *self, const char *data,
                                    size_t length)
{
    struct two_pages_factory *factory =
        (struct two_pages_factory *)self->factory;

    (void)data, (void)length;
    start_fetch(factory, factory->urls[0]);
    start_fetch(factory, factory->urls[1]);
    for (int i = 0; i < 2; i++)
        printf("execute %d\n", i);
}

static const struct protocol_class TwoPages = {
    .name = "TwoPages",
    .size = sizeof(struct protocol),
    .data_received = two_pages_data_received,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 8000,
                               .about = "fetches two pages for each client." };
    struct two_pages_factory factory = {
        .base = { .name = "TwoPagesFactory", .protocol = &TwoPages },
    };
    struct url url;
    const struct option extra[] = {
        { NULL, "URL", OPTION_OPERAND, &factory.urls[0], 0 },
        { NULL, "URL", OPTION_OPERAND, &factory.urls[1], 0 },
        { 0 },
    };

    options_server(&options, extra, argc, argv);
    for (int i = 0; i < 2; i++)
        if (url_parse(&url, factory.urls[i]) < 0)
            return options_failed(&options, factory.urls[i], "no http URL");
    factory.reactor = endpoint_reactor(&options);
    endpoint_listen_tcp(&options, factory.reactor, &factory.base);
    return endpoint_run(&options, factory.reactor);
}
