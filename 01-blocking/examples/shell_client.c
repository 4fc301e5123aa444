/* SPDX-License-Identifier: MIT
 *
 * shell_client - sends each command that is typed, and prints its output.
 *
 * It reads the answer's length first and then as many bytes. With --naive (and
 * shell_server --naive) one recv is one answer, which looks as good until an
 * answer is longer than the 1024 bytes of that recv. Try
 *
 *     >>>:seq 0 300
 *     >>>:echo hello
 *
 * The first answer is cut in the middle of a number. Its tail is still with
 * the kernel when the second arrives, and one recv brings the two run together.
 * In real life the second might also come too late, and be taken for the
 * answer to a third command. So that you see the same every time, the naive
 * client waits until the kernel has more than it had before the command. After
 * a command that prints nothing it waits for ever: that answer has no bytes.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command/command.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "program/prompt.h"

/* What announces an answer, and the most digits a length can have. */
#define READY "Ready|"
enum { READY_LENGTH = sizeof(READY) - 1, DIGITS_MAX = 8 };

/* Bytes that the naive client's one recv may bring. */
enum { NAIVE_MAX = 1024 };

/* Milliseconds that we give another digit to arrive. */
enum { DIGIT_MS = 100 };

static const char *failure(ssize_t received)
{
    return received < 0 ? strerror(errno) : "connection closed by server";
}

static bool digit_follows(int server)
{
    struct pollfd wait = { .fd = server, .events = POLLIN };

    return poll(&wait, 1, DIGIT_MS) > 0;
}

/* Reads "Ready|LENGTH" in whatever pieces it comes. Nothing marks its end: we
 * take it that a digit which does not follow soon does not follow at all, and
 * the server sends nothing more before we say "start". (A newline after the
 * length would have spared us the guess.) Returns NULL or what is wrong. */
static const char *receive_ready(int server, size_t *length)
{
    char header[READY_LENGTH + DIGITS_MAX + 1] = "";
    size_t limit = sizeof(header) - 1, have = 0;
    char *end;

    while (have <= READY_LENGTH || (have < limit && digit_follows(server))) {
        ssize_t n = net_receive(server, header + have, limit - have);
        if (n <= 0)
            return failure(n);
        have += (size_t)n;
        if (memcmp(header, READY, have < READY_LENGTH ? have : READY_LENGTH))
            return "answer is not " READY "LENGTH";
    }
    *length = strtoul(header + READY_LENGTH, &end, 10);
    if (end != header + have || *length > COMMAND_OUTPUT_MAX)
        return "answer has an impossible length";
    return NULL;
}

/* Says "start" and reads `length` bytes; net_receive_all puts the pieces
 * together. Returns NULL or what is wrong. */
static const char *receive_message(int server, size_t length)
{
    char *message = malloc(length + 1);
    const char *why = NULL;

    if (!message || net_send_all(server, "start", 5) < 0) {
        why = strerror(errno);
        goto out;
    }
    ssize_t received = net_receive_all(server, message, length);
    if (received < 0 || (size_t)received < length) {
        why = failure(received);
        goto out;
    }
    printf("message size %zu recv size %zd\n", length, received);
    text_print(message, (size_t)received, TEXT_LINES);
    putchar('\n');
out:
    free(message);
    return why;
}

static const char *ask(int server, const char *command, size_t command_length)
{
    size_t length = 0;

    if (net_send_all(server, command, command_length) < 0)
        return strerror(errno);
    const char *why = receive_ready(server, &length);
    return why ? why : receive_message(server, length);
}

/* One recv a command. The two calls with MSG_PEEK take nothing: they are the
 * wait that the head of this file speaks of. If the kernel has all that our
 * recv can take there is nothing to wait for. */
static const char *ask_naively(int server, const char *command,
                               size_t command_length)
{
    char answer[NAIVE_MAX];
    ssize_t left =
        recv(server, answer, sizeof(answer), MSG_PEEK | MSG_DONTWAIT);

    if (left < 0)
        left = 0;
    if (net_send_all(server, command, command_length) < 0)
        return strerror(errno);
    if (left < NAIVE_MAX)
        recv(server, answer, (size_t)left + 1, MSG_PEEK | MSG_WAITALL);
    ssize_t received = net_receive(server, answer, sizeof(answer));
    if (received <= 0)
        return failure(received);
    text_print(answer, (size_t)received, TEXT_LINES);
    putchar('\n');
    return NULL;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9001,
                               .about = "sends commands, prints the output." };
    struct prompt prompt = { 0 };
    const char *why = NULL;
    bool naive = false;
    const struct option extra[] = {
        { "--naive", NULL, OPTION_SWITCH, &naive, 0 },
        { 0 },
    };

    options_client(&options, extra, argc, argv);
    int server = endpoint_connect_tcp(&options);
    if (server < 0)
        return 1;
    while (!why && prompt_read(&prompt, ">>>:"))
        why = naive ? ask_naively(server, prompt.line, prompt.length)
                    : ask(server, prompt.line, prompt.length);
    free(prompt.line);
    close(server);
    return why ? options_failed(&options, options.host, why) : 0;
}
