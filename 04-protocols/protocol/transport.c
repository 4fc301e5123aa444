/* SPDX-License-Identifier: MIT
 *
 * transport.c - from the functions that a protocol calls to those of the class
 * of its transport. A protocol does not know whether it speaks over TCP, a UNIX
 * socket, TLS or a string, and need not: here is the only place that asks.
 */
#include "protocol/transport.h"

#include <string.h>

/* When this returns the bytes are copied or sent, so the caller may use theirs
 * again. Nothing calls the protocol back, whatever becomes of them. */
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

/* What is queued goes first; connection_lost comes later, never from in here.
 * So the protocol's own members are still there in the next line. */
void transport_lose_connection(struct transport *transport)
{
    transport->class->lose_connection(transport);
}

/* What is queued is dropped. The peer sees a reset, and cannot take this for a
 * good end. connection_lost comes at the end of the turn, not before. */
void transport_abort_connection(struct transport *transport)
{
    transport->class->abort_connection(transport);
}

/* The peer hears that we have said everything, and may still answer. A
 * protocol with read_connection_lost has to lose the connection even when both
 * streams have ended (T21). */
void transport_lose_write_connection(struct transport *transport)
{
    transport->class->lose_write_connection(transport);
}

/* Who is paused hears nothing, not even that the peer has gone (T14). */
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

/* The producer may be called before this returns: a pull producer is asked for
 * its first piece, and on a transport that is closed any is stopped at once. So
 * set it up first. */
int transport_register_producer(struct transport *transport,
                                struct producer *producer, bool streaming)
{
    return transport->class->register_producer(transport, producer, streaming);
}

/* lose_connection waits for a producer that may make more (T29, T31): one that
 * is done and does not say so here keeps the connection open for ever. */
void transport_unregister_producer(struct transport *transport)
{
    transport->class->unregister_producer(transport);
}

/* For who sends one thing to many: it is not told when one of them stops
 * reading, and has to look. */
size_t transport_queued(const struct transport *transport)
{
    return transport->class->queued(transport);
}

/* True as soon as somebody has asked for the end, long before connection_lost:
 * a line receiver that has more lines at hand asks before each (B6). */
bool transport_disconnecting(const struct transport *transport)
{
    return transport->class->disconnecting(transport);
}

/* Answers in connection_lost as well, where the kernel may not (T35). */
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
