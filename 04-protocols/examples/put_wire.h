/* SPDX-License-Identifier: MIT
 *
 * put_wire.h - the bytes between put_client and put_server, as the client
 * needs them: the header that it writes, and answers out of bytes that arrive
 * piece by piece. Nothing here does I/O, allocates or remembers.
 */
#ifndef PUT_WIRE_H
#define PUT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upload/json.h"

enum {
    PUT_WIRE_NAME_MAX = 256, /* bytes of a name; it is cut there, and that is
                              * one more than the server takes */
    PUT_WIRE_HEADER_MAX =    /* bytes of a header and its NUL */
    JSON_ESCAPE_MAX * PUT_WIRE_NAME_MAX + 100,
    PUT_WIRE_ANSWER_MAX = JSON_HEADER_MAX /* bytes of an answer */
};

/* Writes the header for a file into `text`, PUT_WIRE_HEADER_MAX bytes, and
 * returns it. */
char *put_wire_header(char *text, const char *name, int64_t size);

/* Bytes of the answer at `text`, or 0 when not all of it has arrived; with
 * PUT_WIRE_ANSWER_MAX bytes it has. */
size_t put_wire_answer(const char *text, size_t length);

/* Whether the answer is {"status": 200}: the server wants the file. */
bool put_wire_is_confirmation(const char *text, size_t length);

#endif
