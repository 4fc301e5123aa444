/* SPDX-License-Identifier: MIT
 *
 * tcp_client.c - connectTCP up to the moment when there is a connection: where
 * to, the handshake, and what goes wrong with them.
 */
#include "stream/tcp_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"
#include "stream/resolver.h"
#include "stream/tcp_connector.h"

/* Our end and theirs are the same: nobody was listening, and the kernel has
 * given us the very port that we knocked at. */
static bool connected_to_itself(int fd, const struct address *peer)
{
    struct address local;

    return address_local(&local, fd) == 0 && local.length == peer->length &&
           !memcmp(&local.bytes, &peer->bytes, peer->length);
}

static void tcp_client_describe(const void *self, char *text)
{
    (void)self;
    strcpy(text, "Uninitialized"); /* Twisted's name for who has no protocol */
}

/* The kernel calls a descriptor writable when the handshake is over, well or
 * not. SO_ERROR tells of a bad end, and who has a peer has come to a good one.
 * If neither is so, it is not over: do_write is called once before the first
 * wait, too. */
static int tcp_client_do_write(struct descriptor *base)
{
    struct connection *self = (struct connection *)base;
    struct connection_owner *owner = connection_owner(self);
    struct address peer;
    struct failure reason;

    int error = net_error(base->fd);
    if (error)
        return error;
    if (address_peer(&peer, base->fd) < 0)
        return errno == ENOTCONN ? REASON_NONE : errno;
    if (connected_to_itself(base->fd, &peer))
        return ECONNREFUSED;
    reactor_remove_writer(connection_transport(self)->reactor, base);
    struct protocol *protocol = owner->connected(owner, &peer, &reason);
    if (protocol) {
        connection_set_class(self, &connection_class);
        connection_start(self, protocol);
        return REASON_NONE;
    }
    /* Nobody wants it: that is no failure. Or there is a reason. */
    return reason.type ? reason.number : REASON_DONE;
}

static void tcp_client_connection_lost(struct descriptor *base, int reason)
{
    struct connection_owner *owner =
        connection_owner((struct connection *)base);

    if (!owner) /* it has given up on us, and knows */
        return;
    if (reason == REASON_DONE) /* nobody wanted to talk */
        owner->connection_lost(owner,
                               (struct failure){ &ConnectionDone, 0, NULL });
    else
        /* Not an errno: the loop has ended before the handshake (C20). */
        owner->failed(owner,
                      failure_of_connect(reason > 0 ? reason : ECANCELED));
}

/* The class of a connection until there is somebody at the other end. */
static const struct descriptor_class Client = {
    .name = "Client",
    .describe = tcp_client_describe,
    .do_write = tcp_client_do_write,
    .connection_lost = tcp_client_connection_lost,
    .dispose = connection_dispose,
};

/* The connect of a socket that does not block returns at once; how it ends is
 * heard by do_write. Even an end that is known by now is told in a later turn.
 */
struct failure tcp_client_begin(struct tcp_client *client)
{
    const struct address *local =
        client->where.local.length > 0 ? &client->where.local : NULL;
    int fd = net_connect_tcp(&client->peer, local);

    /* Only if somebody asked for an end of ours: otherwise the same errors say
     * that the kernel has no port left, and nothing was bound. */
    if (fd < 0 && local && (errno == EADDRINUSE || errno == EADDRNOTAVAIL))
        return (struct failure){ &ConnectBindError, errno, NULL };
    if (fd < 0)
        return failure_of_connect(errno);
    struct connection *self =
        connection_new(client->reactor, fd, &client->peer);
    if (!self) {
        close(fd);
        return failure_of_connect(ENOMEM);
    }
    connection_set_class(self, &Client);
    connection_set_owner(self, &client->owner);
    if (reactor_add_writer(client->reactor, (struct descriptor *)self) < 0)
        connection_disconnect(self, errno); /* heard of like any other end */
    client->connection = self;
    return (struct failure){ 0 };
}

/* The peer's address is there, and is ours to free. A failure goes on to
 * `leave`, as one of the look-up would. */
static struct result found(struct result result, void *argument)
{
    struct tcp_client *self = argument;

    self->peer = *(struct address *)result.value;
    free(result.value);
    struct failure failure = tcp_client_begin(self);
    return failure.type ? result_failure(failure) : result_value(NULL);
}

/* The connection takes over, or it is over. Who has cancelled it, or the loop
 * that has ended, does not want to hear of that. */
static struct result leave(struct result result, void *argument)
{
    struct tcp_client *self = argument;

    /* Before `failed`, in which the connector forgets the look-up that it finds
     * here: this one is running, and must not be cancelled. */
    deferred_release(self->look_up);
    self->look_up = NULL;
    if (result.kind == RESULT_FAILURE &&
        !failure_check(result.failure, &CancelledError))
        self->owner.failed(&self->owner, result.failure);
    return result_value(NULL);
}

struct failure tcp_client_look_up(struct tcp_client *self)
{
    self->look_up =
        resolver_look_up(self->reactor, self->where.host, self->where.port);
    if (!self->look_up)
        return (struct failure){ &MemoryError, 0, NULL };
    /* A numeric address is there already; then all of this happens here. */
    deferred_add_callback(self->look_up, found, self);
    deferred_add_both(self->look_up, leave, self);
    return (struct failure){ 0 };
}

void tcp_client_forget(struct tcp_client *self)
{
    if (self->look_up)
        deferred_cancel(self->look_up); /* which calls `leave` */
}

struct connector *reactor_connect_tcp(struct reactor *reactor, const char *host,
                                      int port, struct factory *factory,
                                      const struct connector_options *options)
{
    struct connect_target where = { .host = host, .port = port };

    if (port < 0 || port > ADDRESS_PORT_MAX) {
        errno = EINVAL; /* not a number modulo 65536 */
        return NULL;
    }
    if (options && options->bind_address &&
        address_numeric(&where.local, options->bind_address,
                        options->bind_port) < 0)
        return NULL;
    return connector_new(reactor, &where, factory,
                         options ? options->timeout : 0);
}
