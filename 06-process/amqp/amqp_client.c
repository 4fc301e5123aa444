/* SPDX-License-Identifier: MIT
 *
 * amqp_client.c - a connection to a broker: how it begins and how it ends.
 * What happens in between happens on channels: amqp_channel.c.
 */
#include "amqp/amqp_client.h"

#include <string.h>

#include "net/text.h"
#include "protocol/log.h"
#include "stream/tcp_options.h"

const struct failure_type AmqpClosed = { "AmqpClosed", "The broker has closed",
                                         false };
const struct failure_type AmqpError = { "AmqpError",
                                        "This is not how AMQP goes", false };
const struct failure_type AmqpNoRoute = { "AmqpNoRoute",
                                          "There is no such queue", false };

static const struct amqp_client_class *class_of(const struct amqp_client *self)
{
    return (const struct amqp_client_class *)self->base.base.class;
}

static struct transport *transport_of(const struct amqp_client *self)
{
    return self->base.base.transport;
}

static struct amqp_client *client_of(struct amqp_receiver *base)
{
    return (struct amqp_client *)base;
}

struct failure amqp_closed(const char *what, const struct amqp_arguments *close)
{
    int code = (int)close->numbers[0];
    char text[LOG_TEXT_MAX];

    /* The broker's text is not ours to keep: a failure owns nothing. */
    log_message("The broker has closed the %s: %d %s", what, code,
                text_escape(close->strings[0].data, close->strings[0].length,
                            text, sizeof(text), TEXT_LOG));
    return (struct failure){ &AmqpClosed, code, amqp_code_name(code) };
}

/* --- the end --- */

static void time_out(void *argument)
{
    struct amqp_client *self = argument;

    if (!self->reason.type)
        self->reason = (struct failure){ &TimeoutError, 0, "no answer" };
    transport_abort_connection(transport_of(self));
}

static void limit_time(struct amqp_client *self, double seconds)
{
    delayed_call_cancel(&self->timeout);
    if (clock_call_later(self->base.clock, &self->timeout, seconds, time_out,
                         self) < 0)
        time_out(self);
}

/* Nothing more is of interest. A broker that does not read what we owe it
 * would keep us for ever, hence the limit. */
static void leave(struct amqp_client *self)
{
    self->state = CLIENT_CLOSED;
    transport_unregister_producer(transport_of(self));
    transport_lose_connection(transport_of(self));
    limit_time(self, AMQP_CLOSE_TIMEOUT);
}

static void send_close(struct amqp_client *self, int code, const char *text)
{
    const struct amqp_arguments close = { .numbers = { (uint64_t)code },
                                          .strings = { amqp_text(text) } };

    amqp_send_method(&self->base, 0, CONNECTION_CLOSE, &close);
    self->state = CLIENT_CLOSING;
    limit_time(self, AMQP_CLOSE_TIMEOUT);
}

void amqp_client_fail(struct amqp_client *self, int code, const char *why)
{
    if (self->state >= CLIENT_CLOSING)
        return;
    self->reason = (struct failure){ &AmqpError, code, why };
    send_close(self, code, why);
}

/* A handshake is cut off, a connection closed with a word. */
void amqp_client_close(struct amqp_client *self)
{
    if (self->state >= CLIENT_CLOSING)
        return;
    self->reason = (struct failure){ &ConnectionDone, 0, NULL };
    if (self->state == CLIENT_OPEN)
        send_close(self, AMQP_SUCCESS, "Goodbye");
    else
        leave(self); /* nothing was agreed upon that could be closed */
}

/* What follows is not cut into frames any more: not even close-ok can be
 * read. So we say why, and do not wait. */
void amqp_client_frame_refused(struct amqp_receiver *base, const char *why)
{
    struct amqp_client *self = client_of(base);

    amqp_client_fail(self, AMQP_FRAME_ERROR, why);
    leave(self);
}

void amqp_client_silent(struct amqp_receiver *base)
{
    struct amqp_client *self = client_of(base);

    self->reason = (struct failure){ &TimeoutError, 0, "no heartbeat" };
    transport_abort_connection(transport_of(self));
}

/* A broker that does not like what we say during the handshake often hangs up
 * without a word. How far we had come is all that we know then. */
static struct failure why_lost(const struct amqp_client *self,
                               struct failure reason)
{
    static const char *const stages[] = {
        "the broker hung up while the version was negotiated",
        "the broker hung up while user and password were checked",
        "the broker hung up while the virtual host was opened",
    };

    if (self->reason.type)
        return self->reason;
    if (self->state < CLIENT_OPEN)
        return (struct failure){ &AmqpError, 0, stages[self->state] };
    return reason;
}

void amqp_client_connection_lost(struct protocol *protocol,
                                 struct failure reason)
{
    struct amqp_client *self = (struct amqp_client *)protocol;

    reason = why_lost(self, reason);
    self->state = CLIENT_CLOSED; /* who tries again now is refused */
    delayed_call_cancel(&self->timeout);
    while (self->channels)
        amqp_channel_end(self->channels, reason);
    amqp_receiver_connection_lost(protocol, reason);
    class_of(self)->lost(self, reason);
}

/* --- the beginning --- */

static void flow_changed(struct amqp_client *self)
{
    if (class_of(self)->flow_changed && self->state == CLIENT_OPEN)
        class_of(self)->flow_changed(self);
}

/* That it is full now we hear from within our own write: nobody is called from
 * there, or who publishes all that waits would be called by what it does. */
static void watermark_changed(void *argument)
{
    struct amqp_client *self = argument;

    if (!self->watermark.full)
        flow_changed(self);
}

bool amqp_client_full(const struct amqp_client *self)
{
    return self->blocked || self->watermark.full;
}

void amqp_client_connection_made(struct protocol *protocol)
{
    struct amqp_client *self = (struct amqp_client *)protocol;

    self->base.greeted = true; /* a broker does not greet, it answers */
    self->base.frame_max = AMQP_FRAME_MAX;
    self->base.input.read_ahead = AMQP_READ_AHEAD;
    tcp_options_set_no_delay(protocol->transport, true);
    write_watermark_watch(&self->watermark, protocol->transport,
                          watermark_changed, self);
    transport_write(protocol->transport, AMQP_GREETING, AMQP_GREETING_LENGTH);
    limit_time(self, AMQP_HANDSHAKE_TIMEOUT);
}

/* Whether the word is one of those between the spaces. */
static bool has_word(struct amqp_bytes words, const char *word)
{
    const char *next = words.data, *end = next + words.length;

    while (next < end) {
        const char *space = memchr(next, ' ', (size_t)(end - next));
        const char *stop = space ? space : end;
        if (amqp_is((struct amqp_bytes){ next, (size_t)(stop - next) }, word))
            return true;
        next = stop + 1;
    }
    return false;
}

/* user and password go in the clear, as everything does: this is for a broker
 * on the same machine, or behind TLS. */
static void log_in(struct amqp_client *self, const struct amqp_arguments *start)
{
    static const char *const capabilities[] = { "authentication_failure_close",
                                                "connection.blocked",
                                                "consumer_cancel_notify",
                                                NULL };
    const struct amqp_login *login = self->login;
    const char *user = login->user ? login->user : "guest";
    const char *password = login->password ? login->password : "guest";
    char table[AMQP_TABLE_MAX], response[2 * AMQP_SHORT_MAX + 2];
    size_t lengths[] = { strlen(user), strlen(password) };

    if (start->numbers[0] != 0 || start->numbers[1] != 9) {
        amqp_client_fail(self, AMQP_NOT_ALLOWED, "version is not 0-9");
        return;
    }
    if (!has_word(start->strings[1], "PLAIN") || lengths[0] > AMQP_SHORT_MAX ||
        lengths[1] > AMQP_SHORT_MAX) {
        amqp_client_fail(self, AMQP_NOT_ALLOWED, "no way to log in");
        return;
    }
    response[0] = response[1 + lengths[0]] = '\0';
    memcpy(response + 1, user, lengths[0]);
    memcpy(response + 2 + lengths[0], password, lengths[1]);
    size_t size = amqp_table_write(table, "Untwist", capabilities);
    self->state = CLIENT_LOGS_IN;
    amqp_send_method(
        &self->base, 0, CONNECTION_START_OK,
        &(struct amqp_arguments){ .strings = {
                                      { table, size },
                                      amqp_text("PLAIN"),
                                      { response, lengths[0] + lengths[1] + 2 },
                                      amqp_text("en_US"),
                                  } });
}

/* Of two wishes the smaller counts, and 0 is no wish. */
static uint64_t smaller(uint64_t ours, uint64_t theirs)
{
    return ours == 0 || (theirs > 0 && theirs < ours) ? theirs : ours;
}

/* tune-ok and open leave together: the broker has nothing to say in between. */
static void agree(struct amqp_client *self, const struct amqp_arguments *tune)
{
    const char *vhost = self->login->vhost ? self->login->vhost : "/";
    struct amqp_arguments ok = { .numbers = {
                                     smaller(UINT16_MAX, tune->numbers[0]),
                                     smaller(AMQP_FRAME_MAX, tune->numbers[1]),
                                     smaller((uint64_t)self->login->heartbeat,
                                             tune->numbers[2]) } };

    if (ok.numbers[1] < AMQP_FRAME_MIN) {
        amqp_client_fail(self, AMQP_FRAME_ERROR, "frame-max is below 4096");
        return;
    }
    self->channel_max = (unsigned)ok.numbers[0];
    self->base.frame_max = (size_t)ok.numbers[1];
    self->state = CLIENT_OPENS;
    amqp_send_method(&self->base, 0, CONNECTION_TUNE_OK, &ok);
    if (amqp_send_method(
            &self->base, 0, CONNECTION_OPEN,
            &(struct amqp_arguments){ .strings = { amqp_text(vhost) } }) < 0)
        amqp_client_fail(self, AMQP_NOT_ALLOWED, "name of virtual host");
    amqp_receiver_start_heartbeat(&self->base, (double)ok.numbers[2]);
}

static void set_blocked(struct amqp_client *self, bool blocked)
{
    self->blocked = blocked;
    log_message("The broker %s messages", blocked ? "takes no" : "takes");
    flow_changed(self);
}

/* Methods of channel 0, each in its state. Returns false for any other. */
static bool connection_method(struct amqp_client *self, uint32_t method,
                              const struct amqp_arguments *arguments)
{
    if (self->state == CLIENT_CLOSING && method == CONNECTION_CLOSE_OK)
        leave(self);
    else if (self->state == CLIENT_GREETS && method == CONNECTION_START)
        log_in(self, arguments);
    else if (self->state == CLIENT_LOGS_IN && method == CONNECTION_TUNE)
        agree(self, arguments);
    else if (self->state == CLIENT_OPEN &&
             (method == CONNECTION_BLOCKED || method == CONNECTION_UNBLOCKED))
        set_blocked(self, method == CONNECTION_BLOCKED);
    else if (self->state == CLIENT_OPENS && method == CONNECTION_OPEN_OK) {
        self->state = CLIENT_OPEN;
        delayed_call_cancel(&self->timeout);
        class_of(self)->ready(self);
    } else
        return false;
    return true;
}

static void connection_frame(struct amqp_client *self,
                             const struct amqp_frame *frame)
{
    struct amqp_arguments arguments;
    uint32_t method;
    int error =
        amqp_method_read(&method, &arguments, frame->payload, frame->length);

    if (frame->type != AMQP_FRAME_METHOD)
        amqp_client_fail(self, AMQP_UNEXPECTED_FRAME, "content on channel 0");
    else if (error)
        amqp_client_fail(
            self, error == AMQP_FRAME_ERROR ? error : AMQP_COMMAND_INVALID,
            "method cannot be read");
    else if (method == CONNECTION_CLOSE) {
        /* RabbitMQ resets the connection when it has our close-ok; the reason
         * must be known by then. */
        struct failure reason = amqp_closed("connection", &arguments);
        if (!self->reason.type)
            self->reason = reason;
        amqp_send_method(&self->base, 0, CONNECTION_CLOSE_OK, &arguments);
        leave(self);
    } else if (!connection_method(self, method, &arguments))
        amqp_client_fail(self, AMQP_COMMAND_INVALID, "method at a wrong time");
}

void amqp_client_frame_received(struct amqp_receiver *base,
                                const struct amqp_frame *frame)
{
    struct amqp_client *self = client_of(base);

    if (self->state == CLIENT_CLOSED ||
        (self->state == CLIENT_CLOSING && frame->channel > 0))
        return;
    if (frame->type == AMQP_FRAME_HEARTBEAT) {
        if (frame->channel > 0 || frame->length > 0)
            amqp_client_fail(self, AMQP_FRAME_ERROR, "odd heartbeat");
    } else if (frame->channel == 0) {
        connection_frame(self, frame);
    } else if (self->state == CLIENT_OPEN) {
        amqp_channel_receive(self, frame);
    } else {
        amqp_client_fail(self, AMQP_CHANNEL_ERROR, "channel during handshake");
    }
}
