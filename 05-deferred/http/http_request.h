/* SPDX-License-Identifier: MIT
 *
 * http_request.h - the head of an HTTP request, line by line: what it asks
 * for, and whether it may be answered. RFC 9112 has the grammar.
 *
 * Nothing here knows a connection: lines go in, a struct of plain values comes
 * out, and it owns nothing. All zeroes is a head of which no line has come.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "http/http_date.h"

/* What is beyond these is answered 414, for the first line, or 431. */
enum {
    HTTP_LINE_MAX = 8192,     /* bytes of a line, without its end */
    HTTP_HEAD_MAX = 32 << 10, /* bytes of all lines, two for each end */
    HTTP_HEADERS_MAX = 100,   /* lines behind the first */
    HTTP_PATH_MAX = 1024,     /* bytes of a path, decoded */
    HTTP_QUERY_MAX = 1024     /* bytes of a query that are kept */
};

struct http_request {
    /* OTHER: one that RFC 9110 has and we do not; UNKNOWN: none at all. */
    enum { HTTP_UNKNOWN, HTTP_OTHER, HTTP_GET, HTTP_HEAD } method;
    char path[HTTP_PATH_MAX + 1]; /* decoded, no query; "/" is its first byte */
    char query[HTTP_QUERY_MAX + 1]; /* as it came, with its "?", or empty */
    bool query_cut;                 /* it is longer than that, and not here */
    bool has_since;
    time_t since;    /* If-Modified-Since, if it counts */
    bool has_body;   /* bytes follow the head that are no request */
    bool keep_alive; /* the client wants to go on, and can */
    int error;       /* why it cannot be answered: a status, 400 and up */

    /* For the next line only. */
    int lines, minor;
    size_t bytes;
    bool has_host, has_length, says_close, says_keep_alive, has_none_match;
};

/* Takes the next line, without its LF; a CR in front of that is no part of it.
 * Returns true when that was all: the head is complete, or has an error. A
 * line over the limit need not be complete to be refused. */
bool http_request_line(struct http_request *self, const char *line,
                       size_t length);

#endif
