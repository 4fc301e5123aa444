/* SPDX-License-Identifier: MIT
 *
 * string_transport.c - a transport for tests: it writes down what a protocol
 * asks for, and does nothing of it.
 */
#include "protocol/string_transport.h"

#include <errno.h>
#include <stdlib.h>

/* Also for the functions of the class that may only look at it. */
static struct string_transport *self_of(const struct transport *transport)
{
    return (struct string_transport *)transport;
}

/* What a real one would not send any more is not written down either. */
static void write_pieces(struct transport *transport,
                         const struct iovec *pieces, size_t count)
{
    struct string_transport *self = self_of(transport);

    if (!self->protocol || self->aborted || self->write_lost)
        return;
    /* Without memory the test that looks for these bytes fails, and says so. */
    for (size_t i = 0; i < count; i++)
        buffer_append(&self->written, pieces[i].iov_base, pieces[i].iov_len);
}

/* Only noted: the connection ends when the test says so, and until then it
 * carries what is written, as a real one does (T8). */
static void lose_connection(struct transport *transport)
{
    self_of(transport)->disconnecting = true;
}

static void abort_connection(struct transport *transport)
{
    self_of(transport)->aborted = self_of(transport)->disconnecting = true;
}

static void lose_write_connection(struct transport *transport)
{
    self_of(transport)->write_lost = true;
}

static void pause_producing(struct transport *transport)
{
    self_of(transport)->paused = true;
}

static void resume_producing(struct transport *transport)
{
    self_of(transport)->paused = false;
}

/* A connection would resume a pull producer here. A test does that itself, and
 * sees what each call writes. */
static int register_producer(struct transport *transport,
                             struct producer *producer, bool streaming)
{
    struct string_transport *self = self_of(transport);

    if (self->producer) {
        errno = EBUSY;
        return -1;
    }
    self->producer = producer;
    self->streaming = streaming;
    return 0;
}

static void unregister_producer(struct transport *transport)
{
    self_of(transport)->producer = NULL;
}

/* Nothing leaves it: all that was written counts until the test clears it. */
static size_t queued(const struct transport *transport)
{
    return buffer_length(&self_of(transport)->written);
}

static bool disconnecting(const struct transport *transport)
{
    return self_of(transport)->disconnecting;
}

/* A string is nowhere, and has two ends there, shown as "?". */
static int get_nowhere(const struct transport *transport,
                       struct address *address)
{
    (void)transport;
    *address = (struct address){ 0 };
    return 0;
}

static const struct transport_class StringTransport = {
    .write = write_pieces,
    .lose_connection = lose_connection,
    .abort_connection = abort_connection,
    .lose_write_connection = lose_write_connection,
    .pause_producing = pause_producing,
    .resume_producing = resume_producing,
    .register_producer = register_producer,
    .unregister_producer = unregister_producer,
    .queued = queued,
    .disconnecting = disconnecting,
    .get_peer = get_nowhere,
    .get_host = get_nowhere,
};

/* A factory that refuses and one that has no memory are the same to a test: -1,
 * and there is nothing to close. */
int string_transport_open(struct string_transport *self,
                          struct factory *factory)
{
    const struct address nowhere = { 0 };
    struct failure reason;

    *self = (struct string_transport){ .base.class = &StringTransport };
    self->protocol = factory_build_protocol(factory, &nowhere, &reason);
    if (!self->protocol)
        return -1;
    protocol_make_connection(self->protocol, &self->base);
    return 0;
}

/* Delivers even what a real transport would not read, while it is paused or on
 * its way to the end: what a protocol makes of that is for a test to see. */
void string_transport_receive(struct string_transport *self, const char *data,
                              size_t length)
{
    if (self->protocol && self->protocol->class->data_received && length > 0)
        self->protocol->class->data_received(self->protocol, data, length);
}

/* In the order of a real connection: the producer, the protocol, its memory.
 * The protocol is out of reach before it is told, so a write goes nowhere. */
void string_transport_lose(struct string_transport *self, struct failure reason)
{
    struct protocol *protocol = self->protocol;

    self->protocol = NULL;
    if (self->producer)
        self->producer->stop_producing(self->producer);
    self->producer = NULL;
    if (protocol && protocol->class->connection_lost)
        protocol->class->connection_lost(protocol, reason);
    free(protocol);
}

void string_transport_close(struct string_transport *self)
{
    string_transport_lose(self, (struct failure){ &ConnectionDone, 0, NULL });
    buffer_clear(&self->written);
}
