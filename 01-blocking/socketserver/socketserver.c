/* SPDX-License-Identifier: MIT */
#include "socketserver/socketserver.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "program/endpoint.h"

int socketserver_init(struct socketserver *server,
                      const struct options *options,
                      const struct request_handler_class *handler_class)
{
    server->handler_class = handler_class;
    server->process_request = socketserver_finish_request;
    /* The listener blocks: the thread that serves has nothing else to do. */
    server->listener =
        endpoint_listen_tcp(options, SOCKETSERVER_QUEUE_MAX, NET_BLOCKING);
    return server->listener < 0 ? -1 : 0;
}

/* Takes `request` over: without memory for its handler it is closed. The
 * handler begins a struct of the program's, which is as large as its class
 * says; calloc, so that what the program has added starts as zeroes. */
static struct request_handler *new_handler(struct socketserver *server,
                                           int request,
                                           const struct address *address)
{
    const struct request_handler_class *class = server->handler_class;
    struct request_handler *handler = calloc(1, class->size);

    if (!handler) {
        close(request);
        return NULL;
    }
    handler->class = class;
    handler->server = server;
    handler->client_address = *address;
    handler->request = request;
    return handler;
}

/* Its last act: nobody may use the handler behind this. */
static void close_request(struct request_handler *handler)
{
    close(handler->request);
    free(handler);
}

/* Whether the loop waits for the conversation or starts it and goes on is the
 * business of process_request: that pointer is the whole mix-in. */
int socketserver_serve_forever(struct socketserver *server)
{
    struct address address;

    for (;;) {
        int request = endpoint_accept(server->listener, &address);
        if (request < 0)
            return -1;
        /* No memory for one client is no reason to stop serving the others. */
        struct request_handler *handler =
            new_handler(server, request, &address);
        if (handler)
            server->process_request(handler);
    }
}

/* One client from its first word to its last, in whatever thread this is. */
void socketserver_finish_request(struct request_handler *handler)
{
    const struct request_handler_class *class = handler->class;

    if (class->setup)
        class->setup(handler);
    if (class->handle)
        class->handle(handler);
    if (class->finish)
        class->finish(handler);
    close_request(handler);
}

/* What a thread begins with: one pointer comes in, one goes out. */
static void *process_request_thread(void *handler)
{
    socketserver_finish_request(handler);
    return NULL;
}

void socketserver_process_in_thread(struct request_handler *handler)
{
    pthread_t thread;

    /* Nobody will join it; detached, it leaves nothing behind. From here on
     * the handler is the thread's, which may already have freed it. */
    if (pthread_create(&thread, NULL, process_request_thread, handler) == 0)
        pthread_detach(thread);
    else /* too many threads: this client is turned away, the others stay */
        close_request(handler);
}
