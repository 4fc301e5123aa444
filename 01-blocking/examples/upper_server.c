/* SPDX-License-Identifier: MIT
 *
 * upper_server - sends back in capitals what a client sends, one client after
 * the other: whoever connects second waits until the first has left. It makes
 * the calls of a server itself, in sight; all other programs leave them to
 * net/net.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "program/options.h"

enum {
    BACKLOG = 5,       /* clients that may wait; Linux lets one more */
    MESSAGE_MAX = 1024 /* bytes that one recv may bring */
};

/* A child of this process would inherit the descriptor, and with it the
 * connection: close would no longer end it. So each gets this flag. */
static int close_on_exec(int fd)
{
    return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* socket, bind, listen: from nothing to a descriptor that clients can reach.
 * Returns it, or -1 with errno. */
static int open_listener(const struct address *address)
{
    const int on = 1;

    /* A stream of bytes over this family of addresses: TCP. It has no address
     * and no peer yet. */
    int listener = socket(address->bytes.ss_family, SOCK_STREAM, 0);
    if (listener < 0 || close_on_exec(listener) < 0)
        return -1;
    /* The kernel keeps the port of a closed connection for a minute, in case a
     * late segment comes. Without this a server that is started again within
     * that minute is told "Address already in use". */
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        return -1;
    /* The address is ours from here on; port 0 lets the kernel choose one. */
    if (bind(listener, (const struct sockaddr *)&address->bytes,
             address->length) < 0)
        return -1;
    /* The kernel answers whoever connects, and keeps them for us in a queue. */
    return listen(listener, BACKLOG) < 0 ? -1 : listener;
}

/* accept takes the first client out of that queue and sleeps while it is empty.
 * What comes back is a second descriptor, for this one conversation; the
 * listener goes on listening. Returns -1 with errno when it makes no sense to
 * try again. */
static int accept_client(int listener)
{
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0) {
            close_on_exec(client);
            return client;
        }
        /* No descriptor or no memory for it: the client stays in the queue, and
         * accept would fail again at once, and again. */
        if (net_accept_exhausted(errno))
            net_rest();
        else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO &&
                 errno != EPERM) /* it has gone, or a firewall forbids it */
            return -1;
    }
}

/* ASCII only: toupper would ask the locale, and cut letters of two bytes. */
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
    struct options options = { .port = 9000,
                               .about = "sends back in capitals what comes." };
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    options_server(&options, NULL, argc, argv);
    const char *why =
        address_resolve(&address, options.interface, options.port);
    if (why)
        return options_failed(&options, options.interface, why);
    int listener = open_listener(&address);
    if (listener < 0)
        return options_failed(&options, address_text(&address, text),
                              strerror(errno));
    /* Which port has it become? Whoever reads this line can connect. */
    if (address_local(&address, listener) == 0)
        printf("listening on %s\n", address_text(&address, text));
    for (;;) {
        int client = accept_client(listener);
        if (client < 0)
            return options_failed(&options, "accept", strerror(errno));
        serve(client);
        close(client);
    }
}
