/* SPDX-License-Identifier: MIT */
#include "raw.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program/endpoint.h"

int raw_listen(int argc, char **argv)
{
    struct options options = { .port = 8000 };

    options_server(&options, NULL, argc, argv);
    int fd = endpoint_listen_tcp(&options, RAW_BACKLOG, NET_NONBLOCKING);
    if (fd < 0)
        exit(1);
    return fd;
}

enum raw_next raw_hang_up(struct raw_client *client)
{
    close(client->fd);
    free(client->waiting);
    client->waiting = NULL;
    return RAW_CLOSED;
}

static enum raw_next keep(struct raw_client *client, const char *rest,
                          size_t length)
{
    char *grown = realloc(client->waiting, client->length + length);

    if (!grown)
        return raw_hang_up(client);
    memcpy(grown + client->length, rest, length);
    client->waiting = grown;
    client->length += length;
    return RAW_WRITE;
}

enum raw_next raw_send(struct raw_client *client, const char *bytes,
                       size_t length)
{
    if (client->waiting)
        return keep(client, bytes, length);
    ssize_t sent = send(client->fd, bytes, length, MSG_NOSIGNAL);
    if (sent == (ssize_t)length)
        return RAW_READ;
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return raw_hang_up(client);
    sent = sent > 0 ? sent : 0;
    return keep(client, bytes + sent, length - (size_t)sent);
}

enum raw_next raw_read(struct raw_client *client, char *room)
{
    ssize_t length = recv(client->fd, room, RAW_ROOM, 0);

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return RAW_READ;
    if (length <= 0)
        return raw_hang_up(client);
    return raw_send(client, room, (size_t)length);
}

enum raw_next raw_write(struct raw_client *client)
{
    ssize_t sent = send(client->fd, client->waiting + client->sent,
                        client->length - client->sent, MSG_NOSIGNAL);

    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? RAW_WRITE
                                                 : raw_hang_up(client);
    client->sent += (size_t)sent;
    if (client->sent < client->length)
        return RAW_WRITE;
    free(client->waiting);
    client->waiting = NULL;
    client->length = client->sent = 0;
    return RAW_READ;
}
