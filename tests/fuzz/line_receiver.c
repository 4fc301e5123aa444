/* SPDX-License-Identifier: MIT
 *
 * Lines, echoed. "p" pauses; "r" and a digit, at the beginning of a line, are
 * so many raw bytes after it.
 */
#include "framing/line_receiver.h"

#include <string.h>

#include "fuzz.h"

enum { LINE_MAX = 20 }; /* bytes of a line */

struct echo {
    struct line_receiver base;
    size_t raw_left;
};

static void line_received(struct line_receiver *base, const char *line,
                          size_t length)
{
    struct echo *self = (struct echo *)base;

    CHECK(length <= LINE_MAX && !base->input.paused && !base->raw);
    line_receiver_send_line(base, line, length);
    if (length == 1 && *line == 'p')
        line_receiver_pause(base);
    if (length < 2 || *line != 'r' || line[1] < '1' || line[1] > '9')
        return;
    self->raw_left = (size_t)(line[1] - '0');
    line_receiver_set_raw_mode(base);
}

static void raw_data_received(struct line_receiver *base, const char *data,
                              size_t length)
{
    struct echo *self = (struct echo *)base;
    size_t taken = length < self->raw_left ? length : self->raw_left;

    CHECK(base->raw && length > 0);
    transport_write(base->base.transport, data, taken);
    self->raw_left -= taken;
    if (self->raw_left == 0)
        line_receiver_set_line_mode(base, length - taken);
}

static void set_paused(struct protocol *protocol, bool on)
{
    if (on)
        line_receiver_pause((struct line_receiver *)protocol);
    else
        line_receiver_resume((struct line_receiver *)protocol);
}

/* What is not echoed has no line in it, or begins with one that is too long,
 * and then the connection is lost. */
static void check_rest(const char *rest, size_t length, const char *delimiter,
                       bool lost)
{
    size_t size = strlen(delimiter), end = 0;

    while (end + size <= length && memcmp(rest + end, delimiter, size) != 0)
        end++;
    bool found = end + size <= length;
    CHECK(lost ? end > LINE_MAX || length >= LINE_MAX + size
               : !found && length < LINE_MAX + size);
}

void fuzz_one(const struct fuzz_input *input)
{
    static const char *const delimiters[] = { "\r\n", "\n", "aab" };

    for (int i = 0; i < 3; i++) {
        const struct line_receiver_class class = {
            .base = { .name = "Echo",
                      .size = sizeof(struct echo),
                      .data_received = line_receiver_data_received,
                      .connection_lost = line_receiver_connection_lost },
            .delimiter = delimiters[i],
            .max_length = LINE_MAX,
            .line_received = line_received,
            .raw_data_received = raw_data_received,
        };
        struct factory factory = { .protocol = &class.base };
        struct string_transport transport;
        fuzz_talk(&transport, &factory, input, set_paused);
        size_t used = fuzz_echoed(&transport, input);
        check_rest(input->data + used, input->length - used, delimiters[i],
                   transport.disconnecting);
        buffer_clear(&transport.written);
    }
}
