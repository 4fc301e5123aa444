/* SPDX-License-Identifier: MIT
 *
 * A caller, and a broker that has let it in and says anything. Each Deferred
 * fires once, whatever comes; in one piece or in many, the same is answered.
 */
#include "amqp/amqp_caller.h"

#include <stdlib.h>

#include "amqp.h"

static struct fake_clock hand;
static struct amqp_login login;
static struct amqp_caller caller;
static int asked, fired;

static struct result take(struct result result, void *argument)
{
    fired++;
    if (argument && result.kind == RESULT_VALUE)
        free(result.value);
    return result_value(NULL);
}

static void ask(struct deferred *deferred, void *owned)
{
    if (!deferred)
        return;
    asked++;
    deferred_add_both(deferred, take, owned);
    deferred_release(deferred);
}

static void delivered(struct amqp_consumer *self,
                      const struct amqp_message *message, uint64_t tag,
                      bool redelivered)
{
    fuzz_note(message->body.data, message->body.length);
    fuzz_note(message->properties.reply_to.data,
              message->properties.reply_to.length);
    if (redelivered && !self->leaving)
        ask(amqp_cancel(self), NULL);
    amqp_ack(self->channel, tag);
}

static struct result opened(struct result result, void *argument)
{
    static const struct amqp_consumer consumer = { .delivered = delivered };

    (void)argument;
    fired++;
    if (result.kind == RESULT_FAILURE)
        return result_value(NULL);
    ask(amqp_declare(result.value, "q", 0), result.value);
    ask(amqp_qos(result.value, 1), NULL);
    ask(amqp_consume(result.value, "q", 0, &consumer), NULL);
    return result_value(NULL);
}

static struct result calls(struct result result, void *argument)
{
    fired++;
    for (int i = 0; i < 2; i++)
        ask(amqp_caller_call(&caller, "work", "ls", 2), &caller);
    (void)argument;
    return result.kind == RESULT_FAILURE ? result_value(NULL) : result;
}

static void ready(struct amqp_client *self)
{
    struct deferred *open = amqp_open_channel(self);

    CHECK(open);
    asked++;
    deferred_add_both(open, opened, NULL);
    deferred_release(open);
    open = amqp_caller_start(&caller, self);
    CHECK(open);
    memset(caller.random, 0, sizeof(caller.random)); /* the same each time */
    asked++;
    deferred_add_both(open, calls, NULL);
    deferred_release(open);
}

static void lost(struct amqp_client *self, struct failure reason)
{
    (void)self;
    CHECK(reason.type && fired == asked);
    delayed_calls_clear(&hand.calls);
}

static void made(struct protocol *protocol)
{
    struct amqp_client *self = (struct amqp_client *)protocol;

    asked = fired = 0;
    caller = (struct amqp_caller){ 0 };
    self->base.clock = clock_of_fake(&hand);
    self->login = &login;
    amqp_client_connection_made(protocol);
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
};

void fuzz_one(const struct fuzz_input *input)
{
    struct factory factory = { .protocol = &Client.base.base };
    struct string_transport transport;
    struct buffer wire = { 0 };

    add_method(&wire, 0, CONNECTION_START,
               (struct amqp_arguments){
                   .numbers = { 0, 9 },
                   .strings = { { "", 0 }, amqp_text("PLAIN") } });
    add_method(&wire, 0, CONNECTION_TUNE,
               (struct amqp_arguments){ .numbers = { 9, 4096, 0 } });
    add_method(&wire, 0, CONNECTION_OPEN_OK, (struct amqp_arguments){ 0 });
    add_records(&wire, input);
    fuzz_talk(&transport, &factory,
              &(struct fuzz_input){ input->cuts, input->cut_count,
                                    buffer_data(&wire), buffer_length(&wire) },
              NULL);
    buffer_clear(&transport.written);
    buffer_clear(&wire);
}
