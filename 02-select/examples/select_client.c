/* SPDX-License-Identifier: MIT
 *
 * select_client - prints the server's greeting, then sends what is typed and
 * prints what one recv brings, as if that were always one answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/text.h"
#include "program/endpoint.h"
#include "program/prompt.h"

enum { ANSWER_MAX = 1024 }; /* bytes that one recv may bring */

/* Returns NULL or what failed. */
static const char *print_answer(int server)
{
    char answer[ANSWER_MAX];
    ssize_t length = net_receive(server, answer, sizeof(answer));

    if (length < 0)
        return strerror(errno);
    /* 0 is the end of the server's stream; no message has length 0. */
    if (length == 0)
        return "connection closed by server";
    text_print(answer, (size_t)length, TEXT_LINES);
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
        if (net_send_all(server, prompt.line, prompt.length) < 0)
            why = strerror(errno);
        else
            why = print_answer(server);
    }
    free(prompt.line);
    close(server);
    return why ? options_failed(&options, options.host, why) : 0;
}
