/* SPDX-License-Identifier: MIT
 *
 * http_response.h - the head of an HTTP response as text, and how paths are
 * written in it. It owns nothing and knows no connection.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/http_request.h"

enum {
    HTTP_ENCODED_MAX = 3, /* bytes that a byte of a path becomes at most */
    HTTP_RESPONSE_MAX = HTTP_ENCODED_MAX * HTTP_PATH_MAX + HTTP_QUERY_MAX + 512
};

struct http_response {
    int status;
    bool keep_alive;      /* as the request has it */
    const char *type;     /* Content-Type; NULL: neither this nor a length */
    int64_t length;       /* bytes of the body */
    const char *modified; /* Last-Modified, a date, or NULL */
    const char *location; /* a path, encoded, and a query; or NULL */
};

/* Writes the head, with the empty line that ends it, into HTTP_RESPONSE_MAX
 * bytes, and returns them. A 405 names the two methods that there are. */
char *http_response_head(const struct http_response *response, char *text);

/* What the status means: "Not Found". */
const char *http_reason(int status);

/* Writes a path, or a name in it, as a URL has it: what is not a letter, a
 * digit or one of "-._~/" becomes %XX. `text` has room for HTTP_ENCODED_MAX
 * bytes for each byte of the path, and a NUL. */
char *http_encode(const char *path, char *text);

#endif
