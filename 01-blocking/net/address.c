/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

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

/* getnameinfo with NI_NUMERICHOST asks no name server, so it does not wait. It
 * writes the interface of a link-local address too: fe80::1%eth0. */
char *address_host(const struct address *address, char *text)
{
    const struct sockaddr *bytes = (const struct sockaddr *)&address->bytes;

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

    snprintf(text, ADDRESS_TEXT_MAX, format, address_host(address, host),
             address_port(address));
    return text;
}
