/* SPDX-License-Identifier: MIT
 *
 * datagram_client.h - somebody at the keyboard who asks in datagrams: a line
 * is sent, its answer is printed, and then comes the next. Nobody promises
 * that there is an answer, so it is waited for only so long. For udp_client
 * and unix_datagram_client, which own the struct and open its port.
 */
#ifndef DATAGRAM_CLIENT_H
#define DATAGRAM_CLIENT_H

#include "program/keyboard.h"
#include "program/options.h"
#include "udp/udp.h"

struct datagram_client {
    struct datagram_protocol base;
    struct reactor *reactor;
    const struct options *options;
    const char *server; /* what messages call it */
    const char *prompt;
    bool strips; /* white space around a line is no part of it */
    void (*print)(const char *data, size_t length, const struct address *from);

    struct keyboard *keyboard; /* NULL: closed */
    struct delayed_call timeout;
    int status; /* that main returns */
};

/* The class of `base`. */
extern const struct datagram_protocol_class DatagramClient;

/* Opens the keyboard, runs the loop and frees it. Returns what main returns. A
 * refusal, silence and whatever cannot be sent end it, with a message. */
int datagram_client_run(struct datagram_client *client);

#endif
