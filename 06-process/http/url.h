/* SPDX-License-Identifier: MIT
 *
 * url.h - the parts of an http or https URL.
 *
 *     http[s]://HOST[:PORT][/PATH][?QUERY][#FRAGMENT]
 *
 * A plain value. HOST is a name, an IPv4 address, or an IPv6 address in
 * brackets; user names and other schemes are refused.
 */
#ifndef URL_H
#define URL_H

#include <stdbool.h>

enum {
    URL_MAX = 2048,     /* bytes of a path with its query, and a NUL */
    URL_HOST_MAX = 256, /* bytes of a host, with its NUL */
};

struct url {
    char host[URL_HOST_MAX]; /* as connect_tcp wants it: no brackets */
    int port;                /* 80 or 443 if the URL has none */
    bool secure;             /* https */
    char path[URL_MAX];      /* "/" at least, no "..", with the query */
};

/* Takes a URL apart. Returns 0, or -1 with EINVAL: then `url` is as it was. */
int url_parse(struct url *url, const char *text);

/* Goes where `reference`, a whole URL, "//host/path", "/path", "../file" or
 * "?query", leads from `url`. Returns 0, or -1 with EINVAL: then `url` is as
 * it was. */
int url_follow(struct url *url, const char *reference);

/* What the header Host says: the host, in brackets if it has colons, and the
 * port unless it is the usual one. Writes it into URL_HOST_MAX + 10 bytes,
 * returns them.
 */
const char *url_authority(const struct url *url, char *text);

#endif
