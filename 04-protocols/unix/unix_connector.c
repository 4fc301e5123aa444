/* SPDX-License-Identifier: MIT
 *
 * unix_connector.c - the client's half of unix_port.h: what is not as it is
 * with TCP is the address.
 */
#include <errno.h>

#include "net/address.h"
#include "stream/tcp_client.h"
#include "unix/unix_port.h"

/* The kernel connects at once or not at all. EAGAIN means that the server's
 * queue is full; the descriptor would never become writable. */
static struct failure begin(struct tcp_client *self)
{
    if (address_from_path(&self->peer, self->where.host) < 0)
        return failure_of_connect(errno);
    return tcp_client_begin(self);
}

struct connector *reactor_connect_unix(struct reactor *reactor,
                                       const char *path,
                                       struct factory *factory,
                                       const struct connector_options *options)
{
    const struct connect_target where = { .host = path, .connect = begin };

    return connector_new(reactor, &where, factory,
                         options ? options->timeout : 0);
}
