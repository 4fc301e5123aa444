/* SPDX-License-Identifier: MIT
 *
 * sha1.c - as FIPS 180-4 has it, byte by byte: no word is read from memory as
 * a word, so it is the same on machines of either byte order.
 */
#include "examples/sha1.h"

#include <stdio.h>
#include <string.h>

enum { LENGTH_AT = SHA1_BLOCK - 8 }; /* where the last block has the length */

static uint32_t rotate(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

/* The standard's function and constant of round `i`, added. */
static uint32_t mix(int i, uint32_t b, uint32_t c, uint32_t d)
{
    if (i < 20)
        return ((b & c) | (~b & d)) + 0x5a827999;
    if (i < 40)
        return (b ^ c ^ d) + 0x6ed9eba1;
    if (i < 60)
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

/* 80 rounds, each with a word: those of the block are 16, and the others are
 * mixed from them. */
static void add_block(uint32_t state[5], const unsigned char *block)
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], word[80];

    for (int i = 0; i < 16; i++, block += 4)
        word[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
                  (uint32_t)block[2] << 8 | block[3];
    for (int i = 16; i < 80; i++)
        word[i] =
            rotate(word[i - 3] ^ word[i - 8] ^ word[i - 14] ^ word[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t next = rotate(a, 5) + mix(i, b, c, d) + e + word[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void sha1_init(struct sha1 *self)
{
    *self = (struct sha1){ .state = { 0x67452301, 0xefcdab89, 0x98badcfe,
                                      0x10325476, 0xc3d2e1f0 } };
}

/* Bytes come in pieces of any length; what fills no block waits in `block`, and
 * is the beginning of the next one. */
void sha1_add(struct sha1 *self, const void *data, size_t length)
{
    const unsigned char *next = data;
    size_t there = self->length % SHA1_BLOCK;

    self->length += length;
    while (length >= SHA1_BLOCK - there) { /* a block is full */
        size_t missing = SHA1_BLOCK - there;
        memcpy(self->block + there, next, missing);
        add_block(self->state, self->block);
        next += missing;
        length -= missing;
        there = 0;
    }
    if (length > 0)
        memcpy(self->block + there, next, length);
}

/* The end is padded: a one bit, zeroes to the end of a block, and there the
 * length in bits. A block that has no room for the length gets one more. */
char *sha1_finish(struct sha1 *self, char *text)
{
    static const unsigned char padding[SHA1_BLOCK] = { 0x80 };
    uint64_t bits = self->length * 8; /* before the padding counts, too */
    size_t there = self->length % SHA1_BLOCK;
    unsigned char length[8];

    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    sha1_add(self, padding,
             (there < LENGTH_AT ? LENGTH_AT : LENGTH_AT + SHA1_BLOCK) - there);
    sha1_add(self, length, sizeof(length));
    for (int i = 0; i < 5; i++)
        snprintf(text + 8 * i, 9, "%08lx", (unsigned long)self->state[i]);
    return text;
}
