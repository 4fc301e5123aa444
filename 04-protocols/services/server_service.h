/* SPDX-License-Identifier: MIT
 *
 * server_service.h - services that have a port while they run: Twisted's
 * TCPServer and its relatives. The constructors stand in tcp_service.c,
 * udp_service.c and unix_service.c, so that a program links only the transports
 * that it uses.
 *
 * The port is opened by the privileged start, if there is one, and by the
 * start if there was none; a stop waits until it is closed. Stop the service
 * before its reactor has ended: application.h does.
 */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "protocol/port.h"
#include "services/service.h"

struct tcp_port_options;
struct udp_options;
struct unix_port_options;
struct unix_datagram_options;

struct server_service {
    struct service base;
    struct reactor *reactor;
    struct port *port; /* the framework's; NULL: it does not listen */

    /* How this kind of server opens its port: NULL with errno. */
    struct port *(*open)(struct server_service *self);
    bool opening; /* it has not returned yet */

    /* What the constructor was given; a kind uses some of it. */
    int number;       /* the port's; or */
    const char *path; /* of its socket file */
    struct factory *factory;
    struct datagram_protocol *protocol; /* instead of a factory */
    const void *options;                /* of its kind */
};

/* What follows `reactor` is what follows it in reactor_listen_tcp and so on. It
 * is not copied, and must be there whenever the service is started. */
void server_service_init_tcp(struct server_service *self,
                             struct reactor *reactor, int number,
                             struct factory *factory,
                             const struct tcp_port_options *options);

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

void server_service_init_unix(struct server_service *self,
                              struct reactor *reactor, const char *path,
                              struct factory *factory,
                              const struct unix_port_options *options);

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

/* For the constructors: with a privileged start, and without. */
extern const struct service_class ServerService, PortClientService;

#endif
