/* SPDX-License-Identifier: MIT
 *
 * command_server - greets a client and runs each line that it sends in a
 * shell; a thread for each client, so that nobody waits for another's command.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "net/net.h"
#include "socketserver/socketserver.h"

/* Bytes that one recv may bring: one command. */
enum { MESSAGE_MAX = 4096 };

static const char greeting[] = "欢迎致电 10086,请输入1xxx,0转人工服务.";

/* What a command that prints nothing is answered with, so that the client
 * does not wait for ever. The spelling is the walkthrough's. */
static int send_directory(int request)
{
    static const char words[] = "current dirctory is ";
    char answer[sizeof(words) + PATH_MAX];

    strcpy(answer, words);
    if (!getcwd(answer + strlen(words), PATH_MAX))
        strcat(answer, "?");
    return net_send_all(request, answer, strlen(answer));
}

/* Nothing says where the answer ends: the client has to guess (shell_server
 * tells it). Returns 0, or -1 when the client or our memory is gone. */
static int answer_command(int request, const char *line, size_t length)
{
    struct command_answer answer;

    if (command_run(&answer, line, length) < 0)
        return -1;
    int sent = answer.length > 0
                   ? net_send_all(request, answer.bytes, answer.length)
                   : send_directory(request);
    free(answer.bytes);
    return sent;
}

/* Runs in the client's own thread: it may take all day, and nobody waits. */
static void handle(struct request_handler *self)
{
    char message[MESSAGE_MAX];
    int sent = net_send_all(self->request, greeting, strlen(greeting));

    /* One recv is taken for one command: a client that sends two at once has
     * them run as one. Nothing here says where a command ends. */
    while (sent == 0) {
        ssize_t length = net_receive(self->request, message, sizeof(message));
        if (length <= 0)
            return;
        sent = answer_command(self->request, message, (size_t)length);
    }
}

static const struct request_handler_class CommandHandler = {
    .size = sizeof(struct request_handler),
    .handle = handle,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9000,
                               .about = "runs what clients send in a shell." };
    struct socketserver server;

    options_server(&options, NULL, argc, argv);
    if (socketserver_init(&server, &options, &CommandHandler) < 0)
        return 1;
    server.process_request = socketserver_process_in_thread;
    socketserver_serve_forever(&server);
    return options_failed(&options, "accept", strerror(errno));
}
