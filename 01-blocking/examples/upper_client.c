/* SPDX-License-Identifier: MIT
 *
 * upper_client - sends what is typed and prints what comes back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/text.h"
#include "program/endpoint.h"
#include "program/prompt.h"

enum { PIECE_MAX = 1024 }; /* bytes sent before the answer is awaited */

/* Sends one message and puts the answer in its place. That is as long as the
 * message, which is how we know when to stop. A long one goes piece by piece,
 * or both sides could be sending, and nobody reading, for ever. Returns NULL
 * or what failed; `answered` bytes are the answer's. */
static const char *exchange(int server, char *message, size_t length,
                            size_t *answered)
{
    for (*answered = 0; *answered < length;) {
        size_t left = length - *answered;
        size_t piece = left < PIECE_MAX ? left : PIECE_MAX;
        if (net_send_all(server, message + *answered, piece) < 0)
            return strerror(errno);
        /* Exactly as much as we sent: a shorter answer is the server's end. */
        ssize_t received = net_receive_all(server, message + *answered, piece);
        if (received < 0)
            return strerror(errno);
        *answered += (size_t)received;
        if ((size_t)received < piece)
            return "connection closed by server";
    }
    return NULL;
}

static const char *ask(int server, char *message, size_t length)
{
    size_t answered;
    const char *why = exchange(server, message, length, &answered);

    text_print(message, answered, TEXT_LINES);
    if (!why)
        putchar('\n');
    return why;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9000,
                               .about = "sends lines and prints the answers." };
    struct prompt prompt = { 0 };
    const char *why = NULL;

    options_client(&options, NULL, argc, argv);
    int server = endpoint_connect_tcp(&options);
    if (server < 0)
        return 1;
    while (!why && prompt_read(&prompt, ">>>:"))
        why = ask(server, prompt.line, prompt.length);
    free(prompt.line);
    close(server);
    return why ? options_failed(&options, options.host, why) : 0;
}
