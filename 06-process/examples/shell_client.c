/* SPDX-License-Identifier: MIT
 *
 * shell_client - sends each command that is typed, and prints its output. It
 * reads the answer's length first, says "start", and reads as many bytes.
 *
 * With --stream (and shell_server --stream) it sends whatever is typed and
 * prints whatever comes, and leaves when the server has nothing more to say.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/text.h"
#include "process/command.h"
#include "program/client.h"
#include "program/keyboard.h"

/* What announces an answer, and the most digits a length can have. */
#define READY "Ready|"
enum { READY_LENGTH = sizeof(READY) - 1, DIGITS_MAX = 8 };

/* Seconds that we give another digit to arrive. */
#define DIGIT_SECONDS 0.1

/* The factory of one connection, and all that is known of its conversation. */
struct shell_client {
    struct client base;
    struct transport *transport;
    struct keyboard *keyboard; /* NULL: nothing more will be typed */
    enum { NOTHING, HEADER, MESSAGE } expected;
    struct buffer input;            /* what has come of it */
    size_t length;                  /* bytes of the message */
    struct delayed_call last_digit; /* the header is taken to be whole */
    bool stream;
};

/* The first reason counts: the loss of the connection, which follows, is no
 * second one. */
static void fail(struct shell_client *self, const char *why)
{
    if (self->base.status == 0)
        client_failed(&self->base, self->base.options->host, why);
    transport_abort_connection(self->transport);
}

/* --- an answer with its length --- */

/* In whatever pieces it comes: it is whole when it is as long as was said. The
 * server sends nothing more until we ask, so nothing can be glued to it. */
static void take_message(struct shell_client *self)
{
    if (buffer_length(&self->input) < self->length)
        return;
    printf("message size %zu recv size %zu\n", self->length,
           buffer_length(&self->input));
    text_print(buffer_data(&self->input), self->length, TEXT_LINES);
    putchar('\n');
    buffer_clear(&self->input);
    self->expected = NOTHING;
    if (self->keyboard)
        keyboard_resume(self->keyboard);
}

/* "Ready|LENGTH". Nothing marks its end: a digit that does not follow soon
 * does not follow at all, and nothing follows before we say "start". */
static void header_is_whole(void *argument)
{
    struct shell_client *self = argument;
    char digits[DIGITS_MAX + 1] = "", *end;
    size_t count = buffer_length(&self->input) - READY_LENGTH;

    memcpy(digits, buffer_data(&self->input) + READY_LENGTH,
           count < DIGITS_MAX ? count : DIGITS_MAX);
    self->length = strtoul(digits, &end, 10);
    if (end != digits + count || self->length > COMMAND_OUTPUT_MAX) {
        fail(self, "answer has an impossible length");
        return;
    }
    buffer_clear(&self->input);
    self->expected = MESSAGE;
    transport_write_text(self->transport, "start\n");
    take_message(self); /* it may be empty */
}

/* Looks at a header that may have come in part. Each piece begins the wait for
 * the next digit anew; with as many digits as there can be it is whole at once.
 */
static void take_header(struct shell_client *self)
{
    size_t have = buffer_length(&self->input);

    if (memcmp(buffer_data(&self->input), READY,
               have < READY_LENGTH ? have : READY_LENGTH) != 0) {
        fail(self, "answer is not " READY "LENGTH");
    } else if (have >= READY_LENGTH + DIGITS_MAX) {
        delayed_call_cancel(&self->last_digit);
        header_is_whole(self);
    } else if (have > READY_LENGTH &&
               delayed_call_reset(&self->last_digit, DIGIT_SECONDS) < 0 &&
               reactor_call_later(self->base.reactor, &self->last_digit,
                                  DIGIT_SECONDS, header_is_whole, self) < 0) {
        fail(self, strerror(errno));
    }
}

/* --stream: what has come, but for the beginning of a character, which alone
 * would be shown as an escape. It ends when nobody reads what we print. */
static void print_stream(struct shell_client *self)
{
    const char *data = buffer_data(&self->input);
    size_t length = buffer_length(&self->input);

    length -= text_unfinished(data, length);
    text_print(data, length, TEXT_LINES);
    buffer_consume(&self->input, length);
    if (fflush(stdout) == EOF || ferror(stdout))
        fail(self, strerror(errno));
}

static void data_received(struct protocol *base, const char *data,
                          size_t length)
{
    struct shell_client *self = (struct shell_client *)base->factory;

    if (buffer_append(&self->input, data, length) < 0) {
        fail(self, strerror(errno));
    } else if (self->stream) {
        print_stream(self);
    } else if (self->expected == HEADER) {
        take_header(self);
    } else if (self->expected == MESSAGE) {
        take_message(self);
    } else {
        fail(self, "answer to nothing");
    }
}

/* --- the person --- */

/* One command at a time, because its answer has no name: it is that of the line
 * before. --stream needs no such order. */
static void line_typed(void *argument, const char *line, size_t length)
{
    struct shell_client *self = argument;

    transport_write(self->transport, line, length);
    transport_write(self->transport, "\n", 1);
    if (self->stream)
        return;
    self->expected = HEADER;
    keyboard_pause(self->keyboard);
}

/* The keyboard is freed after this call. */
static void keyboard_closed(void *argument, int error)
{
    struct shell_client *self = argument;

    self->keyboard = NULL;
    if (error)
        client_failed(&self->base, "standard input", strerror(error));
    if (self->stream) /* there may be more to hear */
        transport_lose_write_connection(self->transport);
    else
        transport_lose_connection(self->transport);
}

static void connection_made(struct protocol *base)
{
    struct shell_client *self = (struct shell_client *)base->factory;

    self->transport = base->transport;
    self->keyboard = keyboard_open(self->base.reactor, ">>>:", line_typed,
                                   keyboard_closed, self);
    if (self->keyboard)
        keyboard_resume(self->keyboard);
    else
        keyboard_closed(self, errno);
}

/* To leave is no failure; to be left is, if there was more to type or hear. */
static void connection_lost(struct protocol *base, struct failure reason)
{
    struct shell_client *self = (struct shell_client *)base->factory;

    if (reactor_running(self->base.reactor) &&
        (self->keyboard || !failure_check(reason, &ConnectionDone)))
        fail(self, reason.number > 0 ? strerror(reason.number)
                                     : "connection closed by server");
    if (self->keyboard) /* there is nobody to send its next line to */
        keyboard_close(self->keyboard);
    delayed_call_cancel(&self->last_digit);
    if (self->stream)
        text_print(buffer_data(&self->input), buffer_length(&self->input),
                   TEXT_LINES);
    buffer_clear(&self->input);
    reactor_stop(self->base.reactor);
}

static const struct protocol_class ShellClient = {
    .name = "ShellClient",
    .size = sizeof(struct protocol),
    .connection_made = connection_made,
    .data_received = data_received,
    .connection_lost = connection_lost,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9001,
                               .about = "sends commands, prints the output." };
    struct shell_client client = {
        .base.base =
            {
                .name = "ShellClientFactory",
                .protocol = &ShellClient,
            },
    };
    const struct option extra[] = {
        { "--stream", NULL, OPTION_SWITCH, &client.stream, 0 },
        { 0 },
    };

    options_client(&options, extra, argc, argv);
    return client_run(&client.base, &options);
}
