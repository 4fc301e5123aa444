/* SPDX-License-Identifier: MIT
 *
 * ssl_talk.h - connections through the fake helper, tests/tools/tls_helper.c,
 * whose path is in TLS_TOOL. For the ssl_*_test.c beside it.
 */
#ifndef SSL_TALK_H
#define SSL_TALK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/net.h"
#include "talk.h"
#include "tls/ssl_connector.h"
#include "tls/ssl_port.h"

enum { MEGABYTE = 1 << 20 };

/* How the next helpers behave; "" is well. */
static inline void ssl_mode(const char *mode)
{
    static char name[40]; /* other pollers work beside us, in this folder */

    if (!*name) {
        sprintf(name, "%d", (int)getpid());
        mkdir(name, 0700);
        CHECK(chdir(name) == 0);
    }
    setenv("TLS_HELPER", mode, 1);
}

static inline const char *ssl_helper(void)
{
    const char *helper = getenv("TLS_TOOL");

    CHECK(helper != NULL);
    return helper;
}

/* Sends back what it gets. */
static void echo_received(struct protocol *self, const char *data,
                          size_t length)
{
    transport_write(self->transport, data, length);
}

static const struct protocol_class Echo = { .name = "Echo",
                                            .size = sizeof(struct protocol),
                                            .data_received = echo_received };

/* --- a client, and a peer that is a bare socket --- */

/* The options stay; a case may change them before ssl_call. */
static struct ssl_connector_options client_options;

static inline void ssl_call(struct talk *talk, const char *host, int number)
{
    talk->connector = reactor_connect_ssl(talk->reactor, host, number,
                                          &talk->base, &client_options);
    CHECK(talk->connector != NULL);
}

/* A loop, a listening peer, and a helper of this mode that is on its way. */
static inline int ssl_client(struct talk *talk, const char *poller,
                             const struct protocol_class *class,
                             const char *mode)
{
    ssl_mode(mode);
    client_options = (struct ssl_connector_options){ .helper = ssl_helper() };
    talk_new(talk, poller, class);
    int listener = peer_listen(20, &talk->number);
    ssl_call(talk, "127.0.0.1", talk->number);
    return listener;
}

/* Waits until both ends are there; returns the peer's. */
static inline int ssl_accept(struct talk *talk, int listener)
{
    int fd = -1, made = talk->made;

    TALK_UNTIL(talk, (fd = net_accept(listener, NULL, NET_NONBLOCKING)) >= 0);
    TALK_UNTIL(talk, talk->made == made + 1);
    return fd;
}

/* --- a server --- */

static inline struct port *ssl_listen(struct talk *talk, int *number,
                                      const struct ssl_port_options *more)
{
    struct ssl_port_options options = { .children_max = 0 };
    struct address address;

    if (more)
        options = *more;
    options.interface = "127.0.0.1";
    options.helper = ssl_helper();
    options.certificate = ssl_helper(); /* a file that can be read */
    struct port *port =
        reactor_listen_ssl(talk->reactor, 0, &talk->base, &options);
    CHECK(port && port_get_host(port, &address) == 0);
    *number = address_port(&address);
    return port;
}

/* --- the end of every case --- */

/* No child of ours is left, not even a dead one. */
static inline void ssl_free(struct talk *talk)
{
    talk_free(talk);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static inline bool has_children(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

#endif
