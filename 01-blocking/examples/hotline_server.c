/* SPDX-License-Identifier: MIT
 *
 * hotline_server - what socketserver's ThreadingTCPServer does, once more in a
 * few lines: select watches the listening socket, and each client who is
 * accepted gets a thread that talks to it. Between clients there is time for
 * something else once a second, here to say so.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "command/command.h"
#include "program/endpoint.h"

enum {
    BACKLOG = 128,      /* clients that may wait to be accepted */
    MESSAGE_MAX = 1024, /* bytes that one recv may bring */
    TIMEOUT = 1         /* seconds until an idle server says "looping" */
};

static int say(int client, const char *words)
{
    return net_send_all(client, words, strlen(words));
}

/* True if `word` is all that the message is, but for a newline. */
static bool is_word(const char *message, size_t length, const char *word)
{
    length = command_trim(message, length);
    return length == strlen(word) && !memcmp(message, word, length);
}

static void talk(int client)
{
    char message[MESSAGE_MAX];
    int said = say(client, "欢迎致电 10086,请输入1xxx,0转人工服务.");

    while (said == 0) {
        ssize_t received = net_receive(client, message, sizeof(message));
        size_t length = (size_t)received;
        if (received <= 0 || is_word(message, length, "exit"))
            return;
        if (is_word(message, length, "0"))
            said = say(client, "通过可能会被录音.balabala一大推");
        else
            said = say(client, "请重新输入.");
    }
}

static void *process(void *argument)
{
    int client = (int)(intptr_t)argument;

    talk(client);
    close(client);
    return NULL;
}

/* A client for whom there is no thread is closed, and the others go on. */
static void start_thread(int client)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, process, (void *)(intptr_t)client) == 0)
        pthread_detach(thread);
    else
        close(client);
}

/* One turn: a client, or a second without one. Returns -1 with errno when no
 * client can be accepted any more. */
static int turn(int listener)
{
    struct timeval timeout = { .tv_sec = TIMEOUT }; /* select may change it */
    fd_set readable;

    FD_ZERO(&readable);
    FD_SET(listener, &readable);
    int ready = select(listener + 1, &readable, NULL, NULL, &timeout);
    if (ready < 0)
        return net_wait_failed(errno);
    if (ready == 0) {
        puts("looping");
        return 0;
    }
    int client = endpoint_accept(listener, NULL);
    /* Readable a moment ago, and the client has gone since: no reason to
     * block in accept, which is why the listener does not. */
    if (client < 0)
        return errno == EAGAIN ? 0 : -1;
    puts("get request");
    start_thread(client);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 8002,
                               .about = "answers clients, a thread for each." };

    options_server(&options, NULL, argc, argv);
    int listener = endpoint_listen_tcp(&options, BACKLOG, NET_NONBLOCKING);
    if (listener < 0)
        return 1;
    if (listener >= FD_SETSIZE) /* FD_SET would write past its set */
        return options_failed(&options, "select", strerror(EMFILE));
    while (turn(listener) == 0)
        ;
    return options_failed(&options, "waiting for clients", strerror(errno));
}
