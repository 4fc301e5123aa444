/* SPDX-License-Identifier: MIT
 *
 * fuzz.h - what the harnesses share. A harness is one function, fuzz_one: it
 * gives a parser the bytes that a fuzzer has made up, and aborts when the
 * parser does what it must not. The main program is in fuzz.c:
 *
 *   PROGRAM [FILE]...
 *
 * takes the inputs in these files, or one from standard input.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/string_transport.h"

/* The first line of an input says how the rest is cut, by its bytes in turn:
 * '1' to 'o' is a piece of 1 to 63 bytes, '0' is one byte and then a pause, or
 * the end of a pause. So "13\n5:hello," comes as "5", ":he", "l", "lo,". */
struct fuzz_input {
    const char *cuts;
    size_t cut_count; /* 0: all in one piece */
    const char *data;
    size_t length;
};

/* Written by the harness. */
void fuzz_one(const struct fuzz_input *input);

/* The end of the program when `truth` is false. */
#define CHECK(truth)                                                           \
    ((truth) ? (void)0 : fuzz_failed(#truth, __FILE__, __LINE__))
_Noreturn void fuzz_failed(const char *text, const char *file, int line);

/* A copy of exactly this size, so that a sanitizer sees a byte read too far;
 * to be freed. */
char *fuzz_copy(const char *data, size_t length);

/* How long piece number `index` is; 0: one byte and then a pause. */
size_t fuzz_cut(const struct fuzz_input *input, size_t index);

/* A protocol that the factory makes hears the data in one piece, and another
 * in the pieces of the input: both must write and note the same, and end alike.
 * Behind the last byte they go on, and then the connection is lost. `pause` may
 * be NULL. The first one's transport remains: buffer_clear what it wrote. */
void fuzz_talk(struct string_transport *transport, struct factory *factory,
               const struct fuzz_input *input,
               void (*pause)(struct protocol *protocol, bool on));

/* Notes something that a protocol has come to. */
void fuzz_note(const void *data, size_t length);

/* What an echo has written must be what the input begins with. Returns how
 * many bytes that are. */
size_t fuzz_echoed(const struct string_transport *transport,
                   const struct fuzz_input *input);

#endif
