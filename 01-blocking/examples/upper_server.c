/* SPDX-License-Identifier: MIT
 *
 * upper_server - sends back in capitals what a client sends, one client after
 * the other: whoever connects second waits until the first has left.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program/endpoint.h"

enum {
    BACKLOG = 5,       /* clients that may wait; Linux lets one more */
    MESSAGE_MAX = 1024 /* bytes that one recv may bring */
};

static void to_upper(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] -= 'a' - 'A';
}

/* Talks to one client until it leaves. Both calls block, and while they do
 * nobody else is served. */
static void serve(int client)
{
    char message[MESSAGE_MAX];

    for (;;) {
        ssize_t length = net_receive(client, message, sizeof(message));
        if (length <= 0)
            return;
        to_upper(message, (size_t)length);
        if (net_send_all(client, message, (size_t)length) < 0)
            return;
    }
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9000 };

    options_server(&options, NULL, argc, argv);
    int listener = endpoint_listen_tcp(&options, BACKLOG, NET_BLOCKING);
    if (listener < 0)
        return 1;
    for (;;) {
        int client = endpoint_accept(listener, NULL);
        if (client < 0)
            return options_failed(&options, "accept", strerror(errno));
        serve(client);
        close(client);
    }
}
