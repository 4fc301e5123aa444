/* SPDX-License-Identifier: MIT
 *
 * multicast.h - one datagram for all who have joined a group, an address from
 * 224.0.0.0 to 239.255.255.255. IPv4 only.
 *
 * A group is joined on one interface, named by its own address; NULL lets the
 * kernel choose by its routes. To hear a group, listen on every address or on
 * the group's; to send to it, write to it, joined or not. Functions that
 * return int return 0, or -1 with errno: EINVAL for a name, EAFNOSUPPORT.
 */
#ifndef MULTICAST_H
#define MULTICAST_H

#include "udp/udp.h"

/* Twisted's MulticastJoinError is EINVAL, for what is no group; ENODEV, for
 * an interface that is not there; EADDRINUSE, for a group joined already.
 * EADDRNOTAVAIL: it leaves what it has not joined. */
int multicast_join_group(struct udp_port *port, const char *group,
                         const char *interface);
int multicast_leave_group(struct udp_port *port, const char *group,
                          const char *interface);

/* How many networks what we send may cross, 0 to 255; at first 1, our own. */
int multicast_get_ttl(const struct udp_port *port);
int multicast_set_ttl(struct udp_port *port, int ttl);

/* Whether what we send is heard on this machine, too; at first it is. */
int multicast_get_loopback(const struct udp_port *port);
int multicast_set_loopback(struct udp_port *port, bool on);

/* The interface that what we send leaves by; "0.0.0.0": the kernel's choice,
 * as it is at first. */
int multicast_get_interface(const struct udp_port *port,
                            struct address *address);
int multicast_set_interface(struct udp_port *port, const char *interface);

#endif
