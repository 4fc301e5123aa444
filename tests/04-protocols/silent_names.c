/* SPDX-License-Identifier: MIT
 *
 * A name server that never answers: linked into a program with ld's
 * --wrap=getaddrinfo. Says "asked" on standard error.
 */
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

int __wrap_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **found);

int __wrap_getaddrinfo(const char *host, const char *service,
                       const struct addrinfo *hints, struct addrinfo **found)
{
    (void)service, (void)hints, (void)found;
    fprintf(stderr, "asked for %s\n", host);
    for (;;)
        pause();
}
