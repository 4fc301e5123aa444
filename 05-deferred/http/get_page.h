/* SPDX-License-Identifier: MIT
 *
 * get_page.h - fetches a page: Twisted's getPage. What takes a look-up, a
 * connection and some round trips is one Deferred.
 */
#ifndef GET_PAGE_H
#define GET_PAGE_H

#include "deferred/deferred.h"
#include "http/http_client.h"
#include "reactor/reactor.h"

enum {
    GET_PAGE_MAX = 16 << 20,    /* bytes of a body, if nobody says more */
    GET_PAGE_REDIRECTS_MAX = 10 /* likewise */
};

/* No http URL; the page has moved to a place that has none; more redirects than
 * allowed; an answer with a status that is not 2xx, which is the failure's
 * number. */
extern const struct failure_type BadUrl, BadRedirect, TooManyRedirects,
    PageError;

/* Zeroes are the defaults. */
struct get_page_options {
    double timeout; /* seconds for everything; 0: 30 */
    size_t maximum; /* bytes of a body; 0: GET_PAGE_MAX */
    int redirects;  /* to follow; 0: GET_PAGE_REDIRECTS_MAX; -1: none */

    /* URL_MAX bytes that live until it has fired: where a redirect leads that
     * was not followed is written there, as text of a stranger. May be NULL. */
    char *location;
};

/* Fires with a struct page *, which is the receiver's, to be freed with
 * page_free; or with one of the failures above, those of page.h, those of a
 * connection, MemoryError, or DeferredTimeout; or with UserError, when the
 * reactor is freed before. To cancel it ends the connection. NULL with ENOMEM.
 */
struct deferred *get_page(struct reactor *reactor, const char *url,
                          const struct get_page_options *options);

#endif
