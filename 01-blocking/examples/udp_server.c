/* SPDX-License-Identifier: MIT
 *
 * udp_server - prints each datagram with its sender and answers "ok". One
 * socket serves everybody: there is no connection that could hold it.
 */
#include <errno.h>
#include <time.h>

#include "examples/datagram.h"
#include "program/endpoint.h"

/* An error of recvfrom speaks of one datagram, not of the socket: go on. A
 * refusal is some earlier answer that found nobody; other errors mean that the
 * system is short of something, and trying again at once would spin. */
static void pause_after(int error)
{
    const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };

    if (error != ECONNREFUSED)
        nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9999 };
    struct address peer;
    char data[DATAGRAM_MAX];

    options_server(&options, NULL, argc, argv);
    int fd = endpoint_listen_udp(&options, NET_BLOCKING);
    if (fd < 0)
        return 1;
    for (;;) {
        ssize_t length = datagram_receive(fd, data, &peer);
        if (length < 0) {
            pause_after(errno);
            continue;
        }
        datagram_print(data, (size_t)length, &peer);
        /* Whether it arrives nobody knows, so there is nothing to check. */
        sendto(fd, "ok", 2, 0, (struct sockaddr *)&peer.bytes, peer.length);
    }
}
