/* SPDX-License-Identifier: MIT
 *
 * transport.c - from the functions that a protocol calls to those of the class
 * of its transport. A protocol does not know whether it speaks over TCP, a UNIX
 * socket, TLS or a string, and need not: here is the only place that asks.
 */
#include "protocol/transport.h"

#include <string.h>

void transport_write(struct transport *transport, const void *data,
                     size_t length)
{
    struct iovec piece = { (void *)data, length }; /* it is only read */

    transport->class->write(transport, &piece, 1);
}

/* All of these are one write each, and one line of the trace. */
void transport_write_text(struct transport *transport, const char *text)
{
    transport_write(transport, text, strlen(text));
}

void transport_write_sequence(struct transport *transport,
                              const struct iovec *pieces, size_t count)
{
    transport->class->write(transport, pieces, count);
}

void transport_lose_connection(struct transport *transport)
{
    transport->class->lose_connection(transport);
}

void transport_abort_connection(struct transport *transport)
{
    transport->class->abort_connection(transport);
}

void transport_lose_write_connection(struct transport *transport)
{
    transport->class->lose_write_connection(transport);
}

void transport_pause_producing(struct transport *transport)
{
    transport->class->pause_producing(transport);
}

void transport_resume_producing(struct transport *transport)
{
    transport->class->resume_producing(transport);
}

/* Whoever has a transport as the producer of another may tell it to stop. */
void transport_stop_producing(struct transport *transport)
{
    transport_lose_connection(transport);
}

int transport_register_producer(struct transport *transport,
                                struct producer *producer, bool streaming)
{
    return transport->class->register_producer(transport, producer, streaming);
}

void transport_unregister_producer(struct transport *transport)
{
    transport->class->unregister_producer(transport);
}

size_t transport_queued(const struct transport *transport)
{
    return transport->class->queued(transport);
}

bool transport_disconnecting(const struct transport *transport)
{
    return transport->class->disconnecting(transport);
}

int transport_get_peer(const struct transport *transport,
                       struct address *address)
{
    return transport->class->get_peer(transport, address);
}

int transport_get_host(const struct transport *transport,
                       struct address *address)
{
    return transport->class->get_host(transport, address);
}
