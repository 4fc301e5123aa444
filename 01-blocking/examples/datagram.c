/* SPDX-License-Identifier: MIT */
#include "examples/datagram.h"

#include <errno.h>
#include <stdio.h>

#include "net/text.h"

ssize_t datagram_receive(int fd, char *data, struct address *from)
{
    ssize_t length;

    do {
        from->length = sizeof(from->bytes);
        length = recvfrom(fd, data, DATAGRAM_MAX, 0,
                          (struct sockaddr *)&from->bytes, &from->length);
    } while (length < 0 && errno == EINTR);
    return length;
}

void datagram_print(const char *data, size_t length, const struct address *from)
{
    char host[ADDRESS_TEXT_MAX];

    text_print(data, length, TEXT_LINE);
    printf(" %s %d\n", address_host(from, host), address_port(from));
}
