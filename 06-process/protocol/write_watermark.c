/* SPDX-License-Identifier: MIT
 *
 * write_watermark.c - a push producer that makes nothing: the transport pauses
 * it when too much is queued, and resumes it when all has gone.
 */
#include "protocol/write_watermark.h"

/* Each write above the mark pauses a push producer once more (T25), so
 * `changed` may hear of a queue that was full before, too. */
static void set_full(struct producer *producer, bool full)
{
    struct write_watermark *self = (struct write_watermark *)producer;

    self->full = full;
    /* A transport that is to close waits for its producer to finish, and this
     * one has nothing to finish: the connection would stay for ever. */
    if (!full && transport_disconnecting(self->transport))
        transport_unregister_producer(self->transport);
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

/* Streaming: a pull producer would be resumed here, before anything is queued,
 * and never be paused. */
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
