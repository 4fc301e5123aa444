/* SPDX-License-Identifier: MIT
 *
 * broker_connection.c - a client of the broker: its hand-shake, its channels
 * by number, how errors end a channel or all of it, and what is left behind.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amqp/broker.h"
#include "net/text.h"
#include "protocol/log.h"
#include "stream/tcp_options.h"

static struct transport *transport_of(const struct broker_connection *self)
{
    return self->base.base.transport;
}

static void send_method(struct broker_connection *self, uint32_t method,
                        const struct amqp_arguments *arguments)
{
    amqp_send_method(&self->base, 0, method, arguments);
}

/* --- errors, and the end --- */

static void time_out(void *argument)
{
    struct broker_connection *self = argument;

    transport_abort_connection(transport_of(self));
}

static void limit_time(struct broker_connection *self, double seconds)
{
    delayed_call_cancel(&self->timeout);
    if (clock_call_later(self->base.clock, &self->timeout, seconds, time_out,
                         self) < 0)
        time_out(self);
}

/* What is queued is still sent, close-ok for instance; a client that does not
 * read it would keep us for ever, hence the limit. */
static void leave(struct broker_connection *self)
{
    self->state = BROKER_CLOSED;
    transport_unregister_producer(transport_of(self));
    transport_lose_connection(transport_of(self));
    limit_time(self, BROKER_CLOSE_TIMEOUT);
}

/* The arguments of either close: the code, its name and why, and which method
 * was at fault. `text` has room for a short string and a NUL; what is longer is
 * cut, and that is the text of an error, not a message. */
static struct amqp_arguments close_arguments(int code, uint32_t method,
                                             char *text, const char *format,
                                             va_list arguments)
{
    int length =
        snprintf(text, AMQP_SHORT_MAX + 1, "%s - ", amqp_code_name(code));

    vsnprintf(text + length, (size_t)(AMQP_SHORT_MAX + 1 - length), format,
              arguments);
    return (struct amqp_arguments){ .numbers = { (uint64_t)code, method >> 16,
                                                 method & 0xffff },
                                    .strings = { amqp_text(text) } };
}

static void log_close(const char *what, const char *text)
{
    char safe[4 * AMQP_SHORT_MAX + 1]; /* names of queues are a client's */

    log_message("Closing the %s: %s", what,
                text_escape(text, strlen(text), safe, sizeof(safe), TEXT_LOG));
}

void broker_close_connection(struct broker_connection *self, int code,
                             uint32_t method, const char *format, ...)
{
    char text[AMQP_SHORT_MAX + 1];
    va_list arguments;

    if (self->state >= BROKER_CLOSING)
        return;
    va_start(arguments, format);
    const struct amqp_arguments close =
        close_arguments(code, method, text, format, arguments);
    va_end(arguments);
    log_close("connection", text);
    send_method(self, CONNECTION_CLOSE, &close);
    self->state = BROKER_CLOSING;
    limit_time(self, BROKER_CLOSE_TIMEOUT);
}

void broker_close_channel(struct broker_channel *self, int code,
                          uint32_t method, const char *format, ...)
{
    char text[AMQP_SHORT_MAX + 1];
    va_list arguments;

    va_start(arguments, format);
    const struct amqp_arguments close =
        close_arguments(code, method, text, format, arguments);
    va_end(arguments);
    log_close("channel", text);
    amqp_send_method(&self->connection->base, self->number, CHANNEL_CLOSE,
                     &close);
    broker_channel_stop(self);
}

/* What cannot be cut into frames cannot say close-ok either. Who does not even
 * greet is told what we speak. */
static void frame_refused(struct amqp_receiver *base, const char *why)
{
    struct broker_connection *self = (struct broker_connection *)base;

    if (self->state == BROKER_GREETED)
        transport_write(transport_of(self), AMQP_GREETING,
                        AMQP_GREETING_LENGTH);
    else
        broker_close_connection(self, AMQP_FRAME_ERROR, 0, "%s", why);
    leave(self);
}

static void silent(struct amqp_receiver *base)
{
    log_message("Missed heartbeats from a client");
    transport_abort_connection(base->base.transport);
}

static void free_channel(struct broker_channel *self)
{
    struct broker_channel **link = &self->connection->channels;

    broker_channel_stop(self);
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    free(self);
}

/* A queue that is deleted leaves its bucket, and so may its neighbour, when the
 * last consumer of an auto-delete queue ends with it: none of ours has any. */
static void delete_own_queues(struct broker_connection *self)
{
    struct broker *broker = broker_of(self);

    for (int i = 0; i < BROKER_BUCKETS && self->exclusive > 0; i++) {
        struct broker_queue *queue = broker->queues[i], *next;
        for (; queue; queue = next) {
            next = queue->next;
            if (queue->owner == self)
                broker_queue_delete(queue);
        }
    }
}

/* The order matters: first nobody here consumes any more, then what was out
 * goes back to others, then its own queues go with what is in them. */
static void connection_lost(struct protocol *protocol, struct failure reason)
{
    struct broker_connection *self = (struct broker_connection *)protocol;
    struct broker_connection **link = &broker_of(self)->connections;

    self->state = BROKER_CLOSED;
    delayed_call_cancel(&self->timeout);
    while (self->channels)
        free_channel(self->channels);
    delete_own_queues(self);
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    amqp_receiver_connection_lost(protocol, reason);
}

void broker_stop(struct broker *self)
{
    for (struct broker_connection *connection = self->connections; connection;
         connection = connection->next) {
        broker_close_connection(connection, AMQP_CONNECTION_FORCED, 0,
                                "broker forced connection closure with reason "
                                "'shutdown'");
        leave(connection);
    }
}

/* --- not so fast --- */

/* A client that has messages without an ack is let through: its acks make room,
 * and if it waited for room, and we for its acks, nothing would ever move. */
void broker_block(struct broker_connection *self)
{
    for (const struct broker_channel *channel = self->channels; channel;
         channel = channel->next)
        if (channel->out)
            return;
    if (self->blocked || self->state != BROKER_OPEN)
        return;
    self->blocked = true;
    if (self->hears_blocked)
        send_method(self, CONNECTION_BLOCKED,
                    &(struct amqp_arguments){
                        .strings = { amqp_text("low on memory") } });
    amqp_receiver_pause(&self->base);
}

static void unblock(void *argument)
{
    struct broker *broker = argument;
    struct broker_connection *self = broker->connections, *next;

    broker->blocked = false;
    for (; self; self = next) {
        next = self->next;
        if (!self->blocked)
            continue;
        self->blocked = false;
        if (self->hears_blocked)
            send_method(self, CONNECTION_UNBLOCKED,
                        &(struct amqp_arguments){ 0 });
        amqp_receiver_resume(&self->base); /* what has come is dealt with now */
    }
}

/* Not at once: who takes a message from a queue is in the middle of something,
 * and to read a client again is to do what it says. */
void broker_unblock(struct broker *self)
{
    if (!delayed_call_active(&self->unblock))
        clock_call_later(self->clock, &self->unblock, 0, unblock, self);
}

/* The client reads again: its queues may have something for it. */
static void watermark_changed(void *argument)
{
    struct broker_connection *self = argument;
    struct broker_channel *channel;
    struct broker_consumer *consumer;

    if (self->watermark.full)
        return;
    for (channel = self->channels; channel; channel = channel->next)
        for (consumer = channel->consumers; consumer; consumer = consumer->next)
            broker_queue_dispatch(consumer->queue);
}

/* --- the hand-shake --- */

static void connection_made(struct protocol *protocol)
{
    struct broker_connection *self = (struct broker_connection *)protocol;
    struct broker *broker = broker_of(self);

    self->base.clock = broker->clock;
    self->base.frame_max = AMQP_FRAME_MAX;
    self->next = broker->connections;
    broker->connections = self;
    self->base.input.read_ahead = AMQP_READ_AHEAD;
    tcp_options_set_no_delay(protocol->transport, true);
    write_watermark_watch(&self->watermark, protocol->transport,
                          watermark_changed, self);
    limit_time(self, BROKER_TIMEOUT);
}

static void start(struct broker_connection *self)
{
    static const char *const capabilities[] = {
        "authentication_failure_close", "basic.nack", "connection.blocked",
        "consumer_cancel_notify", NULL
    };
    char table[AMQP_TABLE_MAX];
    size_t size = amqp_table_write(table, "Untwist", capabilities);

    self->state = BROKER_STARTED;
    send_method(self, CONNECTION_START,
                &(struct amqp_arguments){ .numbers = { 0, 9 },
                                          .strings = { { table, size },
                                                       amqp_text("PLAIN"),
                                                       amqp_text("en_US") } });
}

/* response = 00 user 00 password
 *
 * The length is compared first: only then may the bytes be looked at. */
static bool knows(const struct broker *self, struct amqp_bytes response)
{
    size_t user = strlen(self->user), password = strlen(self->password);

    return response.length == 2 + user + password && !response.data[0] &&
           !memcmp(response.data + 1, self->user, user) &&
           !response.data[1 + user] &&
           !memcmp(response.data + 2 + user, self->password, password);
}

static void start_ok(struct broker_connection *self,
                     const struct amqp_arguments *arguments)
{
    struct broker *broker = broker_of(self);
    struct amqp_bytes table = arguments->strings[0];

    self->hears_refusal =
        amqp_table_capable(table, "authentication_failure_close");
    self->hears_blocked = amqp_table_capable(table, "connection.blocked");
    self->hears_cancel = amqp_table_capable(table, "consumer_cancel_notify");
    if (amqp_is(arguments->strings[1], "PLAIN") &&
        knows(broker, arguments->strings[2])) {
        self->state = BROKER_TUNED;
        send_method(self, CONNECTION_TUNE,
                    &(struct amqp_arguments){
                        .numbers = { BROKER_CHANNELS_MAX, AMQP_FRAME_MAX,
                                     (uint64_t)broker->heartbeat } });
        return;
    }
    /* Without the capability the client takes this for nonsense. */
    if (self->hears_refusal)
        broker_close_connection(self, AMQP_ACCESS_REFUSED, 0,
                                "Login was refused");
    else
        leave(self);
}

/* The client chooses, but not more than was proposed: frame-max is how much of
 * its input we keep, and heartbeats of 0 are none, as it likes. */
static void tune_ok(struct broker_connection *self,
                    const struct amqp_arguments *arguments)
{
    const uint64_t *numbers = arguments->numbers;

    if (numbers[0] == 0 || numbers[0] > BROKER_CHANNELS_MAX ||
        numbers[1] < AMQP_FRAME_MIN || numbers[1] > AMQP_FRAME_MAX) {
        broker_close_connection(self, AMQP_NOT_ALLOWED, CONNECTION_TUNE_OK,
                                "beyond what was proposed");
        return;
    }
    self->channel_max = (unsigned)numbers[0];
    self->base.frame_max = (size_t)numbers[1];
    self->state = BROKER_TUNE_OK;
    amqp_receiver_start_heartbeat(&self->base, (double)numbers[2]);
}

static void open_vhost(struct broker_connection *self, struct amqp_bytes vhost)
{
    if (!amqp_is(vhost, "/")) {
        broker_close_connection(self, AMQP_NOT_ALLOWED, CONNECTION_OPEN,
                                "vhost %.*s not found", (int)vhost.length,
                                vhost.data);
        return;
    }
    self->state = BROKER_OPEN;
    delayed_call_cancel(&self->timeout);
    send_method(self, CONNECTION_OPEN_OK, &(struct amqp_arguments){ 0 });
}

/* --- what comes --- */

static void connection_method(struct broker_connection *self, uint32_t method,
                              const struct amqp_arguments *arguments)
{
    if (method == CONNECTION_CLOSE) {
        send_method(self, CONNECTION_CLOSE_OK, arguments);
        leave(self);
    } else if (self->state == BROKER_CLOSING) {
        if (method == CONNECTION_CLOSE_OK)
            leave(self);
    } else if (self->state == BROKER_STARTED && method == CONNECTION_START_OK)
        start_ok(self, arguments);
    else if (self->state == BROKER_TUNED && method == CONNECTION_TUNE_OK)
        tune_ok(self, arguments);
    else if (self->state == BROKER_TUNE_OK && method == CONNECTION_OPEN)
        open_vhost(self, arguments->strings[0]);
    else if (method >> 16 != CONNECTION_CLOSE >> 16)
        broker_close_connection(self, AMQP_CHANNEL_ERROR, method,
                                "%s on channel 0", amqp_method_name(method));
    else
        broker_close_connection(self, AMQP_COMMAND_INVALID, method,
                                "%s at a wrong time", amqp_method_name(method));
}

/* A limit, and no memory, are the same to the client: it has too many. */
static void open_channel(struct broker_connection *self, unsigned number)
{
    struct broker_channel *channel = NULL;

    if (number <= self->channel_max)
        channel = calloc(1, sizeof(*channel));
    if (!channel) {
        broker_close_connection(self, AMQP_CHANNEL_ERROR, CHANNEL_OPEN,
                                "number of channels is limited to %u",
                                self->channel_max);
        return;
    }
    channel->connection = self;
    channel->number = number;
    channel->out_end = &channel->out;
    channel->next = self->channels;
    self->channels = channel;
    amqp_send_method(&self->base, number, CHANNEL_OPEN_OK,
                     &(struct amqp_arguments){ 0 });
}

static struct broker_channel *find_channel(const struct broker_connection *self,
                                           unsigned number)
{
    struct broker_channel *channel = self->channels;

    while (channel && channel->number != number)
        channel = channel->next;
    return channel;
}

/* A method of a channel, or of one that is to be. A channel that we have closed
 * is deaf until close-ok comes: what was sent before the client knew is about
 * things that are not there any more. */
static void channel_method(struct broker_connection *self, unsigned number,
                           uint32_t method,
                           const struct amqp_arguments *arguments)
{
    struct broker_channel *channel = find_channel(self, number);

    if (channel && method == CHANNEL_CLOSE) {
        free_channel(channel);
        amqp_send_method(&self->base, number, CHANNEL_CLOSE_OK, arguments);
    } else if (channel && channel->closing) {
        if (method == CHANNEL_CLOSE_OK)
            free_channel(channel);
    } else if (!channel && method == CHANNEL_OPEN && number > 0)
        open_channel(self, number);
    else if (!channel || method == CHANNEL_OPEN)
        broker_close_connection(self, AMQP_CHANNEL_ERROR, method,
                                channel ? "second 'channel.open' seen"
                                        : "expected 'channel.open'");
    else if (channel->content.expects != CONTENT_NONE)
        broker_close_connection(self, AMQP_UNEXPECTED_FRAME, BASIC_PUBLISH,
                                "expected content, got %s instead",
                                amqp_method_name(method));
    else
        broker_channel_method(channel, method, arguments);
}

static void content_frame(struct broker_connection *self,
                          const struct amqp_frame *frame)
{
    struct broker_channel *channel = find_channel(self, frame->channel);

    if (!channel)
        broker_close_connection(self, AMQP_CHANNEL_ERROR, 0,
                                "expected 'channel.open'");
    else if (!channel->closing)
        broker_channel_content(channel, frame);
}

static void method_frame(struct broker_connection *self,
                         const struct amqp_frame *frame)
{
    struct amqp_arguments arguments;
    uint32_t method;
    int error =
        amqp_method_read(&method, &arguments, frame->payload, frame->length);

    if (error)
        broker_close_connection(self, error, method, "%s",
                                amqp_method_name(method));
    else if (frame->channel == 0)
        connection_method(self, method, &arguments);
    else if (self->state == BROKER_OPEN)
        channel_method(self, frame->channel, method, &arguments);
    else
        broker_close_connection(self, AMQP_CHANNEL_ERROR, method,
                                "connection is not open");
}

static void frame_received(struct amqp_receiver *base,
                           const struct amqp_frame *frame)
{
    struct broker_connection *self = (struct broker_connection *)base;

    if (self->state == BROKER_CLOSED ||
        (self->state == BROKER_CLOSING && frame->channel > 0))
        return;
    if (frame->type == AMQP_FRAME_GREETING)
        start(self);
    else if (frame->type == AMQP_FRAME_METHOD)
        method_frame(self, frame);
    else if (frame->type != AMQP_FRAME_HEARTBEAT)
        content_frame(self, frame);
    else if (frame->length > 0)
        broker_close_connection(self, AMQP_FRAME_ERROR, 0,
                                "heartbeat with a payload");
    else if (frame->channel > 0)
        broker_close_connection(self, AMQP_UNEXPECTED_FRAME, 0,
                                "heartbeat on a channel");
}

static const struct amqp_receiver_class BrokerConnection = {
    .base = { .name = "Broker",
              .size = sizeof(struct broker_connection),
              .connection_made = connection_made,
              .data_received = amqp_receiver_data_received,
              .connection_lost = connection_lost },
    .frame_received = frame_received,
    .frame_refused = frame_refused,
    .silent = silent,
};

void broker_init(struct broker *self, struct clock clock)
{
    *self = (struct broker){ .base = { .name = "BrokerFactory",
                                       .protocol = &BrokerConnection.base },
                             .clock = clock,
                             .user = "guest",
                             .password = "guest",
                             .heartbeat = 60,
                             .bytes_max = BROKER_BYTES_MAX };
}

void broker_free(struct broker *self)
{
    delayed_call_cancel(&self->unblock);
    for (int i = 0; i < BROKER_BUCKETS; i++)
        while (self->queues[i])
            broker_queue_delete(self->queues[i]);
}
