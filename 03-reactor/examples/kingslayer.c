/* SPDX-License-Identifier: MIT
 *
 * kingslayer - an event-driven framework in thirty lines: handlers register,
 * and the framework decides when each of them runs. There is no loop yet and
 * nothing to wait for; what is there is the order of command: do not call us,
 * we call you.
 */
#include <stdio.h>
#include <string.h>

#include "program/options.h"

/* --- the framework --- */

struct handler {
    const char *name;
    const char *(*execute)(void); /* returns NULL, or what went wrong */
};

enum { EVENTS_MAX = 8 };

struct event_drive {
    const struct handler *event_list[EVENTS_MAX];
    int count;
};

/* What a handler inherits that has no execute of its own. */
static const char *base_execute(void)
{
    return "you must overwrite execute";
}

static void event_drive_append(struct event_drive *drive,
                               const struct handler *handler)
{
    if (drive->count < EVENTS_MAX)
        drive->event_list[drive->count++] = handler;
}

/* Runs every handler, in order. Returns how many of them failed. */
static int event_drive_run(const struct event_drive *drive,
                           const struct options *options)
{
    int failures = 0;

    for (int i = 0; i < drive->count; i++) {
        const struct handler *handler = drive->event_list[i];
        const char *why =
            handler->execute ? handler->execute() : base_execute();
        if (why)
            failures += options_failed(options, handler->name, why);
    }
    return failures;
}

/* --- a program that uses it --- */

static const char *my_execute(void)
{
    puts("event-drive execute MyHandler");
    return NULL;
}

static const struct handler MyHandler = { "MyHandler", my_execute };
static const struct handler LazyHandler = { "LazyHandler", NULL };

int main(int argc, char **argv)
{
    struct options options = { .about = "is a framework in thirty lines." };
    struct event_drive drive = { 0 };

    options_plain(&options, NULL, argc, argv);
    event_drive_append(&drive, &MyHandler);
    event_drive_append(&drive, &LazyHandler);
    return event_drive_run(&drive, &options) ? 1 : 0;
}
