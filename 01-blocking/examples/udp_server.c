/* SPDX-License-Identifier: MIT
 *
 * udp_server - prints each datagram with its sender and answers "ok". One
 * socket serves everybody: there is no connection that could hold it.
 */
#include "examples/datagram.h"
#include "program/endpoint.h"

int main(int argc, char **argv)
{
    struct options options = { .port = 9999,
                               .about = "answers each datagram with \"ok\"." };
    struct address peer;
    char data[DATAGRAM_MAX];

    options_server(&options, NULL, argc, argv);
    int fd = endpoint_listen_udp(&options, NET_BLOCKING);
    if (fd < 0)
        return 1;
    for (;;) {
        ssize_t length = datagram_receive(fd, data, &peer);
        if (length < 0) {
            /* The socket is not broken: the kernel lacks memory, or something
             * else is used up for the moment. */
            net_rest();
            continue;
        }
        datagram_print(data, (size_t)length, &peer);
        /* Whether it arrives nobody knows, so there is nothing to check. */
        sendto(fd, "ok", 2, 0, (struct sockaddr *)&peer.bytes, peer.length);
    }
}
