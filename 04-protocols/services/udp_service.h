/* SPDX-License-Identifier: MIT
 *
 * udp_service.h - Twisted's UDPServer and MulticastServer.
 *
 * What follows `reactor` is what follows it in reactor_listen_udp. It is not
 * copied, and must be there whenever the service is started.
 */
#ifndef UDP_SERVICE_H
#define UDP_SERVICE_H

#include "services/server_service.h"
#include "udp/udp.h"

void server_service_init_udp(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct datagram_protocol *protocol,
                             const struct udp_options *options);

/* A UDP server whose port others may have, too; the groups are joined by its
 * protocol, in start_protocol. */
void server_service_init_multicast(struct server_service *self,
                                   struct reactor *reactor, int number,
                                   struct datagram_protocol *protocol,
                                   const struct udp_options *options);

#endif
