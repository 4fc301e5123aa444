/* SPDX-License-Identifier: MIT
 *
 * client.h - a program that is one client: it connects once, and ends with the
 * connection, or without one.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "program/endpoint.h"

/* Its factory. Zero what you do not set; `name` and `protocol` are yours to
 * set, and client_connection_failed is not. It lives in main, and a program's
 * own state follows it in a larger struct. */
struct client {
    struct factory base;
    struct reactor *reactor; /* stop it when there is nothing left to do */
    const struct options *options;
    int status; /* to leave with */
};

/* Connects to HOST and -p, and runs until the reactor is stopped; an attempt
 * that has failed is said, and stops it. Returns the status that main then
 * returns. Whatever else ends the program before the loop has run is as
 * endpoint.h says. */
int client_run(struct client *self, const struct options *options);

/* Prints "NAME: what: why" on standard error, and the status is 1. */
void client_failed(struct client *self, const char *what, const char *why);

#endif
