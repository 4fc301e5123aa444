/* SPDX-License-Identifier: MIT
 *
 * amqp.h - what the two AMQP harnesses share: an input says frames, and here
 * they become bytes. A fuzzer that had to find out sizes and ends of frames by
 * itself would never get behind the hand-shake.
 *
 *     record = TYPE CHANNEL LENGTH PAYLOAD
 *
 * TYPE is a letter: m h b for a method, a content header and a body, k for a
 * heartbeat, and anything else for the payload alone, which need not be a
 * frame. CHANNEL is one digit, LENGTH one byte.
 */
#ifndef FUZZ_AMQP_H
#define FUZZ_AMQP_H

#include <string.h>

#include "amqp/amqp_frame.h"
#include "fuzz.h"

static void add_frame(struct buffer *wire, int type, unsigned channel,
                      const char *payload, size_t length)
{
    char head[7];

    amqp_put_number(
        amqp_put_number(amqp_put_number(head, (uint64_t)type, 1), channel, 2),
        length, 4);
    CHECK(buffer_append(wire, head, sizeof(head)) == 0);
    CHECK(buffer_append(wire, payload, length) == 0);
    CHECK(buffer_append(wire, "\xce", 1) == 0);
}

static void add_method(struct buffer *wire, unsigned channel, uint32_t method,
                       struct amqp_arguments arguments)
{
    char payload[AMQP_METHOD_MAX];
    ssize_t length = amqp_method_write(payload, method, &arguments);

    CHECK(length > 0);
    add_frame(wire, AMQP_FRAME_METHOD, channel, payload, (size_t)length);
}

static void add_records(struct buffer *wire, const struct fuzz_input *input)
{
    static const char letters[] = "mhbk";
    static const int types[] = { AMQP_FRAME_METHOD, AMQP_FRAME_HEADER,
                                 AMQP_FRAME_BODY, AMQP_FRAME_HEARTBEAT };
    const char *next = input->data, *end = next + input->length;

    while (end - next >= 3) {
        const char *letter = *next ? strchr(letters, *next) : NULL;
        unsigned channel = (unsigned char)next[1] & 15;
        size_t length = (unsigned char)next[2];
        next += 3;
        if (length > (size_t)(end - next))
            length = (size_t)(end - next);
        if (letter)
            add_frame(wire, types[letter - letters], channel, next, length);
        else
            CHECK(buffer_append(wire, next, length) == 0);
        next += length;
    }
}

#endif
