/* SPDX-License-Identifier: MIT
 *
 * shell_server - runs a client's command and sends what it prints, with the
 * length first: "Ready|LENGTH", a pause until the client says "start", and
 * then exactly LENGTH bytes. A stream has no messages in it; this is how two
 * programs agree where one ends. --naive leaves it all out: see shell_client.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command/command.h"
#include "program/endpoint.h"

enum {
    BACKLOG = 5,        /* clients that may wait; Linux lets one more */
    MESSAGE_MAX = 4096, /* bytes that one recv may bring: one command */
    HEADER_MAX = 32     /* bytes of "Ready|LENGTH", with room to spare */
};

/* Waits for the client's word. Returns 1 for "start", 0 for any other message,
 * -1 when the client is gone. We take five bytes and no more: what is glued to
 * "start" stays with the kernel, and is the next command. */
static int receive_start(int client)
{
    static const char start[] = "start";
    char word[MESSAGE_MAX];
    size_t have = 0;

    while (have < strlen(start)) {
        ssize_t n = net_receive(client, word + have, strlen(start) - have);
        if (n <= 0)
            return -1;
        have += (size_t)n;
        if (memcmp(word, start, have)) {
            /* Some other word: whatever came along with it goes too. */
            recv(client, word, sizeof(word), MSG_DONTWAIT);
            return 0;
        }
    }
    return 1;
}

/* Announces the answer; sends it if the client wants it. */
static int send_with_length(int client, const struct command_answer *answer)
{
    char header[HEADER_MAX];
    int length = snprintf(header, sizeof(header), "Ready|%zu", answer->length);

    if (net_send_all(client, header, (size_t)length) < 0)
        return -1;
    int wanted = receive_start(client);
    if (wanted <= 0)
        return wanted;
    return net_send_all(client, answer->bytes, answer->length);
}

static int answer_command(int client, bool naive, const char *line,
                          size_t length)
{
    struct command_answer answer;

    if (command_run(&answer, line, length) < 0)
        return -1;
    int sent = naive ? net_send_all(client, answer.bytes, answer.length)
                     : send_with_length(client, &answer);
    free(answer.bytes);
    return sent;
}

static void serve(int client, bool naive)
{
    char message[MESSAGE_MAX];

    for (;;) {
        ssize_t length = net_receive(client, message, sizeof(message));
        if (length <= 0)
            return;
        /* A line with nothing on it is no command and has no answer: it may
         * be the newline of a "start" that somebody has typed. */
        if (command_trim(message, (size_t)length) > 0 &&
            answer_command(client, naive, message, (size_t)length) < 0)
            return;
    }
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9001, .about = "runs shell commands." };
    bool naive = false;
    const struct option extra[] = {
        { "--naive", NULL, OPTION_SWITCH, &naive, 0 },
        { 0 },
    };

    options_server(&options, extra, argc, argv);
    int listener = endpoint_listen_tcp(&options, BACKLOG, NET_BLOCKING);
    if (listener < 0)
        return 1;
    for (;;) {
        int client = endpoint_accept(listener, NULL);
        if (client < 0)
            return options_failed(&options, "accept", strerror(errno));
        serve(client, naive);
        close(client);
    }
}
