/* SPDX-License-Identifier: MIT
 *
 * tcp_service.h - Twisted's TCPServer and TCPClient.
 *
 * What follows `reactor` is what follows it in reactor_listen_tcp and in
 * reactor_connect_tcp. It is not copied, and must be there whenever the service
 * is started.
 */
#ifndef TCP_SERVICE_H
#define TCP_SERVICE_H

#include "services/client_service.h"
#include "services/server_service.h"
#include "stream/tcp_port.h"

void server_service_init_tcp(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct factory *factory,
                             const struct tcp_port_options *options);

void client_service_init_tcp(struct client_service *self,
                             struct reactor *reactor, const char *host,
                             int number, struct factory *factory,
                             const struct connector_options *options);

#endif
