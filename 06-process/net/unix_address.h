/* SPDX-License-Identifier: MIT
 *
 * unix_address.h - the address of a UNIX socket: a path, or nothing at all. A
 * client usually has no name, and a struct address of no more than its family
 * is one. Do not ask the functions of address.h what is in it.
 */
#ifndef UNIX_ADDRESS_H
#define UNIX_ADDRESS_H

#include "net/address.h"

enum { UNIX_ADDRESS_PATH_MAX = 107 }; /* bytes of a path, without its NUL */

/* Returns 0, or -1 with errno: ENAMETOOLONG for a path that does not fit,
 * ENOENT for an empty one. */
int unix_address_set(struct address *address, const char *path);

/* The path, fit to be printed and cut to ADDRESS_TEXT_MAX bytes; empty for who
 * has no name. Returns `text`. */
char *unix_address_text(const struct address *address, char *text);

/* The same, or what address_host says of an address that is none of these. */
char *unix_address_host(const struct address *address, char *text);

#endif
