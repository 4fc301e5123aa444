/* SPDX-License-Identifier: MIT
 *
 * AMQP's wire: methods there and back, cut at every byte, with lengths that
 * lie; tables in tables; frames at every limit; messages in pieces. No loop, so
 * the poller does not matter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/amqp_content.h"
#include "protocol/string_transport.h"
#include "unit.h"

static const uint32_t all_methods[] = {
    CONNECTION_START,
    CONNECTION_START_OK,
    CONNECTION_TUNE,
    CONNECTION_TUNE_OK,
    CONNECTION_OPEN,
    CONNECTION_OPEN_OK,
    CONNECTION_CLOSE,
    CONNECTION_CLOSE_OK,
    CONNECTION_BLOCKED,
    CHANNEL_OPEN,
    CONNECTION_UNBLOCKED,
    CHANNEL_OPEN_OK,
    CHANNEL_FLOW,
    CHANNEL_FLOW_OK,
    CHANNEL_CLOSE,
    CHANNEL_CLOSE_OK,
    QUEUE_DECLARE,
    QUEUE_DECLARE_OK,
    QUEUE_PURGE,
    QUEUE_PURGE_OK,
    QUEUE_DELETE,
    QUEUE_DELETE_OK,
    BASIC_QOS,
    BASIC_QOS_OK,
    BASIC_CONSUME,
    BASIC_CONSUME_OK,
    BASIC_CANCEL,
    BASIC_CANCEL_OK,
    BASIC_PUBLISH,
    BASIC_RETURN,
    BASIC_DELIVER,
    BASIC_ACK,
    BASIC_REJECT,
    BASIC_NACK,
};

enum { METHODS = sizeof(all_methods) / sizeof(*all_methods) };

/* A copy of exactly this size: a byte read too far is seen by a sanitizer. */
static int read_exactly(const char *payload, size_t length, uint32_t *method,
                        struct amqp_arguments *arguments)
{
    char *copy = malloc(length > 0 ? length : 1);

    CHECK(copy);
    memcpy(copy, payload, length);
    int error = amqp_method_read(method, arguments, copy, length);
    free(copy);
    return error;
}

static void each_method_there_and_back(const char *poller)
{
    struct amqp_arguments arguments, again;
    char payload[AMQP_METHOD_MAX], second[AMQP_METHOD_MAX];
    uint32_t method;

    (void)poller;
    for (int i = 0; i < METHODS; i++) {
        arguments = (struct amqp_arguments){
            .numbers = { 1, 2, 3 },
            .strings = { { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 } }
        };
        ssize_t length = amqp_method_write(payload, all_methods[i], &arguments);
        CHECK(length >= 4);
        CHECK(amqp_method_read(&method, &again, payload, (size_t)length) == 0);
        CHECK(method == all_methods[i]);
        CHECK(amqp_method_write(second, method, &again) == length);
        CHECK(!memcmp(payload, second, (size_t)length));
        CHECK(strcmp(amqp_method_name(method), "unknown") != 0);
        /* Whatever is missing at its end, and one byte too many. */
        for (ssize_t cut = 0; cut < length; cut++)
            CHECK(read_exactly(payload, (size_t)cut, &method, &again) ==
                  AMQP_FRAME_ERROR);
        payload[length] = 0;
        CHECK(amqp_method_read(&method, &again, payload, (size_t)length + 1) ==
              AMQP_FRAME_ERROR);
    }
}

/* Byte for byte as pika and RabbitMQ were heard to say them. */
static void recorded(const char *poller)
{
    char payload[AMQP_METHOD_MAX];
    struct amqp_arguments tune = { .numbers = { 2047, 131072, 60 } };
    struct amqp_arguments ack = { .numbers = { 1, 0 } };
    struct amqp_arguments qos = { .numbers = { 0, 1, 0 } };
    struct amqp_arguments declare = { .numbers = { 0, QUEUE_EXCLUSIVE } };

    (void)poller;
    CHECK(amqp_method_write(payload, CONNECTION_TUNE, &tune) == 12);
    CHECK(!memcmp(payload, "\0\x0a\0\x1e\x07\xff\0\x02\0\0\0\x3c", 12));
    CHECK(amqp_method_write(payload, BASIC_ACK, &ack) == 13);
    CHECK(!memcmp(payload, "\0\x3c\0\x50\0\0\0\0\0\0\0\x01\0", 13));
    CHECK(amqp_method_write(payload, BASIC_QOS, &qos) == 11);
    CHECK(!memcmp(payload, "\0\x3c\0\x0a\0\0\0\0\0\x01\0", 11));
    CHECK(amqp_method_write(payload, QUEUE_DECLARE, &declare) == 12);
    CHECK(!memcmp(payload, "\0\x32\0\x0a\0\0\0\x04\0\0\0\0", 12));
}

static void long_strings(const char *poller)
{
    char name[AMQP_METHOD_MAX], payload[AMQP_METHOD_MAX];
    struct amqp_arguments arguments = { .strings = { { name, 255 } } };

    (void)poller;
    memset(name, 'x', sizeof(name));
    CHECK(amqp_method_write(payload, BASIC_CONSUME_OK, &arguments) == 260);
    arguments.strings[0].length = 256;
    CHECK(amqp_method_write(payload, BASIC_CONSUME_OK, &arguments) == -1);
    CHECK(errno == EMSGSIZE);
    arguments.strings[0].length = AMQP_METHOD_MAX - 8; /* exactly full */
    CHECK(amqp_method_write(payload, CHANNEL_OPEN_OK, &arguments) ==
          AMQP_METHOD_MAX);
    arguments.strings[0].length++;
    CHECK(amqp_method_write(payload, CHANNEL_OPEN_OK, &arguments) == -1);
    CHECK(errno == EMSGSIZE);
}

/* What queue.declare with this table comes to. */
static int declare_with(const char *table, size_t length)
{
    char payload[256] = "\0\x32\0\x0a\0\0\x01q\0";
    struct amqp_arguments arguments;
    uint32_t method;

    amqp_put_number(payload + 9, length, 4);
    memcpy(payload + 13, table, length);
    return read_exactly(payload, 13 + length, &method, &arguments);
}

static void tables(const char *poller)
{
    static const char all[] = "\x01"
                              "at\1\1bb1\1cB1\1ds12\1eu12\1fU12\1gI1234\1hi1234"
                              "\1jl12345678\1kf1234\1ld12345678\1mD12345"
                              "\1nT12345678\1oV\1pS\0\0\0\2ab\1qx\0\0\0\1a"
                              "\1rA\0\0\0\4t\1b2\1sF\0\0\0\4\1xt\1";
    struct amqp_bytes table;
    char written[AMQP_TABLE_MAX];
    const char *const capabilities[] = { "one", "two", NULL };

    (void)poller;
    CHECK(declare_with("", 0) == 0);
    CHECK(declare_with(all, sizeof(all) - 1) == 0);
    for (size_t cut = 1; cut < 6; cut++) /* in the middle of the last one */
        CHECK(declare_with(all, sizeof(all) - 1 - cut) == AMQP_FRAME_ERROR);
    CHECK(declare_with("\1aq1", 4) == AMQP_FRAME_ERROR);
    CHECK(declare_with("\1a\0", 3) == AMQP_FRAME_ERROR);
    CHECK(declare_with("\1aS\xff\xff\xff\xff", 7) == AMQP_FRAME_ERROR);
    CHECK(declare_with("\1aF\0\0\0\1\1", 8) == AMQP_FRAME_ERROR);
    table.data = written;
    table.length = amqp_table_write(written, "x", capabilities);
    CHECK(amqp_table_capable(table, "one"));
    CHECK(amqp_table_capable(table, "two"));
    CHECK(!amqp_table_capable(table, "tw") && !amqp_table_capable(table, "x"));
    written[table.length - 1] = 0; /* { two: false } */
    CHECK(!amqp_table_capable(table, "two"));
    for (size_t cut = 0; cut < table.length; cut++)
        CHECK(!amqp_table_capable((struct amqp_bytes){ written, cut }, "two"));
}

/* A table of so many tables, one in the other. */
static int nested(int depth)
{
    char table[256];
    size_t length = 0;

    for (int i = 0; i < depth; i++) {
        memcpy(table + length, "\1aF", 3);
        amqp_put_number(table + length + 3, (uint64_t)(depth - 1 - i) * 7, 4);
        length += 7;
    }
    return declare_with(table, length);
}

static void nested_tables(const char *poller)
{
    (void)poller;
    CHECK(nested(1) == 0);
    CHECK(nested(AMQP_TABLE_DEPTH) == 0);
    CHECK(nested(AMQP_TABLE_DEPTH + 1) == AMQP_FRAME_ERROR);
    CHECK(nested(30) == AMQP_FRAME_ERROR);
}

/* --- frames --- */

static struct string_transport wire;
static int frames, refused;
static struct amqp_frame last;
static char last_payload[64];

static void frame_received(struct amqp_receiver *self,
                           const struct amqp_frame *frame)
{
    (void)self;
    frames++;
    last = *frame;
    memcpy(last_payload, frame->payload,
           frame->length < 64 ? frame->length : 64);
}

static void frame_refused(struct amqp_receiver *self, const char *why)
{
    (void)self, (void)why;
    refused++;
}

static void made(struct protocol *protocol)
{
    struct amqp_receiver *self = (struct amqp_receiver *)protocol;

    self->greeted = true;
    self->frame_max = AMQP_FRAME_MIN;
}

static const struct amqp_receiver_class Receiver = {
    .base = { .name = "Receiver",
              .size = sizeof(struct amqp_receiver),
              .connection_made = made,
              .data_received = amqp_receiver_data_received,
              .connection_lost = amqp_receiver_connection_lost },
    .frame_received = frame_received,
    .frame_refused = frame_refused,
};

static struct factory factory = { .name = "Receivers",
                                  .protocol = &Receiver.base };

static void begin(void)
{
    frames = refused = 0;
    CHECK(string_transport_open(&wire, &factory) == 0);
}

static struct amqp_receiver *receiver(void)
{
    return (struct amqp_receiver *)wire.protocol;
}

static void cut_at_each_byte(const char *poller)
{
    static const char bytes[] = "\1\0\7\0\0\0\3abc\xce\3\1\0\0\0\0\0\xce"
                                "\x8\0\0\0\0\0\0\xce";
    size_t length = sizeof(bytes) - 1;

    (void)poller;
    for (size_t cut = 0; cut <= length; cut++) {
        begin();
        string_transport_receive(&wire, bytes, cut);
        CHECK(frames == (cut >= 11) + (cut >= 19) + (cut >= 27));
        string_transport_receive(&wire, bytes + cut, length - cut);
        CHECK(frames == 3 && refused == 0);
        string_transport_close(&wire);
    }
    begin();
    for (size_t i = 0; i < 11; i++)
        string_transport_receive(&wire, bytes + i, 1);
    CHECK(frames == 1 && last.type == 1 && last.channel == 7);
    CHECK(last.length == 3 && !memcmp(last_payload, "abc", 3));
    string_transport_close(&wire);
}

/* One frame of this size, of which only the head comes. */
static bool announced(uint64_t size)
{
    char head[7] = "\3\0\1";

    begin();
    amqp_put_number(head + 3, size, 4);
    string_transport_receive(&wire, head, 7);
    bool taken = refused == 0;
    CHECK(frames == 0);
    string_transport_close(&wire);
    return taken;
}

static void sizes(const char *poller)
{
    static const char *const bad[] = { "G", "\4", "\x7", "\xff", "A" };

    (void)poller;
    CHECK(announced(AMQP_FRAME_MIN - 8));
    CHECK(!announced(AMQP_FRAME_MIN - 7));
    CHECK(!announced(UINT32_MAX) && !announced(UINT32_MAX - 7));
    CHECK(!announced(1u << 31));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        begin();
        string_transport_receive(&wire, bad[i], 1);
        CHECK(refused == 1);
        string_transport_receive(&wire, "\x8\0\0\0\0\0\0\xce", 8);
        CHECK(refused == 1 && frames == 0); /* nothing after it */
        string_transport_close(&wire);
    }
    begin();
    string_transport_receive(&wire, "\x8\0\0\0\0\0\0\xcd", 8);
    CHECK(refused == 1 && frames == 0);
    string_transport_close(&wire);
}

static void greetings(const char *poller)
{
    (void)poller;
    for (int wrong = 0; wrong < 2; wrong++) {
        begin();
        receiver()->greeted = false;
        string_transport_receive(&wire, "AMQP\0\0", 6);
        CHECK(frames == 0 && refused == 0);
        string_transport_receive(&wire, wrong ? "\x9\2" : "\x9\1", 2);
        CHECK(frames == !wrong && refused == wrong);
        string_transport_close(&wire);
    }
}

/* --- messages --- */

/* A message of so many bytes is sent and taken again. */
static int frames_of(size_t length)
{
    struct amqp_content content = { 0 };
    const struct amqp_properties properties = { { "id", 2 }, { "queue", 5 } };
    struct amqp_properties got;
    char header[AMQP_HEADER_MAX], *body = malloc(length + 1);
    ssize_t size = amqp_header_write(header, &properties, length);
    int count = 0;

    CHECK(body && size > 0);
    for (size_t i = 0; i < length; i++)
        body[i] = (char)(i * 7);
    begin();
    CHECK(amqp_send_content(receiver(), 5, BASIC_PUBLISH,
                            &(struct amqp_arguments){ 0 },
                            (struct amqp_bytes){ header, (size_t)size },
                            (struct amqp_bytes){ body, length }) == 0);
    const char *next = buffer_data(&wire.written);
    const char *end = next + buffer_length(&wire.written);
    amqp_content_begin(&content);
    for (bool method = true; next < end; method = false) {
        struct amqp_reader reader = { next, end, false };
        struct amqp_frame frame;
        frame.type = (int)amqp_read_number(&reader, 1);
        frame.channel = (unsigned)amqp_read_number(&reader, 2);
        struct amqp_bytes payload = amqp_read_string(&reader, 4);
        frame.payload = payload.data;
        frame.length = payload.length;
        CHECK(!reader.bad && frame.length <= AMQP_FRAME_MIN - 8);
        CHECK(method || !amqp_content_receive(&content, &frame, length));
        count += frame.type == AMQP_FRAME_BODY;
        next = reader.next + 1;
    }
    CHECK(content.expects == CONTENT_NONE && !content.dropped);
    CHECK(amqp_content_body(&content).length == length);
    CHECK(!memcmp(amqp_content_body(&content).data, body, length));
    CHECK(amqp_header_read(amqp_content_header(&content), &got));
    CHECK(amqp_is(got.correlation_id, "id") && amqp_is(got.reply_to, "queue"));
    amqp_content_clear(&content);
    string_transport_close(&wire);
    free(body);
    return count;
}

static void bodies(const char *poller)
{
    enum { MOST = AMQP_FRAME_MIN - 8 };

    (void)poller;
    CHECK(frames_of(0) == 0);
    CHECK(frames_of(1) == 1);
    CHECK(frames_of(MOST) == 1);
    CHECK(frames_of(MOST + 1) == 2);
    CHECK(frames_of(3 * MOST) == 3);
}

static int take(struct amqp_content *content, int type, const char *payload,
                size_t length)
{
    const struct amqp_frame frame = { type, 1, payload, length };

    return amqp_content_receive(content, &frame, 10);
}

/* CLASS WEIGHT BODY-SIZE FLAGS, without properties. */
static int head(struct amqp_content *content, unsigned class, uint64_t size,
                unsigned flags, const char *rest)
{
    char payload[128] = "";

    amqp_put_number(payload, class, 2);
    amqp_put_number(payload + 4, size, 8);
    amqp_put_number(payload + 12, flags, 2);
    strcpy(payload + 14, rest);
    amqp_content_begin(content);
    return take(content, AMQP_FRAME_HEADER, payload, 14 + strlen(rest));
}

static void out_of_order(const char *poller)
{
    struct amqp_content content = { 0 };

    (void)poller;
    CHECK(take(&content, AMQP_FRAME_BODY, "x", 1) == AMQP_UNEXPECTED_FRAME);
    CHECK(take(&content, AMQP_FRAME_HEADER, "x", 1) == AMQP_UNEXPECTED_FRAME);
    CHECK(head(&content, 50, 1, 0, "") == AMQP_UNEXPECTED_FRAME);
    CHECK(head(&content, 60, 1, 0x0400, "") == AMQP_FRAME_ERROR);
    CHECK(head(&content, 60, 1, 0x0400, "\2a") == AMQP_FRAME_ERROR);
    CHECK(head(&content, 60, 1, 0x0400, "\1ab") == AMQP_FRAME_ERROR);
    CHECK(head(&content, 60, 1, 0x0001, "") == AMQP_FRAME_ERROR);
    CHECK(head(&content, 60, 1, 0x0002, "") == AMQP_FRAME_ERROR);
    CHECK(head(&content, 60, 2, 0x8600, "\1a\1b\1c") == 0);
    CHECK(take(&content, AMQP_FRAME_BODY, "x", 1) == 0);
    CHECK(take(&content, AMQP_FRAME_BODY, "", 0) == 0);
    CHECK(content.expects == CONTENT_BODY);
    CHECK(take(&content, AMQP_FRAME_BODY, "yz", 2) == AMQP_UNEXPECTED_FRAME);
    CHECK(head(&content, 60, 1, 0, "") == 0);
    CHECK(take(&content, AMQP_FRAME_HEADER, "x", 1) == AMQP_UNEXPECTED_FRAME);
    /* Too long: dropped, and still counted. */
    CHECK(head(&content, 60, 11, 0, "") == 0 && content.dropped);
    CHECK(take(&content, AMQP_FRAME_BODY, "0123456789", 10) == 0);
    CHECK(amqp_content_body(&content).length == 0);
    CHECK(take(&content, AMQP_FRAME_BODY, "a", 1) == 0);
    CHECK(content.expects == CONTENT_NONE);
    CHECK(head(&content, 60, UINT64_MAX, 0, "") == 0 && content.dropped);
    amqp_content_clear(&content);
}

static void no_memory(const char *poller)
{
    struct amqp_content content = { 0 };

    (void)poller;
    unit_fail_allocation(0);
    CHECK(head(&content, 60, 1, 0, "") == AMQP_RESOURCE_ERROR);
    unit_fail_allocation(-1);
    CHECK(head(&content, 60, 1, 0, "") == 0);
    unit_fail_allocation(0);
    CHECK(take(&content, AMQP_FRAME_BODY, "a", 1) == AMQP_RESOURCE_ERROR);
    unit_fail_allocation(-1);
    amqp_content_clear(&content);
}

static const struct unit_case cases[] = {
    { "each_method_there_and_back", each_method_there_and_back },
    { "recorded", recorded },
    { "long_strings", long_strings },
    { "tables", tables },
    { "nested_tables", nested_tables },
    { "cut_at_each_byte", cut_at_each_byte },
    { "sizes", sizes },
    { "greetings", greetings },
    { "bodies", bodies },
    { "out_of_order", out_of_order },
    { "no_memory", no_memory },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
