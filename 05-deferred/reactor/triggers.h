/* SPDX-License-Identifier: MIT
 *
 * triggers.h - functions that run when the loop starts or when it stops, in
 * three phases. Twisted calls the whole a three-phase event.
 *
 * The caller owns each struct trigger; it must live until it has run or was
 * removed. Within a phase they run in the order in which they were added.
 */
#ifndef TRIGGERS_H
#define TRIGGERS_H

#include <stdbool.h>

enum trigger_phase { TRIGGER_BEFORE, TRIGGER_DURING, TRIGGER_AFTER };
enum { TRIGGER_PHASES = 3 };

struct trigger {
    void (*function)(void *argument);
    void *argument;
    struct trigger *next; /* in its phase */
    bool added;           /* it is waiting to run */
};

/* One event, at first all zeroes. */
struct triggers {
    struct trigger *first[TRIGGER_PHASES];
};

/* Returns 0, or -1 with errno: EINVAL for no such phase, EALREADY when the
 * trigger is waiting to run already. */
int triggers_add(struct triggers *triggers, enum trigger_phase phase,
                 struct trigger *trigger, void (*function)(void *),
                 void *argument);

/* Returns 0, or -1 with ENOENT when it is not waiting to run (any more). */
int triggers_remove(struct triggers *triggers, struct trigger *trigger);

/* Runs one phase, each trigger once; what they add to it runs as well. */
void triggers_fire(struct triggers *triggers, enum trigger_phase phase);

#endif
