/* SPDX-License-Identifier: MIT */
#include "protocol/protocol.h"

#include <stdlib.h>

#include "protocol/log.h"

struct protocol *protocol_new(const struct protocol_class *class)
{
    struct protocol *protocol = calloc(1, class->size);

    if (protocol)
        protocol->class = class;
    return protocol;
}

void protocol_make_connection(struct protocol *protocol,
                              struct transport *transport)
{
    protocol->transport = transport;
    if (protocol->class->connection_made)
        protocol->class->connection_made(protocol);
}

struct protocol *factory_build_protocol(struct factory *factory,
                                        const struct address *peer)
{
    struct protocol *protocol = factory->build_protocol
                                    ? factory->build_protocol(factory, peer)
                                    : protocol_new(factory->protocol);

    if (protocol && !protocol->factory)
        protocol->factory = factory;
    return protocol;
}

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
