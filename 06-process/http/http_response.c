/* SPDX-License-Identifier: MIT */
#include "http/http_response.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        { 200, "OK" },
        { 301, "Moved Permanently" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 414, "URI Too Long" },
        { 431, "Request Header Fields Too Large" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 505, "HTTP Version Not Supported" },
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Internal Server Error";
}

/* Returns where the next header begins. */
static char *add_header(char *to, const char *name, const char *value)
{
    return to + sprintf(to, "%s: %s\r\n", name, value);
}

char *http_response_head(const struct http_response *response, char *text)
{
    char date[HTTP_DATE_MAX], length[24];
    char *to = text + sprintf(text, "HTTP/1.1 %d %s\r\n", response->status,
                              http_reason(response->status));

    to = add_header(to, "Date", http_date(time(NULL), date));
    if (response->type) {
        snprintf(length, sizeof(length), "%" PRId64, response->length);
        to = add_header(to, "Content-Type", response->type);
        to = add_header(to, "Content-Length", length);
    }
    if (response->modified && *response->modified)
        to = add_header(to, "Last-Modified", response->modified);
    if (response->location)
        to = add_header(to, "Location", response->location);
    if (response->status == 405)
        to = add_header(to, "Allow", "GET, HEAD");
    to = add_header(to, "Connection",
                    response->keep_alive ? "keep-alive" : "close");
    strcpy(to, "\r\n");
    return text;
}

char *http_encode(const char *path, char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~/";
    char *to = text;

    for (; *path; path++) {
        if (strchr(plain, *path))
            *to++ = *path;
        else
            to += sprintf(to, "%%%02X", (unsigned)(unsigned char)*path);
    }
    *to = '\0';
    return text;
}
