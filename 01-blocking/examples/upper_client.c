/* SPDX-License-Identifier: MIT
 *
 * upper_client - sends what is typed and prints what comes back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/endpoint.h"
#include "program/prompt.h"

enum { PIECE_MAX = 1024 }; /* bytes sent before the answer is awaited */

/* Sends one message and waits for the answer, which is as long as the
 * message: that is how we know when to stop. A long one goes piece by piece,
 * or both sides could be sending, and nobody reading, for ever. Returns NULL
 * or what failed. */
static const char *ask(int server, char *message, size_t length)
{
    while (length > 0) {
        size_t piece = length < PIECE_MAX ? length : PIECE_MAX;
        if (net_send_all(server, message, piece) < 0)
            return strerror(errno);
        ssize_t received = net_receive_all(server, message, piece);
        if (received < 0)
            return strerror(errno);
        fwrite(message, 1, (size_t)received, stdout);
        if ((size_t)received < piece)
            return "connection closed by server";
        message += piece;
        length -= piece;
    }
    putchar('\n');
    return NULL;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9000 };
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
