/* SPDX-License-Identifier: MIT
 *
 * Messages of remote calls, one a line of the data: one that can be read is
 * the same when it is sent and read again. A caller hears of each of its calls
 * once, whatever is answered.
 */
#include "rpc/rpc.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { CALLS = 4 };

static int fired; /* calls so far */

static struct result take(struct result result, void *argument)
{
    struct rpc_result *value = result.value;

    fired++;
    fuzz_note(argument, 1);
    if (result.kind == RESULT_VALUE) {
        CHECK(value->bytes[value->length] == '\0');
        fuzz_note(value->bytes, value->length + 1);
        free(value);
    } else {
        CHECK(result.failure.number >= 0);
        fuzz_note(&result.failure.type, sizeof(result.failure.type));
        fuzz_note(&result.failure.number, sizeof(result.failure.number));
    }
    return result_value(NULL);
}

/* The second one is cancelled at once. */
static void connection_made(struct protocol *base)
{
    static char names[CALLS] = "1234";

    for (int i = 0; i < CALLS; i++) {
        struct deferred *call =
            rpc_caller_call((struct rpc_caller *)base, "shell", "ls", 2);
        CHECK(call);
        deferred_add_both(call, take, &names[i]);
        if (i == 1)
            deferred_cancel(call);
        deferred_release(call);
    }
}

static const struct int_receiver_class Caller = {
    .base = { .name = "Caller",
              .size = sizeof(struct rpc_caller),
              .connection_made = connection_made,
              .data_received = int_receiver_data_received,
              .connection_lost = rpc_caller_connection_lost },
    .max_length = RPC_MESSAGE_MAX,
    .string_received = rpc_caller_string_received,
};

/* One that only sends. */
static const struct int_receiver_class Sender = {
    .base = { .name = "Sender", .size = sizeof(struct int_receiver) },
};

/* Sends what a message says; a word is a string to us, without a NUL. */
static void send_again(struct string_transport *wire,
                       const struct rpc_message *message)
{
    char *word = malloc(message->word_length + 1);

    CHECK(word);
    memcpy(word, message->word, message->word_length);
    word[message->word_length] = '\0';
    CHECK(rpc_send((struct int_receiver *)wire->protocol, message->id, word,
                   message->rest, message->rest_length) == 0);
    free(word);
}

static void check_message(const char *line, size_t length)
{
    char *copy = fuzz_copy(line, length);
    struct rpc_message message, again;
    struct factory factory = { .protocol = &Sender.base };
    struct string_transport wire;

    CHECK(string_transport_open(&wire, &factory) == 0);
    if (rpc_parse(&message, copy, length) == 0 &&
        !memchr(message.word, '\0', message.word_length)) {
        send_again(&wire, &message);
        CHECK(rpc_parse(&again, buffer_data(&wire.written) + 4,
                        buffer_length(&wire.written) - 4) == 0);
        CHECK(again.id == message.id &&
              again.word_length == message.word_length &&
              again.rest_length == message.rest_length);
        CHECK(!memcmp(again.word, message.word, again.word_length));
        CHECK(!memcmp(again.rest, message.rest, again.rest_length));
    }
    string_transport_close(&wire);
    free(copy);
}

/* Adds a line to what the caller gets, as a string of an Int32 receiver. */
static void add_message(struct buffer *wire, const char *line, size_t length)
{
    const char head[] = { 0, (char)(length >> 16), (char)(length >> 8),
                          (char)length };

    CHECK(buffer_append(wire, head, 4) == 0);
    CHECK(buffer_append(wire, line, length) == 0);
}

void fuzz_one(const struct fuzz_input *input)
{
    struct factory factory = { .protocol = &Caller.base };
    struct string_transport transport;
    struct buffer wire = { 0 };
    const char *next = input->data, *end = next + input->length, *newline;

    for (; next < end; next = newline + (newline < end)) {
        newline = memchr(next, '\n', (size_t)(end - next));
        newline = newline ? newline : end;
        check_message(next, (size_t)(newline - next));
        add_message(&wire, next, (size_t)(newline - next));
    }
    fired = 0;
    fuzz_talk(&transport, &factory,
              &(struct fuzz_input){ input->cuts, input->cut_count,
                                    buffer_data(&wire), buffer_length(&wire) },
              NULL);
    CHECK(fired == 2 * CALLS); /* for a whole answer, and one in pieces */
    buffer_clear(&transport.written);
    buffer_clear(&wire);
}
