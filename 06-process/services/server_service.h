/* SPDX-License-Identifier: MIT
 *
 * server_service.h - services that have a port while they run: Twisted's
 * TCPServer and its relatives. The constructors are in tcp_service.h,
 * udp_service.h and unix_service.h, so that a program links only the transports
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

struct server_service {
    struct service base;
    struct reactor *reactor;
    struct port *port; /* the framework's; NULL: it does not listen */
    bool opening;      /* `open` has not returned yet */

    /* What the constructor was given; a kind uses some of it. */
    int number;       /* the port's; or */
    const char *path; /* of its socket file */
    struct factory *factory;
    struct datagram_protocol *protocol; /* instead of a factory */
    const struct tcp_port_options *tcp_options;
    const struct udp_options *udp_options;
    const struct unix_port_options *unix_options;
    const struct unix_datagram_options *unix_datagram_options;
};

/* A kind of server: the class of a service, whose start, privileged start and
 * stop are those below, and how its port is opened: NULL with errno. */
struct server_service_class {
    struct service_class base;
    struct port *(*open)(struct server_service *self);
};

int server_service_start(struct service *self);
void server_service_stop(struct service *self);

#endif
