/* SPDX-License-Identifier: MIT
 *
 * unix_service.h - Twisted's UNIXServer, UNIXClient, UNIXDatagramServer and
 * UNIXDatagramClient.
 *
 * What follows `reactor` is what follows it in reactor_listen_unix and so on.
 * It is not copied, and must be there whenever the service is started.
 */
#ifndef UNIX_SERVICE_H
#define UNIX_SERVICE_H

#include "services/client_service.h"
#include "services/server_service.h"
#include "unix/unix_datagram.h"
#include "unix/unix_port.h"

void server_service_init_unix(struct server_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct unix_port_options *options);

void client_service_init_unix(struct client_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct connector_options *options);

void server_service_init_unix_datagram(
    struct server_service *self, struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options);

/* A client, but one with a port, so it is a server here. It connects in the
 * start and never in the privileged start. */
void server_service_init_unix_datagram_client(
    struct server_service *self, struct reactor *reactor, const char *path,
    struct datagram_protocol *protocol,
    const struct unix_datagram_options *options);

#endif
