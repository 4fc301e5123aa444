/* SPDX-License-Identifier: MIT
 *
 * Lines, echoed in their turn: one that begins with "b" takes time, and a
 * pause is a client that does not read. Meanwhile no line may come.
 */
#include "framing/sequential_line_receiver.h"

#include <string.h>

#include "fuzz.h"

static void line_received(struct line_receiver *base, const char *line,
                          size_t length)
{
    struct sequential_line_receiver *self =
        (struct sequential_line_receiver *)base;

    CHECK(!self->busy && !self->write_watermark.full);
    if (length > 0 && *line == 'b')
        sequential_line_receiver_begin(self);
    sequential_line_receiver_write(self, line, length);
    sequential_line_receiver_write(self, "\n", 1);
}

static const struct sequential_line_receiver_class Turns = {
    .base = { .base = { .name = "Turns",
                        .size = sizeof(struct sequential_line_receiver),
                        .connection_made =
                            sequential_line_receiver_connection_made,
                        .data_received = line_receiver_data_received,
                        .connection_lost =
                            sequential_line_receiver_connection_lost },
              .delimiter = "\n",
              .max_length = 20,
              .line_received = line_received },
};

/* The client reads again, or the turn that is under way is over. */
static void go_on(struct sequential_line_receiver *self)
{
    struct producer *client = &self->write_watermark.producer;

    if (self->write_watermark.full)
        client->resume_producing(client);
    else
        sequential_line_receiver_end(self);
}

static void set_paused(struct protocol *protocol, bool on)
{
    struct sequential_line_receiver *self =
        (struct sequential_line_receiver *)protocol;
    struct producer *client = &self->write_watermark.producer;

    if (!on) {
        while (self->write_watermark.full || self->busy)
            go_on(self);
    } else if (self->write_watermark.full || self->busy) {
        go_on(self);
    } else {
        client->pause_producing(client);
    }
}

void fuzz_one(const struct fuzz_input *input)
{
    struct factory factory = { .protocol = &Turns.base.base };
    struct string_transport transport;

    fuzz_talk(&transport, &factory, input, set_paused);
    size_t used = fuzz_echoed(&transport, input);
    size_t left = input->length - used;
    CHECK(transport.disconnecting || left == 0 ||
          !memchr(input->data + used, '\n', left));
    buffer_clear(&transport.written);
}
