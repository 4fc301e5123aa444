/* SPDX-License-Identifier: MIT */
#include "net/unix_address.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "protocol/log.h"

_Static_assert(UNIX_ADDRESS_PATH_MAX <
                   sizeof(((struct sockaddr_un *)0)->sun_path),
               "a path and its NUL must fit");

int unix_address_set(struct address *address, const char *path)
{
    struct sockaddr_un *bytes = (struct sockaddr_un *)&address->bytes;
    size_t length = strlen(path);

    /* Linux would choose a name by itself for an empty one. */
    if (length == 0 || length > UNIX_ADDRESS_PATH_MAX) {
        errno = length == 0 ? ENOENT : ENAMETOOLONG;
        return -1;
    }
    bytes->sun_family = AF_UNIX;
    strcpy(bytes->sun_path, path);
    address->length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

char *unix_address_text(const struct address *address, char *text)
{
    const char *bytes = (const char *)&address->bytes;
    size_t start = offsetof(struct sockaddr_un, sun_path), length = 0;

    if (address->length > start)
        length = address->length - start;
    /* A NUL ends the path. One in front begins a name that is no file. */
    if (length > 0 && bytes[start])
        length = strnlen(bytes + start, length);
    return log_escape(bytes + start, length, text, ADDRESS_TEXT_MAX);
}

char *unix_address_host(const struct address *address, char *text)
{
    return address->bytes.ss_family == AF_UNIX
               ? unix_address_text(address, text)
               : address_host(address, text);
}
