/* SPDX-License-Identifier: MIT
 *
 * ssl_service.h - Twisted's SSLServer and SSLClient.
 *
 * What follows `reactor` is what follows it in reactor_listen_ssl and in
 * reactor_connect_ssl. It is not copied, and must be there whenever the service
 * is started.
 */
#ifndef SSL_SERVICE_H
#define SSL_SERVICE_H

#include "services/client_service.h"
#include "services/server_service.h"
#include "tls/ssl_connector.h"
#include "tls/ssl_port.h"

void server_service_init_ssl(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct factory *factory,
                             const struct ssl_port_options *options);

void client_service_init_ssl(struct client_service *self,
                             struct reactor *reactor, const char *host,
                             int number, struct factory *factory,
                             const struct ssl_connector_options *options);

#endif
