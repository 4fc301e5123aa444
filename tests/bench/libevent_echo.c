/* SPDX-License-Identifier: MIT
 *
 * libevent_echo - an echo server on libevent's bufferevents, which move bytes
 * from one queue to the other without a copy.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

#include "net/net.h"
#include "raw.h"

enum { HIGH_WATER = 1 << 20 }; /* bytes queued; above, the peer is not read */

static void on_readable(struct bufferevent *client, void *unused)
{
    struct evbuffer *output = bufferevent_get_output(client);

    (void)unused;
    evbuffer_add_buffer(output, bufferevent_get_input(client));
    if (evbuffer_get_length(output) > HIGH_WATER)
        bufferevent_disable(client, EV_READ);
}

static void on_drained(struct bufferevent *client, void *unused)
{
    (void)unused;
    bufferevent_enable(client, EV_READ);
}

static void on_end(struct bufferevent *client, short events, void *unused)
{
    (void)events, (void)unused;
    bufferevent_free(client);
}

static void on_connection(evutil_socket_t listener, short events, void *base)
{
    int fd;

    (void)events;
    while ((fd = net_accept(listener, NULL, NET_NONBLOCKING)) >= 0) {
        struct bufferevent *client =
            bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
        if (!client)
            exit(1);
        bufferevent_setcb(client, on_readable, on_drained, on_end, NULL);
        bufferevent_enable(client, EV_READ | EV_WRITE);
    }
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct event *listener =
        base ? event_new(base, raw_listen(argc, argv), EV_READ | EV_PERSIST,
                         on_connection, base)
             : NULL;

    if (!listener || event_add(listener, NULL) < 0)
        return 1;
    event_base_dispatch(base);
    return 0;
}
