/* SPDX-License-Identifier: MIT
 *
 * libev_echo - an echo server on libev: the library calls, and what to do with
 * a client is that of the loop alone.
 */
#include <ev.h>
#include <stdlib.h>

#include "net/net.h"
#include "raw.h"

struct client {
    ev_io io; /* first: libev hands it back */
    struct raw_client raw;
};

static char room[RAW_ROOM];

static void on_client(struct ev_loop *loop, ev_io *io, int events)
{
    struct client *client = (struct client *)io;
    enum raw_next now = client->raw.waiting ? RAW_WRITE : RAW_READ;
    enum raw_next next = now == RAW_WRITE ? raw_write(&client->raw)
                                          : raw_read(&client->raw, room);

    (void)events;
    if (next == now)
        return;
    ev_io_stop(loop, io);
    if (next == RAW_CLOSED) {
        free(client);
        return;
    }
    ev_io_set(io, client->raw.fd, next == RAW_READ ? EV_READ : EV_WRITE);
    ev_io_start(loop, io);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
    int fd;

    (void)events;
    while ((fd = net_accept(io->fd, NULL, NET_NONBLOCKING)) >= 0) {
        struct client *client = calloc(1, sizeof(*client));
        if (!client)
            exit(1);
        client->raw.fd = fd;
        ev_io_init(&client->io, on_client, fd, EV_READ);
        ev_io_start(loop, &client->io);
    }
}

int main(int argc, char **argv)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    ev_io listener;

    ev_io_init(&listener, on_connection, raw_listen(argc, argv), EV_READ);
    ev_io_start(loop, &listener);
    ev_run(loop, 0);
    return 0;
}
