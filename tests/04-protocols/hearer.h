/* SPDX-License-Identifier: MIT
 *
 * hearer.h - a datagram protocol that writes down what happens to it. For the
 * udp_*_test.c beside this file; each of them uses all that is here.
 *
 * A struct hearer is the case's, on its stack.
 */
#ifndef HEARER_H
#define HEARER_H

#include <string.h>

#include "talk.h"
#include "udp/udp.h"

struct hearer {
    struct datagram_protocol base;
    struct udp_port *port; /* what the case has opened */
    int started, stopped, refused;
    int received; /* datagrams */
    size_t length;
    char text[TALK_TEXT_MAX]; /* of the last */
    struct address from;
    int number; /* of the port, for a case that wants it */

    /* What to do beyond counting; NULL: nothing. */
    void (*on_data)(struct hearer *self);
    void (*on_start)(struct hearer *self);
    void (*on_refused)(struct hearer *self);
};

static void hearer_started(struct datagram_protocol *base)
{
    struct hearer *self = (struct hearer *)base;

    CHECK(base->transport != NULL);
    self->started++;
    if (self->on_start)
        self->on_start(self);
}

static void hearer_stopped(struct datagram_protocol *base)
{
    struct hearer *self = (struct hearer *)base;

    CHECK(base->transport == NULL && self->stopped < self->started);
    self->stopped++;
}

static void hearer_heard(struct datagram_protocol *base, const char *data,
                         size_t length, const struct address *from)
{
    struct hearer *self = (struct hearer *)base;
    size_t kept = length < TALK_TEXT_MAX ? length : TALK_TEXT_MAX - 1;

    CHECK(self->stopped < self->started);
    self->received++;
    self->length = length;
    memcpy(self->text, data, kept);
    self->text[kept] = '\0';
    self->from = *from;
    if (self->on_data)
        self->on_data(self);
}

static void hearer_refused(struct datagram_protocol *base)
{
    struct hearer *self = (struct hearer *)base;

    CHECK(self->stopped < self->started);
    self->refused++;
    if (self->on_refused)
        self->on_refused(self);
}

static const struct datagram_protocol_class Hearer = {
    .name = "Hearer",
    .start_protocol = hearer_started,
    .stop_protocol = hearer_stopped,
    .datagram_received = hearer_heard,
    .connection_refused = hearer_refused,
};

#endif
