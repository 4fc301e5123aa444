/* SPDX-License-Identifier: MIT
 *
 * Shows which of a handler's functions socketserver calls, when, and on what:
 * a server whose handler counts the bytes of its client and prints each step.
 * --mode says whether it is sequential or has threads.
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/net.h"
#include "socketserver/socketserver.h"

struct counter {
    struct request_handler handler;
    size_t bytes;
    char *piece;           /* made by setup, freed by finish */
    char ballast[1000000]; /* so that one that is not freed is seen */
};

enum { PIECE_MAX = 1000 };

static void setup(struct request_handler *self)
{
    struct counter *counter = (struct counter *)self;
    char text[ADDRESS_TEXT_MAX];

    counter->piece = malloc(PIECE_MAX);
    printf("setup %zu %d\n", counter->bytes,
           address_port(&self->client_address));
    printf("host %s\n", address_host(&self->client_address, text));
}

static void handle(struct request_handler *self)
{
    struct counter *counter = (struct counter *)self;
    ssize_t n;

    puts("handle");
    net_send_all(self->request, "hello", 5);
    while ((n = net_receive(self->request, counter->piece, PIECE_MAX)) > 0)
        counter->bytes += (size_t)n;
}

static void finish(struct request_handler *self)
{
    struct counter *counter = (struct counter *)self;

    printf("finish %zu\n", counter->bytes);
    free(counter->piece);
}

static const struct request_handler_class Counter = {
    .size = sizeof(struct counter),
    .setup = setup,
    .handle = handle,
    .finish = finish,
};

/* A class that leaves everything out: its clients are closed at once. */
static const struct request_handler_class Nothing = {
    .size = sizeof(struct request_handler),
};

int main(int argc, char **argv)
{
    const char *mode = "plain";
    const struct option extra[] = {
        { "--mode", "plain|threads|nothing", OPTION_CHOICE, &mode, 0 },
        { 0 },
    };
    struct options options = { 0 };
    struct socketserver server;

    options_server(&options, extra, argc, argv);
    if (socketserver_init(&server, &options,
                          *mode == 'n' ? &Nothing : &Counter) < 0)
        return 1;
    if (*mode == 't')
        server.process_request = socketserver_process_in_thread;
    return socketserver_serve_forever(&server);
}
