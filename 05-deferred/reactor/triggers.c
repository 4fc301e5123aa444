/* SPDX-License-Identifier: MIT
 *
 * triggers.c - three lists of functions. They hang in their owners' memory, so
 * nothing here can fail for want of it.
 */
#include "reactor/triggers.h"

#include <errno.h>
#include <stddef.h>

/* A trigger that is waiting is refused: to hang it up once more would cut off
 * those behind it. */
int triggers_add(struct triggers *triggers, enum trigger_phase phase,
                 struct trigger *trigger, void (*function)(void *),
                 void *argument)
{
    if (phase < TRIGGER_BEFORE || phase > TRIGGER_AFTER || trigger->added) {
        errno = trigger->added ? EALREADY : EINVAL;
        return -1;
    }
    *trigger = (struct trigger){ function, argument, NULL, true };
    struct trigger **end = &triggers->first[phase];
    while (*end)
        end = &(*end)->next;
    *end = trigger;
    return 0;
}

int triggers_remove(struct triggers *triggers, struct trigger *trigger)
{
    for (int phase = 0; phase < TRIGGER_PHASES; phase++) {
        struct trigger **link = &triggers->first[phase];
        while (*link && *link != trigger)
            link = &(*link)->next;
        if (*link) {
            *link = trigger->next;
            trigger->added = false;
            return 0;
        }
    }
    errno = ENOENT;
    return -1;
}

void triggers_fire(struct triggers *triggers, enum trigger_phase phase)
{
    struct trigger *trigger;

    while ((trigger = triggers->first[phase])) {
        /* Out of the list before it runs: its function may free it, add it
         * again, or remove the next one. */
        triggers->first[phase] = trigger->next;
        trigger->added = false;
        trigger->function(trigger->argument);
    }
}
