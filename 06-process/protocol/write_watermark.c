/* SPDX-License-Identifier: MIT */
#include "protocol/write_watermark.h"

#include <stddef.h>

static void set_full(struct producer *producer, bool full)
{
    struct write_watermark *self =
        (struct write_watermark *)((char *)producer -
                                   offsetof(struct write_watermark, producer));

    self->full = full;
    /* A transport that is to close waits for its producer to finish. */
    if (!full && transport_disconnecting(self->transport))
        write_watermark_ignore(self);
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

void write_watermark_watch(struct write_watermark *self,
                           struct transport *transport,
                           void (*changed)(void *argument), void *argument)
{
    *self = (struct write_watermark){
        .producer = { .pause_producing = pause_producing,
                      .resume_producing = resume_producing,
                      .stop_producing = stop_producing },
        .transport = transport,
        .changed = changed,
        .argument = argument,
    };
    transport_register_producer(transport, &self->producer, true);
}

void write_watermark_ignore(struct write_watermark *self)
{
    transport_unregister_producer(self->transport);
}
