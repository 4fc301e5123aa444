/* SPDX-License-Identifier: MIT
 *
 * input_queue.c - the loop that delivers pieces, and what callbacks may do to
 * it in the middle of that.
 */
#include "framing/input_queue.h"

#include <stdint.h>

/* Nothing is kept that will never be delivered: after a refused length the peer
 * may go on to send, and must not fill our memory. */
static void append(struct input_owner owner, struct buffer *buffer,
                   const char *data, size_t length)
{
    if (!owner.queue->over && buffer_append(buffer, data, length) < 0)
        input_queue_abort(owner);
}

/* A transport that is paused hears nothing, not even that its peer has gone, so
 * it reads on while little waits. Without a limit a peer could fill our memory
 * with what nobody wants yet. */
static void update_flow(struct input_owner owner)
{
    const struct input_queue *queue = owner.queue;

    if (queue->paused && buffer_length(&queue->kept) >= queue->read_ahead)
        transport_pause_producing(owner.protocol->transport);
    else
        transport_resume_producing(owner.protocol->transport);
}

/* Whether another piece may be delivered. Any callback may change that, so it
 * is asked before each. */
static bool wants_more(const struct input_queue *queue)
{
    return !queue->paused && !queue->over;
}

/* Delivers what was kept, in `work`, and then from the segment at *data, until
 * nothing is whole any more or wanted. Moves *data and *length along. */
static void deliver_pieces(struct input_owner owner, struct buffer *work,
                           const char **data, size_t *length)
{
    while (wants_more(owner.queue)) {
        size_t waiting = buffer_length(work), lacks = SIZE_MAX, used = 0;

        if (waiting > 0) {
            used =
                owner.take(owner.protocol, buffer_data(work), waiting, &lacks);
            buffer_consume(work, used);
            if (used > 0)
                continue;
            /* A piece was cut: copy what it lacks, and no byte of the next
             * one, which may be whole where it is. */
            used = lacks < *length ? lacks : *length;
            append(owner, work, *data, used);
        } else if (*length > 0) {
            used = owner.take(owner.protocol, *data, *length, &lacks);
        }
        if (used == 0)
            break;
        *data += used;
        *length -= used;
    }
}

/* The heart of it. A callback may come back here, through input_queue_resume
 * too; it finds `delivering` set, and leaves its work to the loop below. So
 * nothing overtakes what came before it, and the stack does not grow with the
 * number of pieces. What was kept is in `work` for that time: a callback that
 * adds to `kept` must not move the block that we are delivering from. */
void input_queue_receive(struct input_owner owner, const char *data,
                         size_t length)
{
    struct input_queue *queue = owner.queue;
    struct buffer work = queue->kept;
    bool added;

    if (queue->delivering) {
        append(owner, &queue->kept, data, length);
        return;
    }
    queue->kept = (struct buffer){ 0 };
    queue->delivering = true;
    do {
        deliver_pieces(owner, &work, &data, &length);
        append(owner, &work, data, length);
        length = 0;
        /* What callbacks have added comes last, and may be whole as well. */
        added = buffer_length(&queue->kept) > 0;
        append(owner, &work, buffer_data(&queue->kept),
               buffer_length(&queue->kept));
        buffer_clear(&queue->kept);
    } while (added && wants_more(queue));
    queue->delivering = false;
    if (queue->over)
        buffer_clear(&work);
    queue->kept = work;
    if (queue->paused) /* more waits than before, perhaps too much */
        update_flow(owner);
}

/* May be called by the callback that is being delivered to: what follows in the
 * same segment is kept. */
void input_queue_pause(struct input_owner owner)
{
    owner.queue->paused = true;
    update_flow(owner);
}

void input_queue_resume(struct input_owner owner)
{
    owner.queue->paused = false;
    update_flow(owner);
    input_queue_receive(owner, NULL, 0); /* what was kept */
}

/* For a peer that breaks the rules: what it says after that means nothing. The
 * transport reads nothing more; `over` is for what has come already. */
void input_queue_abort(struct input_owner owner)
{
    owner.queue->over = true;
    transport_abort_connection(owner.protocol->transport);
}

/* `over`, so that what somebody feeds to it afterwards is not kept: nobody
 * would free that. */
void input_queue_close(struct input_queue *queue)
{
    queue->over = true;
    buffer_clear(&queue->kept);
}
