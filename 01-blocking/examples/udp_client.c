/* SPDX-License-Identifier: MIT
 *
 * udp_client - sends what is typed as one datagram and prints the answer with
 * its sender. Nobody promises that there is an answer, so it waits only so
 * long.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/datagram.h"
#include "program/endpoint.h"
#include "program/prompt.h"

/* Seconds to wait for an answer. */
enum { ANSWER_TIMEOUT = 3 };

/* Python's strip: moves `text` past leading white space. Returns the length
 * without it and without what trails. */
static size_t strip(const char **text, size_t length)
{
    while (length > 0 && isspace((unsigned char)(*text)[length - 1]))
        length--;
    while (length > 0 && isspace((unsigned char)**text)) {
        (*text)++;
        length--;
    }
    return length;
}

/* Sends one datagram and waits for one. Returns NULL or what failed. The
 * socket is connected: only so does the kernel tell us of a refusal. */
static const char *ask(int server, const char *text, size_t length)
{
    char answer[DATAGRAM_MAX];
    struct address from;

    if (net_send_all(server, text, length) < 0)
        return strerror(errno);
    ssize_t received = datagram_receive(server, answer, &from);
    if (received < 0)
        return errno == EAGAIN ? "timed out, no answer" : strerror(errno);
    datagram_print(answer, (size_t)received, &from);
    return NULL;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9999,
                               .about = "sends datagrams, prints answers." };
    struct prompt prompt = { 0 };
    const char *why = NULL;

    options_client(&options, NULL, argc, argv);
    int server = endpoint_connect_udp(&options);
    if (server < 0)
        return 1;
    if (net_set_timeout(server, ANSWER_TIMEOUT) < 0)
        why = strerror(errno);
    while (!why && prompt_read(&prompt, "数据:")) {
        const char *text = prompt.line;
        size_t length = strip(&text, prompt.length);
        if (length == 4 && !memcmp(text, "exit", length))
            break;
        if (length > 0)
            why = ask(server, text, length);
    }
    free(prompt.line);
    close(server);
    return why ? options_failed(&options, options.host, why) : 0;
}
