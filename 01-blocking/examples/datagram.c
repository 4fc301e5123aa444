/* SPDX-License-Identifier: MIT */
#include "examples/datagram.h"

#include <errno.h>
#include <stdio.h>

#include "net/text.h"

/* One datagram, whatever its size: `data` has room for the largest, else the
 * kernel would throw away what does not fit, without a word. */
ssize_t datagram_receive(int fd, char *data, struct address *from)
{
    ssize_t length;

    do {
        /* In: the room there is; out: the length of the address. */
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
