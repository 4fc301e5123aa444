/* SPDX-License-Identifier: MIT
 *
 * protocol.c - how protocols come to be, and when factories start and stop.
 */
#include "protocol/protocol.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "protocol/log.h"

/* Zeroes, so that a protocol's own members are in a known state before its
 * first callback. Whoever has the connection frees it, with free(). */
struct protocol *protocol_new(const struct protocol_class *class)
{
    /* Otherwise the first access to its own members would be behind the end
     * of the memory, and the heap would tell of it much later. */
    assert(class->size >= sizeof(struct protocol) &&
           "a protocol class says in .size how large its protocols are");
    struct protocol *protocol = calloc(1, class->size);

    if (protocol)
        protocol->class = class;
    return protocol;
}

/* The transport first: connection_made may write already. */
void protocol_make_connection(struct protocol *protocol,
                              struct transport *transport)
{
    protocol->transport = transport;
    if (protocol->class->connection_made)
        protocol->class->connection_made(protocol);
}

/* NULL without a *reason is a refusal: the peer is let go, and nothing has
 * failed. A lack of memory is none: with no reason for it a client would hear
 * of a clean end (C15). */
struct protocol *factory_build_protocol(struct factory *factory,
                                        const struct address *peer,
                                        struct failure *reason)
{
    struct protocol *protocol;

    *reason = (struct failure){ 0 };
    if (factory->build_protocol)
        protocol = factory->build_protocol(factory, peer, reason);
    else if (!(protocol = protocol_new(factory->protocol)))
        *reason = failure_of_connect(ENOMEM);
    /* A factory in front of another lets that one make it, and keep it. */
    if (protocol && !protocol->factory)
        protocol->factory = factory;
    return protocol;
}

/* A factory may serve several ports and connectors: it starts with the first
 * and stops with the last of them. */
void factory_do_start(struct factory *factory)
{
    if (factory->ports++ > 0)
        return;
    if (!factory->quiet)
        log_message("Starting factory %s", factory->name);
    if (factory->start_factory)
        factory->start_factory(factory);
}

void factory_do_stop(struct factory *factory)
{
    if (--factory->ports > 0)
        return;
    if (!factory->quiet)
        log_message("Stopping factory %s", factory->name);
    if (factory->stop_factory)
        factory->stop_factory(factory);
}
