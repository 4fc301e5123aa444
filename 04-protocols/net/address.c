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

/* Asks the C library for an address of this family. Returns 0 or an EAI_
 * number. SOCK_STREAM only keeps it from naming each address once a kind of
 * socket. Of a name with several addresses the first is taken. */
static int look_up(struct address *address, const char *host, int port,
                   int family, int flags)
{
    const struct addrinfo hints = { .ai_family = family,
                                    .ai_flags = flags,
                                    .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    char service[16];

    /* The C library takes the lower 16 bits of a number that is too large:
     * 65536 would be port 0, and 74536 somebody's port 9000. */
    if (port < 0 || port > ADDRESS_PORT_MAX)
        return EAI_SERVICE;
    snprintf(service, sizeof(service), "%d", port);
    int error = getaddrinfo(host, service, &hints, &found);
    if (error)
        return error;
    memcpy(&address->bytes, found->ai_addr, found->ai_addrlen);
    address->length = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

const char *address_resolve(struct address *address, const char *host, int port)
{
    int error = look_up(address, host, port, AF_INET, 0);
    if (!error || !look_up(address, host, port, AF_INET6, 0))
        return NULL;
    errno = error == EAI_SERVICE ? EINVAL : EADDRNOTAVAIL;
    return gai_strerror(error); /* IPv4's says best what is wrong with a name */
}

/* For the loop, which must not wait for a name server. Without a host,
 * getaddrinfo would answer with our own address. */
int address_numeric(struct address *address, const char *host, int port)
{
    if (host && !look_up(address, host, port, AF_UNSPEC, AI_NUMERICHOST))
        return 0;
    errno = EINVAL;
    return -1;
}

/* The length counts the NUL, so that the path ends wherever it is read. */
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

/* In: the room there is; out: how long the address is. So the length is set
 * anew for each call. */
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

/* A socket that was never bound has a family and nothing behind it. */
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

/* getnameinfo with NI_NUMERICHOST asks no name server, so it does not wait. It
 * writes the interface of a link-local address too: fe80::1%eth0. */
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

/* Ports travel with the high byte first; ntohs brings them into the order of
 * this machine. */
int address_port(const struct address *address)
{
    const void *bytes = &address->bytes;

    if (address->bytes.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)bytes)->sin6_port);
    return ntohs(((const struct sockaddr_in *)bytes)->sin_port);
}

/* Brackets, because an IPv6 address is full of colons itself. */
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
