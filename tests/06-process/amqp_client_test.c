/* SPDX-License-Identifier: MIT
 *
 * The client of a broker that is played by the test, over a string transport
 * and a clock that stands still: the hand-shake, questions in turn, messages,
 * and all the ways in which it ends. No loop, so the poller does not matter.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/amqp_caller.h"
#include "protocol/string_transport.h"
#include "unit.h"

static struct string_transport wire;
static struct fake_clock clock_hand;
static struct amqp_login login;
static struct failure lost_reason;
static int readies, flows;
static const struct amqp_properties nothing;

static struct amqp_client *client(void)
{
    return (struct amqp_client *)wire.protocol;
}

static void made(struct protocol *protocol)
{
    struct amqp_client *self = (struct amqp_client *)protocol;

    self->base.clock = clock_of_fake(&clock_hand);
    self->login = &login;
    amqp_client_connection_made(protocol);
}

static void ready(struct amqp_client *self)
{
    (void)self;
    readies++;
}

static void lost(struct amqp_client *self, struct failure reason)
{
    (void)self;
    lost_reason = reason;
    unit_note("lost ");
}

static void flow_changed(struct amqp_client *self)
{
    (void)self;
    flows++;
}

static const struct amqp_client_class Client = {
    .base = { .base = { .name = "Client",
                        .size = sizeof(struct amqp_client),
                        .connection_made = made,
                        .data_received = amqp_receiver_data_received,
                        .connection_lost = amqp_client_connection_lost },
              .frame_received = amqp_client_frame_received,
              .frame_refused = amqp_client_frame_refused,
              .silent = amqp_client_silent },
    .ready = ready,
    .lost = lost,
    .flow_changed = flow_changed,
};

static struct factory factory = { .name = "Clients",
                                  .protocol = &Client.base.base };

/* --- the broker --- */

static void frame(int type, unsigned channel, const char *payload,
                  size_t length)
{
    char bytes[4096];

    char *next = amqp_put_number(bytes, (uint64_t)type, 1);
    next = amqp_put_number(amqp_put_number(next, channel, 2), length, 4);
    memcpy(next, payload, length);
    next[length] = (char)0xce;
    string_transport_receive(&wire, bytes, length + 8);
}

static void says(unsigned channel, uint32_t method,
                 struct amqp_arguments arguments)
{
    char payload[AMQP_METHOD_MAX];
    ssize_t length = amqp_method_write(payload, method, &arguments);

    CHECK(length > 0);
    frame(AMQP_FRAME_METHOD, channel, payload, (size_t)length);
}

#define SAYS(channel, method, ...)                                             \
    says(channel, method, (struct amqp_arguments){ __VA_ARGS__ })

/* The first method that the client has written and nobody has looked at; 0:
 * none. Takes it away. */
static uint32_t heard(struct amqp_arguments *arguments)
{
    static char kept[8192];
    size_t length = buffer_length(&wire.written);
    struct amqp_arguments unused;
    uint32_t method = 0;

    if (length == 0)
        return 0;
    memcpy(kept, buffer_data(&wire.written), length);
    struct amqp_reader reader = { kept, kept + length, false };
    uint64_t type = amqp_read_number(&reader, 1);
    amqp_read_number(&reader, 2);
    struct amqp_bytes payload = amqp_read_string(&reader, 4);
    CHECK(!reader.bad);
    if (type == AMQP_FRAME_METHOD)
        CHECK(amqp_method_read(&method, arguments ? arguments : &unused,
                               payload.data, payload.length) == 0);
    else
        method = (uint32_t)type;
    buffer_consume(&wire.written, (size_t)(reader.next + 1 - kept));
    return method;
}

static void connect_only(void)
{
    readies = flows = 0;
    lost_reason = (struct failure){ 0 };
    CHECK(string_transport_open(&wire, &factory) == 0);
    CHECK(buffer_length(&wire.written) == 8);
    CHECK(!memcmp(buffer_data(&wire.written), "AMQP\0\0\x9\1", 8));
    buffer_clear(&wire.written);
}

static void start(void)
{
    SAYS(0, CONNECTION_START, .numbers = { 0, 9 },
         .strings = {
             { "", 0 }, amqp_text("AMQPLAIN PLAIN"), amqp_text("en_US") });
}

static void begin(void)
{
    connect_only();
    start();
    SAYS(0, CONNECTION_TUNE, .numbers = { 2047, 131072, 60 });
    SAYS(0, CONNECTION_OPEN_OK, .numbers = { 0 });
    CHECK(readies == 1);
    buffer_clear(&wire.written);
}

static void end(void)
{
    string_transport_close(&wire);
    delayed_calls_clear(&clock_hand.calls);
}

static bool lost_for(const struct failure_type *type, int number)
{
    return failure_check(lost_reason, type) && lost_reason.number == number;
}

/* --- the hand-shake, and the end --- */

static void handshake(const char *poller)
{
    struct amqp_arguments arguments;

    (void)poller;
    connect_only();
    start();
    CHECK(heard(&arguments) == CONNECTION_START_OK);
    CHECK(amqp_table_capable(arguments.strings[0], "connection.blocked"));
    CHECK(amqp_table_capable(arguments.strings[0],
                             "authentication_failure_close"));
    CHECK(amqp_is(arguments.strings[1], "PLAIN"));
    CHECK(arguments.strings[2].length == 12 &&
          !memcmp(arguments.strings[2].data, "\0guest\0guest", 12));
    SAYS(0, CONNECTION_TUNE, .numbers = { 2047, 131072, 60 });
    static const char answer[] =
        "\1\0\0\0\0\0\x0c\0\x0a\0\x1f\x07\xff\0\2\0\0\0\x3c\xce"
        "\1\0\0\0\0\0\x08\0\x0a\0\x28\1/\0\0\xce";
    CHECK(buffer_length(&wire.written) == sizeof(answer) - 1);
    CHECK(!memcmp(buffer_data(&wire.written), answer, sizeof(answer) - 1));
    CHECK(readies == 0);
    SAYS(0, CONNECTION_OPEN_OK, .numbers = { 0 });
    CHECK(readies == 1);
    end();
}

static void handshake_cut_off(const char *poller)
{
    static const struct failure gone = { &ConnectionDone, 0, NULL };

    (void)poller;
    for (int stage = 0; stage < 3; stage++) {
        connect_only();
        if (stage > 0)
            start();
        if (stage > 1)
            SAYS(0, CONNECTION_TUNE, .numbers = { 0, 0, 0 });
        string_transport_lose(&wire, gone);
        CHECK(lost_for(&AmqpError, 0));
        CHECK(strstr(lost_reason.detail, stage == 0   ? "version"
                                         : stage == 1 ? "password"
                                                      : "virtual host"));
        CHECK(unit_noted("lost "));
        end();
    }
    connect_only(); /* and a silent one */
    fake_clock_advance(&clock_hand, 9.9);
    CHECK(!wire.aborted);
    fake_clock_advance(&clock_hand, 0.2);
    CHECK(wire.aborted);
    string_transport_lose(&wire, gone);
    CHECK(lost_for(&TimeoutError, 0));
    CHECK(unit_noted("lost "));
    end();
}

static void odd_brokers(const char *poller)
{
    (void)poller;
    for (int i = 0; i < 6; i++) {
        connect_only();
        if (i == 0)
            SAYS(0, CONNECTION_START, .numbers = { 1, 0 });
        else if (i == 1)
            SAYS(0, CONNECTION_START, .numbers = { 0, 9 },
                 .strings = { { "", 0 }, amqp_text("PLAINER XPLAIN") });
        else if (i == 2)
            SAYS(0, CONNECTION_TUNE, .numbers = { 1, 4096, 0 });
        else if (i == 3) {
            start();
            SAYS(0, CONNECTION_TUNE, .numbers = { 1, 4095, 0 });
        } else if (i == 4)
            SAYS(1, CHANNEL_OPEN_OK, .numbers = { 0 });
        else
            string_transport_receive(&wire, "AMQP\0\0\0\x9", 8);
        CHECK(client()->state >= CLIENT_CLOSING);
        string_transport_lose(&wire,
                              (struct failure){ &ConnectionDone, 0, NULL });
        CHECK(failure_check(lost_reason, &AmqpError));
        CHECK(unit_noted("lost "));
        end();
    }
}

static void the_broker_closes(const char *poller)
{
    (void)poller;
    begin();
    SAYS(0, CONNECTION_CLOSE, .numbers = { 320, 0, 0 },
         .strings = { amqp_text("CONNECTION_FORCED - bye") });
    CHECK(heard(NULL) == CONNECTION_CLOSE_OK);
    CHECK(wire.disconnecting);
    string_transport_lose(
        &wire, (struct failure){ &ConnectionLost, ECONNRESET, NULL });
    CHECK(lost_for(&AmqpClosed, 320));
    CHECK(!strcmp(lost_reason.detail, "CONNECTION_FORCED"));
    CHECK(unit_noted("lost "));
    end();
}

static void we_close(const char *poller)
{
    struct amqp_arguments arguments;

    (void)poller;
    begin();
    amqp_client_close(client());
    amqp_client_close(client());
    CHECK(heard(&arguments) == CONNECTION_CLOSE && arguments.numbers[0] == 200);
    CHECK(heard(NULL) == 0);
    CHECK(!amqp_open_channel(client()) && errno == ENOTCONN);
    SAYS(3, BASIC_CANCEL, .numbers = { 1 }); /* too late to matter */
    SAYS(0, CONNECTION_CLOSE_OK, .numbers = { 0 });
    CHECK(wire.disconnecting && !wire.aborted);
    string_transport_lose(
        &wire, (struct failure){ &ConnectionLost, ECONNRESET, NULL });
    CHECK(lost_for(&ConnectionDone, 0));
    CHECK(unit_noted("lost "));
    end();
    begin(); /* no close-ok */
    amqp_client_close(client());
    fake_clock_advance(&clock_hand, 5.1);
    CHECK(wire.aborted);
    end();
    CHECK(unit_noted("lost "));
}

static void heartbeats(const char *poller)
{
    (void)poller;
    login.heartbeat = 2;
    begin();
    login.heartbeat = 0;
    fake_clock_advance(&clock_hand, 1.1); /* the hand-shake was said */
    CHECK(heard(NULL) == 0);
    fake_clock_advance(&clock_hand, 1);
    CHECK(heard(NULL) == AMQP_FRAME_HEARTBEAT && heard(NULL) == 0);
    fake_clock_advance(&clock_hand, 1);
    CHECK(heard(NULL) == AMQP_FRAME_HEARTBEAT);
    string_transport_receive(&wire, "\x8", 1); /* any byte is a sign of life */
    fake_clock_advance(&clock_hand, 4); /* half an interval counts for it */
    CHECK(!wire.aborted);
    amqp_receiver_pause(&client()->base);
    fake_clock_advance(&clock_hand, 60); /* who does not read hears nothing */
    CHECK(!wire.aborted);
    amqp_receiver_resume(&client()->base);
    fake_clock_advance(&clock_hand, 3.9);
    CHECK(!wire.aborted);
    fake_clock_advance(&clock_hand, 1.2);
    CHECK(wire.aborted);
    string_transport_lose(&wire,
                          (struct failure){ &ConnectionAborted, 0, NULL });
    CHECK(lost_for(&TimeoutError, 0));
    CHECK(unit_noted("lost "));
    end();
}

/* --- channels --- */

static struct amqp_channel *channel;
static struct amqp_consumer *consumer;

static struct result note(struct result result, void *argument)
{
    if (result.kind == RESULT_FAILURE)
        unit_note("!");
    unit_note(argument);
    return result_value(NULL);
}

static void ask(struct deferred *deferred, const char *name)
{
    CHECK(deferred);
    CHECK(deferred_add_both(deferred, note, (void *)name) == 0);
    deferred_release(deferred);
}

static struct result take_channel(struct result result, void *argument)
{
    (void)argument;
    channel = result.value;
    return result_value(NULL);
}

static struct result take_consumer(struct result result, void *argument)
{
    (void)argument;
    if (result.kind == RESULT_VALUE)
        consumer = result.value;
    return result_value(NULL);
}

static struct result drop_queue(struct result result, void *argument)
{
    if (result.kind == RESULT_FAILURE)
        return result;
    struct amqp_queue *queue = result.value;
    CHECK(!strcmp(queue->name, argument));
    free(queue);
    return result_value(NULL);
}

static void closed(struct amqp_channel *self, struct failure reason)
{
    CHECK(self == channel && reason.type);
    CHECK(!amqp_qos(self, 1) && errno == ENOTCONN);
    CHECK(amqp_publish(self, "q", &nothing, amqp_text(""), false) == -1 &&
          errno == ENOTCONN);
    amqp_ack(self, 1); /* means nothing any more */
    unit_note("closed ");
}

static void begin_channel(void)
{
    begin();
    struct deferred *open = amqp_open_channel(client());
    CHECK(open && deferred_add_callback(open, take_channel, NULL) == 0);
    deferred_release(open);
    CHECK(heard(NULL) == CHANNEL_OPEN);
    SAYS(1, CHANNEL_OPEN_OK, .numbers = { 0 });
    CHECK(channel && channel->number == 1);
    channel->closed = closed;
}

static void one_question_at_a_time(const char *poller)
{
    struct deferred *cancelled;
    struct amqp_arguments arguments;

    (void)poller;
    begin_channel();
    struct deferred *declare = amqp_declare(channel, "a", 0);
    deferred_add_callback(declare, drop_queue, "a");
    ask(declare, "a ");
    cancelled = amqp_qos(channel, 7);
    ask(amqp_qos(channel, 1), "b ");
    deferred_cancel(cancelled); /* it was not sent, and never will be */
    deferred_add_both(cancelled, note, "cancelled ");
    deferred_release(cancelled);
    CHECK(heard(NULL) == QUEUE_DECLARE && heard(NULL) == 0);
    SAYS(1, QUEUE_DECLARE_OK, .numbers = { 3, 4 }, .strings = { { "a", 1 } });
    CHECK(heard(&arguments) == BASIC_QOS && arguments.numbers[1] == 1);
    CHECK(heard(NULL) == 0);
    SAYS(1, BASIC_QOS_OK, .numbers = { 0 });
    CHECK(unit_noted("!cancelled a b "));
    /* One that was sent keeps its place; its answer is nobody's. */
    declare = amqp_declare(channel, "c", 0);
    deferred_cancel(declare);
    deferred_add_both(declare, note, "c ");
    deferred_release(declare);
    ask(amqp_qos(channel, 2), "d ");
    SAYS(1, QUEUE_DECLARE_OK, .numbers = { 0, 0 }, .strings = { { "c", 1 } });
    SAYS(1, BASIC_QOS_OK, .numbers = { 0 });
    CHECK(unit_noted("!c d "));
    /* An answer to what was not asked is the end. */
    ask(amqp_qos(channel, 3), "e ");
    SAYS(1, QUEUE_DELETE_OK, .numbers = { 0 });
    CHECK(client()->state == CLIENT_CLOSING);
    end();
    CHECK(lost_for(&AmqpError, AMQP_UNEXPECTED_FRAME));
    CHECK(unit_noted("!e closed lost "));
    begin_channel(); /* or when nothing was asked */
    SAYS(1, BASIC_QOS_OK, .numbers = { 0 });
    CHECK(client()->state == CLIENT_CLOSING);
    end();
    CHECK(unit_noted("closed lost "));
}

static void a_channel_dies(const char *poller)
{
    (void)poller;
    begin_channel();
    ask(amqp_qos(channel, 1), "a ");
    ask(amqp_qos(channel, 1), "b ");
    buffer_clear(&wire.written);
    SAYS(1, CHANNEL_CLOSE, .numbers = { 406, 60, 80 },
         .strings = { amqp_text("PRECONDITION_FAILED - x") });
    CHECK(heard(NULL) == CHANNEL_CLOSE_OK && heard(NULL) == 0);
    CHECK(unit_noted("!a !b closed "));
    CHECK(!client()->channels && client()->state == CLIENT_OPEN);
    /* Its number is free again. */
    struct deferred *open = amqp_open_channel(client());
    deferred_add_callback(open, take_channel, NULL);
    deferred_release(open);
    SAYS(1, CHANNEL_OPEN_OK, .numbers = { 0 });
    CHECK(channel->number == 1);
    ask(amqp_close_channel(channel), "bye ");
    CHECK(!amqp_qos(channel, 1) && errno == ENOTCONN);
    SAYS(1, CHANNEL_CLOSE_OK, .numbers = { 0 });
    CHECK(unit_noted("bye ") && !client()->channels);
    SAYS(1, CHANNEL_CLOSE_OK, .numbers = { 0 }); /* both at the same time */
    CHECK(client()->state == CLIENT_OPEN);
    end();
    CHECK(unit_noted("lost "));
}

static void the_connection_dies(const char *poller)
{
    (void)poller;
    begin_channel();
    ask(amqp_qos(channel, 1), "a ");
    ask(amqp_declare(channel, "", 0), "b ");
    ask(amqp_open_channel(client()), "second ");
    string_transport_lose(&wire,
                          (struct failure){ &ConnectionLost, EPIPE, NULL });
    CHECK(unit_noted("!a !b closed !second lost "));
    CHECK(lost_for(&ConnectionLost, EPIPE));
    end();
}

/* --- messages --- */

static void delivered(struct amqp_consumer *self,
                      const struct amqp_message *message, uint64_t tag,
                      bool redelivered)
{
    CHECK(amqp_is(message->body, redelivered ? "again" : "hello"));
    unit_note(redelivered ? "again " : "hello ");
    amqp_ack(self->channel, tag);
}

static void consumer_cancelled(struct amqp_consumer *self)
{
    (void)self;
    unit_note("cancelled ");
}

static void message(uint32_t method, struct amqp_arguments arguments,
                    const char *id, const char *body)
{
    char header[AMQP_HEADER_MAX];
    const struct amqp_properties properties = { .correlation_id =
                                                    amqp_text(id) };
    ssize_t length = amqp_header_write(header, &properties, strlen(body));

    says(1, method, arguments);
    frame(AMQP_FRAME_HEADER, 1, header, (size_t)length);
    if (*body)
        frame(AMQP_FRAME_BODY, 1, body, strlen(body));
}

static void deliver(uint64_t tag, bool again, const char *body)
{
    message(BASIC_DELIVER,
            (struct amqp_arguments){ .numbers = { tag, again },
                                     .strings = { amqp_text("ctag1") } },
            "", body);
}

static void begin_consumer(void)
{
    const struct amqp_consumer wanted = { .delivered = delivered,
                                          .cancelled = consumer_cancelled };

    begin_channel();
    struct deferred *consume = amqp_consume(channel, "q", 0, &wanted);
    CHECK(consume);
    deferred_add_both(consume, take_consumer, NULL);
    deferred_release(consume);
    SAYS(1, BASIC_CONSUME_OK, .strings = { amqp_text("ctag1") });
    CHECK(consumer && !strcmp(consumer->tag, "ctag1"));
    buffer_clear(&wire.written);
}

static void messages(const char *poller)
{
    struct amqp_arguments arguments;

    (void)poller;
    begin_consumer();
    deliver(1, false, "hello");
    CHECK(heard(&arguments) == BASIC_ACK && arguments.numbers[0] == 1);
    deliver(2, true, "again");
    CHECK(heard(&arguments) == BASIC_ACK && arguments.numbers[0] == 2);
    CHECK(unit_noted("hello again "));
    ask(amqp_cancel(consumer), "left ");
    CHECK(heard(NULL) == BASIC_CANCEL);
    deliver(3, false, "hello"); /* was on its way: back with it */
    CHECK(heard(&arguments) == BASIC_REJECT && arguments.numbers[0] == 3 &&
          arguments.numbers[1] == 1);
    SAYS(1, BASIC_CANCEL_OK, .strings = { amqp_text("ctag1") });
    CHECK(unit_noted("left ") && !channel->consumers);
    SAYS(1, CHANNEL_FLOW, .numbers = { 0 });
    CHECK(heard(NULL) == CHANNEL_FLOW_OK);
    end();
    CHECK(unit_noted("closed lost "));
}

static void a_queue_dies(const char *poller)
{
    (void)poller;
    begin_consumer();
    SAYS(1, BASIC_DELIVER, .numbers = { 1, 0 },
         .strings = { amqp_text("ctag1") });
    buffer_clear(&wire.written);
    frame(AMQP_FRAME_HEADER, 1, "\0\x3c\0\0\0\0\0\0\0\0\0\1\0\0", 14);
    SAYS(1, CHANNEL_CLOSE, .numbers = { 404, 0, 0 },
         .strings = { { "", 0 } }); /* in the middle of a message */
    CHECK(unit_noted("closed "));
    end();
    CHECK(unit_noted("lost "));
    begin_consumer();
    SAYS(1, BASIC_CANCEL, .numbers = { 1 }, .strings = { amqp_text("ctag1") });
    CHECK(unit_noted("cancelled ") && !channel->consumers);
    SAYS(1, BASIC_CANCEL, .numbers = { 1 }, .strings = { amqp_text("ctag1") });
    end();
    CHECK(unit_noted("closed lost "));
}

static void blocked(const char *poller)
{
    (void)poller;
    begin_channel();
    CHECK(amqp_publish(channel, "q", &nothing, amqp_text("x"), false) == 0);
    SAYS(0, CONNECTION_BLOCKED, .strings = { amqp_text("low on memory") });
    CHECK(flows == 1 && amqp_client_full(client()));
    buffer_clear(&wire.written);
    CHECK(amqp_publish(channel, "q", &nothing, amqp_text("x"), false) == -1);
    CHECK(errno == EAGAIN && heard(NULL) == 0);
    SAYS(0, CONNECTION_UNBLOCKED, .numbers = { 0 });
    CHECK(flows == 2 && !amqp_client_full(client()));
    CHECK(amqp_publish(channel, "q", &nothing, amqp_text("x"), false) == 0);
    end();
    CHECK(unit_noted("closed lost "));
}

/* --- the caller --- */

static struct amqp_caller caller;

static struct result reply(struct result result, void *argument)
{
    struct amqp_reply *value = result.value;

    if (result.kind == RESULT_FAILURE) {
        unit_note("!");
    } else {
        CHECK(value->length == strlen(value->bytes));
        unit_note(value->bytes);
        free(value);
    }
    unit_note(argument);
    return result_value(NULL);
}

/* A call; its id goes into `id`. */
static void call(const char *name, char *id)
{
    struct deferred *deferred = amqp_caller_call(&caller, "work", "ls", 2);
    struct amqp_arguments arguments;
    struct amqp_properties properties;

    CHECK(deferred);
    deferred_add_both(deferred, reply, (void *)name);
    deferred_release(deferred);
    CHECK(heard(&arguments) == BASIC_PUBLISH && arguments.numbers[1] == 1);
    size_t length = (size_t)(unsigned char)buffer_data(&wire.written)[6];
    CHECK(amqp_header_read(
        (struct amqp_bytes){ buffer_data(&wire.written) + 7, length },
        &properties));
    CHECK(properties.correlation_id.length == 36);
    CHECK(amqp_is(properties.reply_to, "amq.gen-1"));
    memcpy(id, properties.correlation_id.data, 36);
    id[36] = '\0';
    CHECK(id[8] == '-' && id[14] == '4' && strchr("89ab", id[19]));
    buffer_clear(&wire.written);
}

static void begin_caller(void)
{
    caller = (struct amqp_caller){ 0 };
    begin();
    struct deferred *deferred = amqp_caller_start(&caller, client());
    CHECK(deferred);
    ask(deferred, "ready ");
    SAYS(1, CHANNEL_OPEN_OK, .numbers = { 0 });
    SAYS(1, QUEUE_DECLARE_OK, .strings = { amqp_text("amq.gen-1") });
    SAYS(1, BASIC_CONSUME_OK, .strings = { amqp_text("ctag1") });
    CHECK(unit_noted("ready "));
    buffer_clear(&wire.written);
}

static void answer(const char *id, const char *body)
{
    message(BASIC_DELIVER,
            (struct amqp_arguments){ .numbers = { 1, 0 },
                                     .strings = { amqp_text("ctag1") } },
            id, body);
}

static void calls(const char *poller)
{
    char id[4][37];

    (void)poller;
    begin_caller();
    call("=1 ", id[0]);
    call("=2 ", id[1]);
    call("=3 ", id[2]);
    CHECK(strcmp(id[0], id[1]) != 0 && strcmp(id[1], id[2]) != 0);
    answer(id[1], "two");
    answer(id[1], "twice");
    answer("another", "x");
    answer("", "x");
    answer(id[0], "");
    CHECK(unit_noted("two=2 =1 "));
    message(BASIC_RETURN,
            (struct amqp_arguments){ .numbers = { AMQP_NO_ROUTE } }, id[2],
            "ls");
    CHECK(unit_noted("!=3 "));
    call("=4 ", id[3]);
    SAYS(1, BASIC_CANCEL, .numbers = { 1 }, .strings = { amqp_text("ctag1") });
    CHECK(unit_noted("!=4 "));
    CHECK(!amqp_caller_call(&caller, "work", "ls", 2) && errno == ENOTCONN);
    end();
    CHECK(unit_noted("lost "));
    begin_caller();
    call("=5 ", id[0]);
    end();
    CHECK(unit_noted("!=5 lost "));
}

/* Whichever allocation fails: no crash, no leak, and whoever asked hears. */
static void no_memory(const char *poller)
{
    (void)poller;
    for (int after = 0; after < 40; after++) {
        caller = (struct amqp_caller){ 0 };
        begin();
        unit_fail_allocation(after);
        struct deferred *deferred = amqp_caller_start(&caller, client());
        if (deferred) {
            if (deferred_add_both(deferred, note, "") < 0)
                deferred_cancel(deferred);
            deferred_release(deferred);
        }
        if (client()->channels)
            SAYS(1, CHANNEL_OPEN_OK, .numbers = { 0 });
        if (client()->channels && client()->channels->requests)
            SAYS(1, QUEUE_DECLARE_OK, .strings = { amqp_text("amq.gen-1") });
        if (client()->channels && client()->channels->requests)
            SAYS(1, BASIC_CONSUME_OK, .strings = { amqp_text("ctag1") });
        deferred =
            caller.channel ? amqp_caller_call(&caller, "work", "ls", 2) : NULL;
        if (deferred) {
            deferred_add_both(deferred, reply, "");
            deferred_release(deferred);
            if (caller.calls && client()->state == CLIENT_OPEN)
                answer("x", "x");
        }
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        end();
        unit_noted("");
        if (!failed)
            return;
    }
    CHECK(!"forty allocations were enough");
}

static const struct unit_case cases[] = {
    { "handshake", handshake },
    { "handshake_cut_off", handshake_cut_off },
    { "odd_brokers", odd_brokers },
    { "the_broker_closes", the_broker_closes },
    { "we_close", we_close },
    { "heartbeats", heartbeats },
    { "one_question_at_a_time", one_question_at_a_time },
    { "a_channel_dies", a_channel_dies },
    { "the_connection_dies", the_connection_dies },
    { "messages", messages },
    { "a_queue_dies", a_queue_dies },
    { "blocked", blocked },
    { "calls", calls },
    { "no_memory", no_memory },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
