/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "net/text.h"

_Static_assert(ADDRESS_PATH_MAX < sizeof(((struct sockaddr_un *)0)->sun_path),
               "a path and its NUL must fit");

const char *address_resolve(struct address *address, const char *host, int port)
{
    struct addrinfo hints = { .ai_family = AF_INET,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    char service[16];

    snprintf(service, sizeof(service), "%d", port);
    int error = getaddrinfo(host, service, &hints, &found);
    if (error) {
        /* The IPv4 answer says best what is wrong with a name. */
        const char *why = gai_strerror(error);
        hints.ai_family = AF_INET6;
        if (getaddrinfo(host, service, &hints, &found))
            return why;
    }
    memcpy(&address->bytes, found->ai_addr, found->ai_addrlen);
    address->length = found->ai_addrlen;
    freeaddrinfo(found);
    return NULL;
}

int address_from_path(struct address *address, const char *path)
{
    struct sockaddr_un *bytes = (struct sockaddr_un *)&address->bytes;
    size_t length = strlen(path);

    /* Linux would choose a name by itself for an empty one. */
    if (length == 0 || length > ADDRESS_PATH_MAX) {
        errno = length == 0 ? ENOENT : ENAMETOOLONG;
        return -1;
    }
    bytes->sun_family = AF_UNIX;
    strcpy(bytes->sun_path, path);
    address->length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

int address_local(struct address *address, int fd)
{
    address->length = sizeof(address->bytes);
    return getsockname(fd, (struct sockaddr *)&address->bytes,
                       &address->length);
}

int address_peer(struct address *address, int fd)
{
    address->length = sizeof(address->bytes);
    return getpeername(fd, (struct sockaddr *)&address->bytes,
                       &address->length);
}

static char *path_text(const struct address *address, char *text)
{
    const char *bytes = (const char *)&address->bytes;
    size_t start = offsetof(struct sockaddr_un, sun_path), length = 0;

    if (address->length > start)
        length = address->length - start;
    /* A NUL ends the path. One in front begins a name that is no file. */
    if (length > 0 && bytes[start])
        length = strnlen(bytes + start, length);
    return text_escape(bytes + start, length, text, ADDRESS_TEXT_MAX,
                       TEXT_LINE);
}

char *address_host(const struct address *address, char *text)
{
    const struct sockaddr *bytes = (const struct sockaddr *)&address->bytes;

    if (address->bytes.ss_family == AF_UNIX)
        return path_text(address, text);
    if (getnameinfo(bytes, address->length, text, ADDRESS_TEXT_MAX, NULL, 0,
                    NI_NUMERICHOST))
        strcpy(text, "?");
    return text;
}

int address_port(const struct address *address)
{
    const void *bytes = &address->bytes;

    if (address->bytes.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)bytes)->sin6_port);
    return ntohs(((const struct sockaddr_in *)bytes)->sin_port);
}

char *address_text(const struct address *address, char *text)
{
    char host[ADDRESS_TEXT_MAX];
    const char *format =
        address->bytes.ss_family == AF_INET6 ? "[%.64s]:%d" : "%.64s:%d";

    if (address->bytes.ss_family == AF_UNIX)
        return path_text(address, text);
    snprintf(text, ADDRESS_TEXT_MAX, format, address_host(address, host),
             address_port(address));
    return text;
}
