/* SPDX-License-Identifier: MIT */
#include "http/url.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int refuse(void)
{
    errno = EINVAL;
    return -1;
}

/* Only what may stand in a request line: a blank or a line end in a URL would
 * let its author write headers of his own. */
static int is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return 0;
    return 1;
}

static int usual_port(const struct url *url)
{
    return url->secure ? 443 : 80;
}

/* Digits up to `end`, 1 to 65535; nothing at all is the usual one. */
static int parse_port(const char *text, const char *end, int usual)
{
    int port = 0;

    if (text == end)
        return usual;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || port > 65535)
            return -1;
        port = port * 10 + (*text - '0');
    }
    return port >= 1 && port <= 65535 ? port : -1;
}

/* HOST[:PORT], up to `end`. */
static int parse_authority(struct url *url, const char *text, const char *end)
{
    const char *host = text, *host_end;

    if (*text == '[') {
        host++;
        host_end = memchr(host, ']', (size_t)(end - host));
        text = host_end ? host_end + 1 : end;
    } else {
        host_end = memchr(text, ':', (size_t)(end - text));
        text = host_end = host_end ? host_end : end;
    }
    if (!host_end || host_end == host ||
        memchr(host, '@', (size_t)(end - host)))
        return refuse();
    if (text < end && *text != ':')
        return refuse();
    size_t length = (size_t)(host_end - host);
    url->port = parse_port(text < end ? text + 1 : end, end, usual_port(url));
    if (length >= sizeof(url->host) || url->port < 0)
        return refuse();
    memcpy(url->host, host, length);
    url->host[length] = '\0';
    return 0;
}

/* Goes where "." and ".." in a path lead: RFC 3986, 5.2.4. */
static void remove_dots(char *path)
{
    char *from = path, *to = path;

    while (*from == '/') { /* one segment after the other */
        size_t size = 1 + strcspn(from + 1, "/?");
        bool up = size == 3 && !memcmp(from, "/..", 3);
        if (up || (size == 2 && from[1] == '.')) {
            while (up && to > path && *--to != '/')
                ;
            if (from[size] != '/') /* it was the last one */
                *to++ = '/';
        } else {
            memmove(to, from, size);
            to += size;
        }
        from += size;
    }
    memmove(to, from, strlen(from) + 1);
}

/* What follows the host. */
static int parse_path(struct url *url, const char *text)
{
    size_t length = strcspn(text, "#");
    const char *slash = *text == '/' ? "" : "/"; /* "http://host?query" */

    if (length + 2 > sizeof(url->path))
        return refuse();
    sprintf(url->path, "%s%.*s", slash, (int)length, text);
    remove_dots(url->path);
    return 0;
}

int url_parse(struct url *url, const char *text)
{
    struct url parsed;

    parsed.secure = strncasecmp(text, "https://", 8) == 0;
    if ((!parsed.secure && strncasecmp(text, "http://", 7) != 0) ||
        !is_printable(text))
        return refuse();
    text += parsed.secure ? 8 : 7;
    const char *end = text + strcspn(text, "/?#");
    if (parse_authority(&parsed, text, end) < 0 || parse_path(&parsed, end) < 0)
        return -1;
    *url = parsed;
    return 0;
}

/* A file beside the one we are at; the same with another query; the same. */
static int follow_relative(struct url *url, const char *reference)
{
    char path[URL_MAX];
    size_t kept = strcspn(url->path, "?");

    if (*reference == '#' || !*reference)
        return 0;
    if (*reference != '?')
        while (kept > 0 && url->path[kept - 1] != '/')
            kept--;
    if (kept + strlen(reference) >= sizeof(path))
        return refuse();
    sprintf(path, "%.*s%s", (int)kept, url->path, reference);
    return parse_path(url, path);
}

int url_follow(struct url *url, const char *reference)
{
    char whole[URL_MAX];

    if (!is_printable(reference))
        return refuse();
    if (reference[0] == '/' && reference[1] == '/') {
        if (snprintf(whole, sizeof(whole), "%s:%s",
                     url->secure ? "https" : "http", reference) >= URL_MAX)
            return refuse();
        return url_parse(url, whole);
    }
    if (reference[0] == '/')
        return parse_path(url, reference);
    if (reference[strcspn(reference, ":/?#")] == ':') /* a scheme */
        return url_parse(url, reference);
    return follow_relative(url, reference);
}

const char *url_authority(const struct url *url, char *text)
{
    const char *open = strchr(url->host, ':') ? "[" : "";
    const char *close = *open ? "]" : "";

    if (url->port == usual_port(url))
        sprintf(text, "%s%s%s", open, url->host, close);
    else
        sprintf(text, "%s%s%s:%d", open, url->host, close, url->port);
    return text;
}
