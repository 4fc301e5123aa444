/* SPDX-License-Identifier: MIT
 *
 * two_pages - whatever a client sends, it fetches two pages at once, and
 * prints the length, the beginning and the time of each when it arrives.
 */
#include <stdio.h>
#include <time.h>

#include "http/get_page.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "protocol/log.h"

enum {
    SHOWN = 100,      /* bytes of a page */
    FETCHES_MAX = 100 /* at a time; what is asked for beyond is not fetched */
};

struct two_pages_factory {
    struct factory base;
    struct reactor *reactor;
    const char *urls[2];
    int fetches; /* that have not ended */
};

static struct result print_contents(struct result result, void *argument)
{
    struct page *page = result.value;
    size_t length = buffer_length(&page->body);
    char text[4 * SHOWN + 1];
    struct timespec now;

    (void)argument;
    text_escape(buffer_data(&page->body), length < SHOWN ? length : SHOWN, text,
                sizeof(text), TEXT_LINE);
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%zu %s %lld.%02ld\n", length, text, (long long)now.tv_sec,
           now.tv_nsec / 10000000);
    page_free(page);
    return result_value(NULL);
}

static struct result print_failure(struct result result, void *url)
{
    char text[FAILURE_TEXT_MAX];

    printf("%s: %s\n", (const char *)url,
           failure_message(result.failure, text));
    return result_value(NULL);
}

static struct result one_less(struct result result, void *factory)
{
    ((struct two_pages_factory *)factory)->fetches--;
    return result;
}

static void fetch(struct two_pages_factory *factory, const char *url)
{
    struct deferred *d = factory->fetches < FETCHES_MAX
                             ? get_page(factory->reactor, url, NULL)
                             : NULL;

    if (!d) {
        printf("%s: not now\n", url);
        return;
    }
    factory->fetches++;
    deferred_add_both(d, one_less, factory);
    deferred_add_callbacks(d, print_contents, print_failure, (void *)url);
    deferred_release(d);
}

static void two_pages_data_received(struct protocol *self, const char *data,
                                    size_t length)
{
    struct two_pages_factory *factory =
        (struct two_pages_factory *)self->factory;

    (void)data, (void)length;
    fetch(factory, factory->urls[0]);
    fetch(factory, factory->urls[1]);
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
    struct options options = { .port = 8000 };
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
