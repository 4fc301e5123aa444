/* SPDX-License-Identifier: MIT
 *
 * socketserver.h - Python's socketserver: the part that is the same in every
 * server that keeps one handler object for each client.
 *
 * Plain, it serves one client after the other. With the threading mix-in each
 * client has a thread; what handlers share then needs a lock. The server owns
 * its listening socket, and every handler with its connection: it makes them
 * when a client is accepted and frees them after `finish`.
 */
#ifndef SOCKETSERVER_H
#define SOCKETSERVER_H

#include <stddef.h>

#include "net/address.h"
#include "program/options.h"

/* Clients that may wait to be accepted; the kernel ignores whoever comes
 * while so many wait, and they try again a second later. */
enum { SOCKETSERVER_QUEUE_MAX = 128 };

/* What is known of one client. A program that must remember more begins its
 * own struct with this one; all the rest of it starts as zeroes. */
struct request_handler {
    const struct request_handler_class *class;
    struct socketserver *server;
    struct address client_address;
    int request; /* the connection, which blocks; not yours to close */
};

/* The program's half of the work. NULL does nothing. Each function is called
 * once for a client, in this order and, with threads, in the client's own. */
struct request_handler_class {
    size_t size; /* bytes of the struct that begins with request_handler */
    void (*setup)(struct request_handler *self);
    void (*handle)(struct request_handler *self); /* until the client leaves */
    void (*finish)(struct request_handler *self);
};

struct socketserver {
    int listener;
    const struct request_handler_class *handler_class;
    /* What to do with a client who was accepted; must lead to
     * socketserver_finish_request. Replace it before serving. */
    void (*process_request)(struct request_handler *handler);
};

/* Listens where the options say. Returns 0, or -1 when that cannot be: then
 * the reason has been printed, and nothing is left to close. */
int socketserver_init(struct socketserver *server,
                      const struct options *options,
                      const struct request_handler_class *handler_class);

/* Accepts clients. Returns -1 with errno if that ever becomes impossible; a
 * process with no descriptor or thread left is no reason for it. */
int socketserver_serve_forever(struct socketserver *server);

/* The two choices for process_request. Sequential, as it is at first: setup,
 * handle, finish, close, free, and only then comes the next client. */
void socketserver_finish_request(struct request_handler *handler);

/* ThreadingMixIn: the same in a thread of its own. A client for whom there is
 * no thread is closed at once, neither setup nor finish is called. */
void socketserver_process_in_thread(struct request_handler *handler);

#endif
