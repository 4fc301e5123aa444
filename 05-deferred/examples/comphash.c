/* SPDX-License-Identifier: MIT */
#include "examples/comphash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/hash_file.h"

/* One command, until it is answered. */
struct hash_compute {
    struct comphash *owner;
    char path[];
};

/* The client may have gone: a write to a transport that is closed does nothing,
 * so nobody has to ask. */
static void answer(struct comphash *self, const char *text)
{
    transport_write_text(self->client->base.transport, text);
}

/* The hash is there. (`ret` and `err` are the names of these callbacks in the
 * Python server that cmd_server is modelled on.) */
static struct result ret(struct result result, void *argument)
{
    struct hash_compute *self = argument;

    answer(self->owner, "File hash is : ");
    answer(self->owner, result.value);
    answer(self->owner, "\n");
    free(result.value);
    return result_value(NULL);
}

/* There is none; as Python words it. Its failure ends here: what an errback
 * returns is a value, so nothing is left to be logged as unhandled. */
static struct result err(struct result result, void *argument)
{
    struct hash_compute *self = argument;
    struct failure failure = result.failure;
    char text[FAILURE_TEXT_MAX];

    /* The path is not copied into `text`: it may have 16,384 bytes. */
    answer(self->owner, "An error occured : ");
    if (failure_check(failure, &FileError)) {
        snprintf(text, sizeof(text), "[Errno %d] %s: '", failure.number,
                 strerror(failure.number));
        answer(self->owner, text);
        answer(self->owner, self->path);
        answer(self->owner, "'\n");
    } else {
        answer(self->owner, failure_message(failure, text));
        answer(self->owner, "\n");
    }
    return result_value(NULL);
}

/* Whatever it came to, the client may have waited for it to end. */
static struct result on_ended(struct result result, void *argument)
{
    struct comphash *owner = ((struct hash_compute *)argument)->owner;

    free(argument);
    /* Its next line may be delivered in here: in the log it is the client's,
     * though it is the thread pool that has called us. */
    struct running before = reactor_enter(owner->reactor, owner->asked);
    if (owner->count-- == COMPHASH_MAX)
        line_receiver_resume(owner->client);
    reactor_enter(owner->reactor, before);
    if (owner->leaving)
        comphash_leave(owner);
    return result;
}

static void compute(struct comphash *owner, const char *path, size_t length)
{
    struct hash_compute *self = calloc(1, sizeof(*self) + length + 1);
    struct deferred *deferred = NULL;

    if (self) {
        memcpy(self->path, path, length);
        deferred = hash_file(owner->reactor, self->path);
    }
    if (!deferred) { /* free(NULL) does nothing, if that was it */
        free(self);
        answer(owner, "An error occured : Out of memory.\n");
        return;
    }
    self->owner = owner;
    owner->asked = reactor_running_now(owner->reactor);
    /* A client that asks for more than it waits for is not read meanwhile:
     * otherwise it could fill the queue of the pool for all others. */
    if (++owner->count == COMPHASH_MAX)
        line_receiver_pause(owner->client);
    /* All of the chain is there before the Deferred is given away: it may have
     * fired already, and then `self` is freed in here. */
    deferred_add_callbacks(deferred, ret, err, self);
    deferred_add_both(deferred, on_ended, self);
    deferred_group_add(&owner->hashes, deferred);
}

void comphash_line(struct comphash *self, const char *line, size_t length)
{
    const char *blank = memchr(line, ' ', length), *end = line + length;

    if (!blank || memchr(blank + 1, ' ', (size_t)(end - blank - 1)))
        answer(self, "Please provide a path.\n");
    else if (memchr(blank, '\0', (size_t)(end - blank)))
        answer(self, "An error occured : A path has no NUL byte in it.\n");
    else
        compute(self, blank + 1, (size_t)(end - blank - 1));
}

void comphash_leave(struct comphash *self)
{
    self->leaving = true;
    if (self->count == 0)
        transport_lose_connection(self->client->base.transport);
}

/* Their callbacks answer a client that has gone: such a write does nothing. */
void comphash_cancel(struct comphash *self)
{
    deferred_group_cancel(&self->hashes);
}
