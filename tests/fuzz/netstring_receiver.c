/* SPDX-License-Identifier: MIT
 *
 * Netstrings, echoed. One that begins with "p" pauses, one with "a" aborts.
 */
#include "lengths/netstring_receiver.h"

#include "fuzz.h"

enum { STRING_MAX = 20 }; /* bytes of a string */

static void string_received(struct netstring_receiver *self, const char *string,
                            size_t length)
{
    CHECK(length <= STRING_MAX && !self->input.paused && !self->input.over);
    netstring_receiver_send_string(self, string, length);
    if (length > 0 && *string == 'p')
        netstring_receiver_pause(self);
    if (length > 0 && *string == 'a')
        netstring_receiver_abort(self);
}

static const struct netstring_receiver_class Echo = {
    .base = { .name = "Echo",
              .size = sizeof(struct netstring_receiver),
              .data_received = netstring_receiver_data_received,
              .connection_lost = netstring_receiver_connection_lost },
    .max_length = STRING_MAX,
    .string_received = string_received,
};

static void set_paused(struct protocol *protocol, bool on)
{
    if (on)
        netstring_receiver_pause((struct netstring_receiver *)protocol);
    else
        netstring_receiver_resume((struct netstring_receiver *)protocol);
}

/* Whether these bytes are the beginning of a netstring, and not a whole one. */
static bool has_begun(const char *data, size_t length)
{
    size_t digits = 0, number = 0;

    while (digits < length && data[digits] >= '0' && data[digits] <= '9' &&
           number <= STRING_MAX)
        number = number * 10 + (size_t)(data[digits++] - '0');
    if (number > STRING_MAX || (digits > 1 && *data == '0'))
        return false;
    if (digits == length)
        return true;
    return digits > 0 && data[digits] == ':' && length - digits - 1 <= number;
}

void fuzz_one(const struct fuzz_input *input)
{
    struct factory factory = { .protocol = &Echo.base };
    struct string_transport transport;

    fuzz_talk(&transport, &factory, input, set_paused);
    size_t used = fuzz_echoed(&transport, input);
    CHECK(transport.aborted ||
          has_begun(input->data + used, input->length - used) ==
              !transport.disconnecting);
    buffer_clear(&transport.written);
}
