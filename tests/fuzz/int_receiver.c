/* SPDX-License-Identifier: MIT
 *
 * Strings after their lengths in 1, 2 and 4 bytes, echoed. One that begins
 * with "p" pauses, one with "a" aborts.
 */
#include "lengths/int_receiver.h"

#include "fuzz.h"

enum { STRING_MAX = 20 }; /* bytes of a string */

static void string_received(struct int_receiver *self, const char *string,
                            size_t length)
{
    CHECK(length <= STRING_MAX && !self->input.paused && !self->input.over);
    CHECK(int_receiver_send_string(self, string, length) == 0);
    if (length > 0 && *string == 'p')
        int_receiver_pause(self);
    if (length > 0 && *string == 'a')
        int_receiver_abort(self);
}

static void set_paused(struct protocol *protocol, bool on)
{
    if (on)
        int_receiver_pause((struct int_receiver *)protocol);
    else
        int_receiver_resume((struct int_receiver *)protocol);
}

/* What is not echoed is the beginning of a string, or it is too long and the
 * connection is lost. */
static void check_rest(const char *rest, size_t length, size_t prefix,
                       bool lost)
{
    unsigned long long announced = 0;

    for (size_t i = 0; i < prefix && i < length; i++)
        announced = announced * 256 + (unsigned char)rest[i];
    CHECK(length >= prefix || !lost);
    CHECK(length < prefix || lost == (announced > STRING_MAX));
    CHECK(length < prefix || lost || length - prefix < announced);
}

void fuzz_one(const struct fuzz_input *input)
{
    for (size_t prefix = 1; prefix <= 4; prefix *= 2) {
        const struct int_receiver_class class = {
            .base = { .name = "Echo",
                      .size = sizeof(struct int_receiver),
                      .data_received = int_receiver_data_received,
                      .connection_lost = int_receiver_connection_lost },
            .prefix_length = prefix,
            .max_length = STRING_MAX,
            .string_received = string_received,
        };
        struct factory factory = { .protocol = &class.base };
        struct string_transport transport;
        fuzz_talk(&transport, &factory, input, set_paused);
        size_t used = fuzz_echoed(&transport, input);
        if (!transport.aborted)
            check_rest(input->data + used, input->length - used, prefix,
                       transport.disconnecting);
        buffer_clear(&transport.written);
    }
}
