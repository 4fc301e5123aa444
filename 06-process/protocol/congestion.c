/* SPDX-License-Identifier: MIT */
#include "protocol/congestion.h"

#include <stddef.h>

static void set_full(struct producer *producer, bool full)
{
    struct congestion *self =
        (struct congestion *)((char *)producer -
                              offsetof(struct congestion, producer));

    self->full = full;
    /* A transport that is to close waits for its producer to finish. */
    if (!full && transport_disconnecting(self->transport))
        congestion_ignore(self);
    self->changed(self->argument);
}

static void pause_producing(struct producer *producer)
{
    set_full(producer, true);
}

static void resume_producing(struct producer *producer)
{
    set_full(producer, false);
}

static void stop_producing(struct producer *producer)
{
    (void)producer; /* connection_lost tells the protocol */
}

void congestion_watch(struct congestion *self, struct transport *transport,
                      void (*changed)(void *argument), void *argument)
{
    *self = (struct congestion){
        .producer = { .pause_producing = pause_producing,
                      .resume_producing = resume_producing,
                      .stop_producing = stop_producing },
        .transport = transport,
        .changed = changed,
        .argument = argument,
    };
    transport_register_producer(transport, &self->producer, true);
}

void congestion_ignore(struct congestion *self)
{
    transport_unregister_producer(self->transport);
}
