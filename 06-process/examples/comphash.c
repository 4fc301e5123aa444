/* SPDX-License-Identifier: MIT */
#include "examples/comphash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/hash_file.h"

struct hash_compute {
    struct comphash *owner;
    struct deferred *deferred;
    struct hash_compute *next;
    char path[];
};

static void answer(struct comphash *self, const char *text)
{
    transport_write_text(self->client->base.transport, text);
}

static struct result ret(struct result result, void *argument)
{
    struct hash_compute *self = argument;

    answer(self->owner, "File hash is : ");
    answer(self->owner, result.value);
    answer(self->owner, "\n");
    free(result.value);
    return result_value(NULL);
}

/* As Python words it. */
static struct result err(struct result result, void *argument)
{
    struct hash_compute *self = argument;
    struct failure failure = result.failure;
    char text[FAILURE_TEXT_MAX];

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
static struct result ended(struct result result, void *argument)
{
    struct hash_compute *self = argument, **link = &self->owner->first;
    struct comphash *owner = self->owner;

    deferred_release(self->deferred);
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    free(self);
    struct log_system before = log_enter(owner->asked);
    if (owner->count-- == COMPHASH_MAX)
        line_receiver_resume(owner->client);
    log_enter(before);
    if (owner->leaving)
        comphash_leave(owner);
    return result;
}

static void compute(struct comphash *owner, const char *path, size_t length)
{
    struct hash_compute *self = calloc(1, sizeof(*self) + length + 1);

    if (self) {
        memcpy(self->path, path, length);
        self->deferred = hash_file(owner->reactor, self->path);
    }
    if (!self || !self->deferred) {
        free(self);
        answer(owner, "An error occured : Out of memory.\n");
        return;
    }
    owner->asked = log_running();
    self->owner = owner;
    self->next = owner->first;
    owner->first = self;
    if (++owner->count == COMPHASH_MAX)
        line_receiver_pause(owner->client);
    deferred_add_callbacks(self->deferred, ret, err, self);
    deferred_add_both(self->deferred, ended, self);
}

void comphash_line(struct comphash *self, const char *line, size_t length)
{
    const char *blank = memchr(line, ' ', length), *end = line + length;

    if (!blank || memchr(blank + 1, ' ', (size_t)(end - blank - 1)) ||
        memchr(line, '\0', length))
        answer(self, "Please provide a path.\n");
    else
        compute(self, blank + 1, (size_t)(end - blank - 1));
}

void comphash_leave(struct comphash *self)
{
    self->leaving = true;
    if (self->count == 0)
        transport_lose_connection(self->client->base.transport);
}

void comphash_cancel(struct comphash *self)
{
    while (self->first)
        deferred_cancel(self->first->deferred);
}
