/* SPDX-License-Identifier: MIT
 *
 * sha1.h - the SHA-1 of bytes that come piece by piece, FIPS 180-4: sha1_init,
 * sha1_add as often as there are bytes, sha1_finish once.
 *
 * A plain value that owns nothing and asks nobody: any thread may use one of
 * its own, and one that is not finished is simply forgotten. Good for telling
 * files apart; who wants to deceive can make two files with one SHA-1.
 */
#ifndef SHA1_H
#define SHA1_H

#include <stddef.h>
#include <stdint.h>

enum {
    SHA1_BLOCK = 64,   /* bytes that are worked on at a time */
    SHA1_TEXT_MAX = 41 /* 40 hexadecimal digits and a NUL */
};

struct sha1 {
    uint32_t state[5];
    uint64_t length;                 /* bytes so far */
    unsigned char block[SHA1_BLOCK]; /* those that fill no block yet */
};

void sha1_init(struct sha1 *self);
void sha1_add(struct sha1 *self, const void *data, size_t length);

/* Writes the sum as sha1sum does, in small letters, into SHA1_TEXT_MAX bytes,
 * and returns them. Before it is used again it needs sha1_init. */
char *sha1_finish(struct sha1 *self, char *text);

#endif
