/* SPDX-License-Identifier: MIT
 *
 * endpoint.c - what every main would do between its options and reactor_run.
 * Whatever fails is said here, and makes the status 1.
 */
#include "program/endpoint.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A signal that comes between the ready line and the loop would kill us, and
 * nothing would be closed or removed: it waits for the loop, which lets in what
 * it handles. */
static void hold_signals(void)
{
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
}

struct reactor *endpoint_reactor(const struct options *options)
{
    struct reactor *reactor = reactor_new(options->reactor);

    if (!reactor)
        exit(options_failed(options, "reactor", strerror(errno)));
    if (!options->host) /* a client has nothing to close, and may wait long */
        hold_signals();
    return reactor;
}

/* A failure is explained by a second look-up: all that reactor_listen_tcp says
 * is errno, and there is none for a name that does not exist. */
struct port *endpoint_listen_logged(const struct options *options,
                                    struct reactor *reactor,
                                    struct factory *factory)
{
    const struct tcp_port_options where = { .interface = options->interface,
                                            .backlog = SOMAXCONN };
    struct port *port =
        reactor_listen_tcp(reactor, options->port, factory, &where);
    struct address address;
    char what[ADDRESS_TEXT_MAX];

    if (port)
        return port;
    int error = errno; /* the look-up sets it anew */
    const char *why =
        address_resolve(&address, options->interface, options->port);
    snprintf(what, sizeof(what), "%.60s:%d", options->interface, options->port);
    options_failed(options, why ? options->interface : what,
                   why ? why : strerror(error));
    reactor_free(reactor);
    exit(EXIT_FAILURE);
}

struct port *endpoint_listen_tcp(const struct options *options,
                                 struct reactor *reactor,
                                 struct factory *factory)
{
    struct port *port = endpoint_listen_logged(options, reactor, factory);
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    if (port_get_host(port, &address) == 0)
        printf("listening on %s\n", address_text(&address, text));
    return port;
}

/* Fails for want of memory only, or for a port that does not exist. Whether the
 * server is there turns out in the loop, and the factory hears it. */
struct connector *endpoint_connect_tcp(const struct options *options,
                                       struct reactor *reactor,
                                       struct factory *factory)
{
    struct connector *connector = reactor_connect_tcp(
        reactor, options->host, options->port, factory, NULL);

    if (connector)
        return connector;
    options_failed(options, options->host, strerror(errno));
    reactor_free(reactor);
    exit(EXIT_FAILURE);
}

int endpoint_run(const struct options *options, struct reactor *reactor)
{
    int status = EXIT_SUCCESS;

    if (reactor_run(reactor) < 0)
        status = options_failed(options, "reactor", strerror(errno));
    /* If the loop could not go on, those who are connected hear it here. */
    reactor_free(reactor);
    return status;
}
