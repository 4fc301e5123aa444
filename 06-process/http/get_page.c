/* SPDX-License-Identifier: MIT */
#include "http/get_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deferred/deferred_timeout.h"
#include "stream/tcp_connector.h"

const struct failure_type BadUrl = { "BadUrl", "This is no http or https URL",
                                     false };
const struct failure_type BadRedirect = {
    "BadRedirect", "The page has moved to where we cannot fetch it", false
};
const struct failure_type TooManyRedirects = { "TooManyRedirects",
                                               "Too many redirects", false };
const struct failure_type PageError = { "PageError",
                                        "The server has no page for us",
                                        false };

/* Seconds. */
static const double default_timeout = 30;

/* What people call the numbers; a failure's detail is a literal. */
static const char *const status_texts[] = {
    "400 Bad Request",        "401 Unauthorized",
    "403 Forbidden",          "404 Not Found",
    "405 Method Not Allowed", "410 Gone",
    "429 Too Many Requests",  "500 Internal Server Error",
    "502 Bad Gateway",        "503 Service Unavailable",
    "3xx Redirection",        "4xx Client Error",
    "5xx Server Error",       NULL
};

/* One fetch, over one connection after the other. It lives as long as a
 * connector uses its factory. */
struct fetch {
    struct http_client_factory factory;
    struct reactor *reactor;
    struct deferred *deferred; /* NULL once it has fired */
    struct connector *connector;
    struct trigger end; /* with the reactor */
    double timeout;
    int redirects;  /* that may still come */
    char *location; /* see struct get_page_options */
    struct ssl_connector_options ssl;
};

static void fire(struct fetch *self, struct result result)
{
    struct deferred *deferred = self->deferred;

    self->deferred = NULL;
    if (deferred && deferred_fire(deferred, result) == 0)
        return;
    if (result.kind == RESULT_VALUE) /* nobody wants it */
        page_free(result.value);
}

static void fail(struct fetch *self, const struct failure_type *type,
                 int number)
{
    fire(self, result_error(type, number));
}

static void fail_with_status(struct fetch *self, int status)
{
    const char *const *text = status_texts;

    while (*text && atoi(*text) != status && atoi(*text) != status / 100)
        text++;
    fire(self, result_failure((struct failure){ &PageError, status, *text }));
}

static bool is_redirect(const struct page *page)
{
    return (page->status >= 301 && page->status <= 303) ||
           page->status == 307 || page->status == 308;
}

/* A failure holds no text of a stranger, so the place goes where the receiver
 * wanted it; before he hears of it. */
static void refuse_redirect(struct fetch *self, const char *where,
                            const struct failure_type *type, int number)
{
    if (self->location &&
        snprintf(self->location, URL_MAX, "%s", where) >= URL_MAX)
        strcpy(self->location + URL_MAX - 4, "...");
    fail(self, type, number);
}

static int connect_to_server(struct fetch *self)
{
    const struct connector_options options = { .timeout = self->timeout };
    const struct url *url = &self->factory.url;

    self->connector =
        url->secure ? reactor_connect_ssl(self->reactor, url->host, url->port,
                                          &self->factory.base, &self->ssl)
                    : reactor_connect_tcp(self->reactor, url->host, url->port,
                                          &self->factory.base, &options);
    return self->connector ? 0 : -1;
}

/* A page, or why there is none. */
static void ended(struct http_client_factory *factory, struct result result)
{
    struct fetch *self = (struct fetch *)factory;
    struct page *page = result.kind == RESULT_VALUE ? result.value : NULL;
    const char *where;
    bool secure = factory->url.secure;

    if (!page || (page->status >= 200 && page->status < 300)) {
        fire(self, result);
        return;
    }
    where = is_redirect(page) ? page_header(page, "Location") : NULL;
    if (!where)
        fail_with_status(self, page->status);
    else if (self->redirects-- == 0)
        refuse_redirect(self, where, &TooManyRedirects, page->status);
    else if (url_follow(&factory->url, where) < 0)
        refuse_redirect(self, where, &BadRedirect, 0);
    else if (secure && !factory->url.secure) /* as browsers warn */
        fire(self, result_failure((struct failure){ &PageError, page->status,
                                                    "it leads back to http" }));
    else if (self->deferred && connect_to_server(self) < 0)
        fail(self, &MemoryError, 0);
    page_free(page);
}

static void connection_ended(struct factory *factory,
                             struct connector *connector, struct failure reason)
{
    struct fetch *self = (struct fetch *)factory;

    if (connector != self->connector) /* another server has taken over */
        return;
    self->connector = NULL;
    fire(self, result_failure(reason));
}

/* The last connector has done with the factory. */
static void stop_factory(struct factory *factory)
{
    struct fetch *self = (struct fetch *)factory;

    reactor_remove_trigger(self->reactor, &self->end);
    free(self);
}

/* The reactor is freed. What the receiver does about it, it does before the
 * descriptors are gone. */
static void give_up(void *argument)
{
    struct fetch *self = argument;

    fail(self, &UserError, 0);
    if (self->connector)
        connector_stop_connecting(self->connector);
}

static void cancel(struct deferred *deferred, void *argument)
{
    struct fetch *self = argument;

    (void)deferred;
    self->deferred = NULL;
    if (self->connector)
        connector_disconnect(self->connector);
}

static void init(struct fetch *self, struct reactor *reactor,
                 const struct get_page_options *options)
{
    self->factory = (struct http_client_factory){
        .base = { .name = "HTTPClientFactory",
                  .protocol = &HttpClient.base,
                  .stop_factory = stop_factory,
                  .client_connection_failed = connection_ended,
                  .client_connection_lost = connection_ended },
        .maximum = options->maximum ? options->maximum : GET_PAGE_MAX,
        .ended = ended,
    };
    self->reactor = reactor;
    self->location = options->location;
    self->timeout = options->timeout > 0 ? options->timeout : default_timeout;
    if (options->ssl)
        self->ssl = *options->ssl;
    self->ssl.timeout = self->timeout;
    self->redirects =
        options->redirects ? options->redirects : GET_PAGE_REDIRECTS_MAX;
    if (self->redirects < 0)
        self->redirects = 0;
}

static struct deferred *start(struct fetch *self)
{
    struct deferred *deferred = deferred_new(cancel, self);

    self->deferred = deferred;
    if (!deferred)
        return NULL;
    if (reactor_add_trigger(self->reactor, TRIGGER_BEFORE, REACTOR_FREE,
                            &self->end, give_up, self) < 0 ||
        deferred_add_timeout(deferred, clock_of_reactor(self->reactor),
                             self->timeout) < 0 ||
        connect_to_server(self) < 0) {
        reactor_remove_trigger(self->reactor, &self->end);
        self->deferred = NULL;
        deferred_errback(deferred, (struct failure){ &MemoryError, 0, NULL });
        return deferred;
    }
    return deferred;
}

struct deferred *get_page(struct reactor *reactor, const char *url,
                          const struct get_page_options *options)
{
    static const struct get_page_options defaults;
    struct fetch *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    init(self, reactor, options ? options : &defaults);
    if (url_parse(&self->factory.url, url) < 0) {
        free(self);
        return deferred_fail((struct failure){ &BadUrl, 0, NULL });
    }
    struct deferred *deferred = start(self);
    if (!self->connector)
        free(self);
    return deferred;
}
