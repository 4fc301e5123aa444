/* SPDX-License-Identifier: MIT
 *
 * http_client.h - asks a web server for one page: the protocol that get_page
 * speaks. A line receiver, for a head is lines and a body is raw bytes.
 *
 * The factory is get_page's. It hears once of each connection how it ended,
 * if not by a connection that could not be made.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "deferred/result.h"
#include "framing/line_receiver.h"
#include "http/page.h"
#include "http/url.h"

struct http_client_factory {
    struct factory base; /* its protocol is HttpClient */
    struct url url;
    size_t maximum; /* bytes of a body */

    /* A page, whatever its status, which is the factory's from then on; or why
     * there is none. The connection ends by itself. */
    void (*ended)(struct http_client_factory *self, struct result result);
};

extern const struct line_receiver_class HttpClient;

#endif
