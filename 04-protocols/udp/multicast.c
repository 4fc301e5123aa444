/* SPDX-License-Identifier: MIT */
/* struct ip_mreq is not POSIX; all systems have it, but the C library must be
 * asked. */
#define _DEFAULT_SOURCE
#include "udp/multicast.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { TTL_MAX = 255 };

/* A numeric IPv4 address. */
static int parse(struct in_addr *bytes, const char *host)
{
    struct address address;

    if (address_numeric(&address, host, 0) < 0)
        return -1;
    if (address.bytes.ss_family != AF_INET) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    const void *found = &address.bytes;
    *bytes = ((const struct sockaddr_in *)found)->sin_addr;
    return 0;
}

static int set(const struct udp_port *self, int option, const void *value,
               socklen_t length)
{
    errno = EAFNOSUPPORT;
    if (self->family != AF_INET)
        return -1;
    return setsockopt(self->base.base.fd, IPPROTO_IP, option, value, length);
}

static int get(const struct udp_port *self, int option, void *value,
               socklen_t length)
{
    errno = EAFNOSUPPORT;
    if (self->family != AF_INET)
        return -1;
    return getsockopt(self->base.base.fd, IPPROTO_IP, option, value, &length);
}

/* The interface is named by its address, as IPv4 does it; 0.0.0.0 leaves the
 * choice to the routes, and on a machine without a default route fails. */
static int change_group(const struct udp_port *self, int option,
                        const char *group, const char *interface)
{
    struct ip_mreq wanted;

    if (parse(&wanted.imr_multiaddr, group) < 0 ||
        parse(&wanted.imr_interface, interface ? interface : "0.0.0.0") < 0)
        return -1;
    return set(self, option, &wanted, sizeof(wanted));
}

int multicast_join_group(struct udp_port *self, const char *group,
                         const char *interface)
{
    return change_group(self, IP_ADD_MEMBERSHIP, group, interface);
}

int multicast_leave_group(struct udp_port *self, const char *group,
                          const char *interface)
{
    return change_group(self, IP_DROP_MEMBERSHIP, group, interface);
}

/* These two are one byte everywhere, and an int only on some systems. */
static int get_byte(const struct udp_port *self, int option)
{
    unsigned char value;

    return get(self, option, &value, sizeof(value)) < 0 ? -1 : value;
}

static int set_byte(const struct udp_port *self, int option, int number)
{
    unsigned char value = (unsigned char)number;

    return set(self, option, &value, sizeof(value));
}

int multicast_get_ttl(const struct udp_port *self)
{
    return get_byte(self, IP_MULTICAST_TTL);
}

int multicast_set_ttl(struct udp_port *self, int ttl)
{
    errno = EINVAL;
    if (ttl < 0 || ttl > TTL_MAX)
        return -1;
    return set_byte(self, IP_MULTICAST_TTL, ttl);
}

int multicast_get_loopback(const struct udp_port *self)
{
    return get_byte(self, IP_MULTICAST_LOOP);
}

int multicast_set_loopback(struct udp_port *self, bool on)
{
    return set_byte(self, IP_MULTICAST_LOOP, on);
}

int multicast_get_interface(const struct udp_port *self,
                            struct address *address)
{
    struct sockaddr_in found = { .sin_family = AF_INET };

    if (get(self, IP_MULTICAST_IF, &found.sin_addr, sizeof(found.sin_addr)) < 0)
        return -1;
    memcpy(&address->bytes, &found, sizeof(found));
    address->length = sizeof(found);
    return 0;
}

int multicast_set_interface(struct udp_port *self, const char *interface)
{
    struct in_addr wanted;

    if (parse(&wanted, interface) < 0)
        return -1;
    return set(self, IP_MULTICAST_IF, &wanted, sizeof(wanted));
}
