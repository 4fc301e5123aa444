/* SPDX-License-Identifier: MIT */
#include "framing/frame_input.h"

/* Whether the next frame may be delivered. That the connection is being lost
 * is no reason against it. */
static bool wants_frame(const struct frame_input *input)
{
    return !input->paused && !input->over;
}

static bool look(const struct frame_owner *owner, const char *data,
                 size_t length, struct frame *frame)
{
    *frame = (struct frame){ 0 };
    if (owner->look(owner->protocol, data, length, frame))
        return true;
    owner->input->over = true;
    return false;
}

/* Delivers the frames at `data`, as many as are whole and wanted. Returns how
 * many bytes are dealt with. */
static size_t deliver_frames(const struct frame_owner *owner, const char *data,
                             size_t length)
{
    struct frame frame;
    size_t used = 0;

    while (used < length && wants_frame(owner->input)) {
        const char *begin = data + used;
        if (!look(owner, begin, length - used, &frame) || frame.lacks > 0)
            break;
        owner->deliver(owner->protocol, begin + frame.start, frame.length);
        used += frame.end;
    }
    return used;
}

static void keep(const struct frame_owner *owner, struct buffer *buffer,
                 const char *data, size_t length)
{
    if (buffer_append(buffer, data, length) < 0)
        frame_input_abort(owner);
}

/* Keeps what came before that which a callback has added meanwhile. */
static void keep_before(const struct frame_owner *owner, const char *data,
                        size_t length)
{
    struct buffer *added = &owner->input->kept, all = { 0 };

    if (length == 0 || owner->input->over)
        return;
    keep(owner, &all, data, length);
    keep(owner, &all, buffer_data(added), buffer_length(added));
    buffer_clear(added);
    *added = all;
}

/* Delivers what can be delivered of what was kept. The bytes are taken out for
 * that time, so that a callback may add to them. Whether there was any. */
static bool deliver_kept(const struct frame_owner *owner)
{
    struct buffer *added = &owner->input->kept, work = *added;

    *added = (struct buffer){ 0 };
    size_t used =
        deliver_frames(owner, buffer_data(&work), buffer_length(&work));
    buffer_consume(&work, used);
    keep(owner, &work, buffer_data(added), buffer_length(added));
    buffer_clear(added);
    *added = work;
    return used > 0;
}

/* Adds to the frame that has begun what it lacks, and no byte more. Returns
 * how many bytes that took. */
static size_t complete(const struct frame_owner *owner, const char *data,
                       size_t length)
{
    struct buffer *kept = &owner->input->kept;
    struct frame frame;
    size_t used = 0;

    while (used < length && !owner->input->over &&
           look(owner, buffer_data(kept), buffer_length(kept), &frame) &&
           frame.lacks > 0) {
        size_t left = length - used;
        size_t taken = frame.lacks < left ? frame.lacks : left;
        keep(owner, kept, data + used, taken);
        used += taken;
    }
    return used;
}

static void finish(const struct frame_owner *owner)
{
    while (deliver_kept(owner))
        ;
    owner->input->busy = false;
    if (owner->input->over)
        buffer_clear(&owner->input->kept);
}

void frame_input_receive(const struct frame_owner *owner, const char *data,
                         size_t length)
{
    struct frame_input *input = owner->input;
    size_t used = 0;

    if (input->over)
        return;
    if (input->busy || input->paused) {
        keep(owner, &input->kept, data, length);
        return;
    }
    input->busy = true;
    if (buffer_length(&input->kept) > 0) {
        used = complete(owner, data, length);
        deliver_kept(owner);
    }
    if (buffer_length(&input->kept) == 0)
        used += deliver_frames(owner, data + used, length - used);
    keep_before(owner, data + used, length - used);
    finish(owner);
}

void frame_input_pause(const struct frame_owner *owner)
{
    owner->input->paused = true;
    transport_pause_producing(owner->protocol->transport);
}

void frame_input_resume(const struct frame_owner *owner)
{
    owner->input->paused = false;
    transport_resume_producing(owner->protocol->transport);
    if (owner->input->busy) /* whoever is at it goes on */
        return;
    owner->input->busy = true;
    finish(owner);
}

void frame_input_abort(const struct frame_owner *owner)
{
    owner->input->over = true;
    transport_abort_connection(owner->protocol->transport);
}

void frame_input_close(struct frame_input *input)
{
    input->over = true;
    buffer_clear(&input->kept);
}
