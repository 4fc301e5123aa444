/* SPDX-License-Identifier: MIT
 *
 * framing.h - what int_receiver_test.c and netstring_test.c share: a peer over
 * a string transport, and a script of what the protocol heard.
 *
 * The script has "<string>" for each string, and whatever else a case writes
 * down; nothing more than SCRIPT_MAX bytes.
 */
#ifndef FRAMING_H
#define FRAMING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/string_transport.h"
#include "unit.h"

enum { SCRIPT_MAX = 1 << 17 };

static char script[SCRIPT_MAX];
static size_t script_length;

/* The segment that is being received, and how many strings lay in it. */
static const char *segment;
static size_t segment_length, from_segment;

static size_t strings, string_bytes; /* counted, where nothing is written */

static void write_down(const char *bytes, size_t length)
{
    CHECK(script_length + length < SCRIPT_MAX);
    memcpy(script + script_length, bytes, length);
    script_length += length;
    script[script_length] = '\0';
}

static void write_string(const char *string, size_t length)
{
    write_down("<", 1);
    write_down(string, length);
    write_down(">", 1);
    strings++;
    string_bytes += length;
    from_segment +=
        string >= segment && string + length <= segment + segment_length;
}

static void forget(void)
{
    script_length = strings = string_bytes = from_segment = 0;
    script[0] = '\0';
}

static bool heard(const char *words, size_t length)
{
    bool same = script_length == length && !memcmp(script, words, length);

    if (!same)
        fprintf(stderr, "heard '%.400s' instead of '%.400s'\n", script, words);
    forget();
    return same;
}

static bool heard_text(const char *words)
{
    return heard(words, strlen(words));
}

struct wire {
    struct factory factory;
    struct string_transport transport;
};

static void open_wire(struct wire *wire, const struct protocol_class *class)
{
    *wire = (struct wire){ .factory = { .name = "Wire", .protocol = class } };
    CHECK(string_transport_open(&wire->transport, &wire->factory) == 0);
    forget();
}

static void close_wire(struct wire *wire)
{
    string_transport_close(&wire->transport);
}

static void receive(struct wire *wire, const char *data, size_t length)
{
    segment = data;
    segment_length = length;
    string_transport_receive(&wire->transport, data, length);
}

/* Every cut in two pieces, in three, and into single bytes. */
static void check_cuts(const struct protocol_class *class, const char *input,
                       size_t length, const char *output, size_t output_length)
{
    struct wire wire;

    for (size_t i = 0; i <= length; i++)
        for (size_t j = i; j <= length; j++) {
            open_wire(&wire, class);
            receive(&wire, input, i);
            receive(&wire, input + i, j - i);
            receive(&wire, input + j, length - j);
            CHECK(heard(output, output_length));
            close_wire(&wire);
        }
    open_wire(&wire, class);
    for (size_t i = 0; i < length; i++)
        receive(&wire, input + i, 1);
    CHECK(heard(output, output_length));
    close_wire(&wire);
}

/* Both may hold NUL bytes, too. */
#define CUTS(class, input, output)                                             \
    check_cuts(class, input, sizeof(input) - 1, output, sizeof(output) - 1)
#define RECEIVE(wire, input) receive(wire, input, sizeof(input) - 1)

/* The same numbers each time. */
static unsigned random_below(unsigned end)
{
    static uint64_t state = 20110829;

    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % end;
}

#endif
