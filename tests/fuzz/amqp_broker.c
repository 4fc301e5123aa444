/* SPDX-License-Identifier: MIT
 *
 * The broker, and a client that has logged in and says anything. In one piece
 * or in many, the answer is the same; afterwards nothing is left.
 */
#include "amqp/broker.h"

#include <stdlib.h>

#include "amqp.h"

static void add_handshake(struct buffer *wire)
{
    static const char *const capabilities[] = { "consumer_cancel_notify",
                                                "connection.blocked", NULL };
    char table[AMQP_TABLE_MAX];
    size_t size = amqp_table_write(table, "fuzz", capabilities);

    CHECK(buffer_append(wire, AMQP_GREETING, AMQP_GREETING_LENGTH) == 0);
    add_method(
        wire, 0, CONNECTION_START_OK,
        (struct amqp_arguments){ .strings = { { table, size },
                                              amqp_text("PLAIN"),
                                              { "\0guest\0guest", 12 } } });
    add_method(wire, 0, CONNECTION_TUNE_OK,
               (struct amqp_arguments){ .numbers = { 100, 4096, 1 } });
    add_method(wire, 0, CONNECTION_OPEN,
               (struct amqp_arguments){ .strings = { { "/", 1 } } });
    add_method(wire, 1, CHANNEL_OPEN, (struct amqp_arguments){ 0 });
    add_method(wire, 2, CHANNEL_OPEN, (struct amqp_arguments){ 0 });
}

/* Says it in pieces, and returns what has come. A broker for each: what is left
 * in its queues would be heard by the next. */
static struct buffer talk(const struct fuzz_input *input,
                          const struct buffer *wire)
{
    struct fake_clock hand = { 0 };
    struct string_transport transport;
    struct broker broker;
    struct buffer written;
    size_t length = buffer_length(wire), size;

    broker_init(&broker, clock_of_fake(&hand));
    broker.bytes_max = 2000; /* little: so that it blocks, too */
    CHECK(string_transport_open(&transport, &broker.base) == 0);
    for (size_t used = 0, i = 0; used < length && !transport.disconnecting;
         used += size, i++) {
        size = fuzz_cut(input, i);
        size = size == 0 ? 1 : size > length - used ? length - used : size;
        char *piece = fuzz_copy(buffer_data(wire) + used, size);
        string_transport_receive(&transport, piece, size);
        free(piece);
    }
    for (int i = 0; i < 3 && transport.protocol; i++)
        fake_clock_advance(&hand, 0); /* who was blocked is read again */
    written = transport.written;
    transport.written = (struct buffer){ 0 };
    string_transport_close(&transport);
    CHECK(!broker.connections && broker.assembling == 0);
    broker_free(&broker);
    CHECK(broker.bytes == 0 && broker.queue_count == 0);
    delayed_calls_clear(&hand.calls);
    return written;
}

void fuzz_one(const struct fuzz_input *input)
{
    const struct fuzz_input whole = { .data = input->data };
    struct buffer wire = { 0 }, one, many;

    add_handshake(&wire);
    add_records(&wire, input);
    one = talk(&whole, &wire);
    many = talk(input, &wire);
    CHECK(buffer_length(&one) == buffer_length(&many));
    CHECK(!memcmp(buffer_data(&one), buffer_data(&many), buffer_length(&one)));
    buffer_clear(&one);
    buffer_clear(&many);
    buffer_clear(&wire);
}
