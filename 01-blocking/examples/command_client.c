/* SPDX-License-Identifier: MIT
 *
 * command_client - prints command_server's greeting, and what it answers to
 * each line that is typed. Nothing says where an answer ends, and one recv may
 * bring less: we read on until the server has been quiet for a moment. That is
 * a guess, which a slow network proves wrong; shell_client does not need it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/text.h"
#include "program/endpoint.h"
#include "program/prompt.h"

enum {
    PIECE_MAX = 1024, /* bytes that one recv may bring */
    QUIET_MS = 100    /* milliseconds without a byte that end an answer */
};

/* Waits for an answer and prints it. Returns NULL, or what failed. */
static const char *print_answer(int server)
{
    struct pollfd wait = { .fd = server, .events = POLLIN };
    char piece[PIECE_MAX];
    size_t kept = 0; /* the beginning of a character that a recv has cut */

    do {
        ssize_t n = net_receive(server, piece + kept, sizeof(piece) - kept);
        if (n <= 0) {
            text_print(piece, kept, TEXT_LINES);
            return n < 0 ? strerror(errno) : "connection closed by server";
        }
        size_t length = kept + (size_t)n;
        kept = text_unfinished(piece, length);
        text_print(piece, length - kept, TEXT_LINES);
        memmove(piece, piece + length - kept, kept);
    } while (poll(&wait, 1, QUIET_MS) > 0);
    text_print(piece, kept, TEXT_LINES);
    putchar('\n');
    return NULL;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9000,
                               .about = "sends lines and prints the answers." };
    struct prompt prompt = { 0 };

    options_client(&options, NULL, argc, argv);
    int server = endpoint_connect_tcp(&options);
    if (server < 0)
        return 1;
    const char *why = print_answer(server);
    while (!why && prompt_read(&prompt, ">>>:")) {
        why = net_send_all(server, prompt.line, prompt.length) < 0
                  ? strerror(errno)
                  : print_answer(server);
    }
    free(prompt.line);
    close(server);
    return why ? options_failed(&options, options.host, why) : 0;
}
