/* SPDX-License-Identifier: MIT
 *
 * timeline.h - records when tasks work and wait, and draws it as text.
 *
 * A plain value, nothing to free. Each row is written by one thread only, the
 * one that runs its task, so that no lock is needed; draw after the last mark.
 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <time.h>

enum {
    TIMELINE_ROWS_MAX = 8,  /* tasks */
    TIMELINE_MARKS_MAX = 32 /* changes of state a task; more are ignored */
};

/* What a task does, and the character that draws it. */
enum timeline_state {
    TIMELINE_IDLE = ' ', /* has not begun, or is done */
    TIMELINE_WORK = '#', /* has the processor, or wants it */
    TIMELINE_WAIT = '.'  /* blocks: somebody else must do something first */
};

struct timeline_mark {
    double ms; /* since timeline_start */
    enum timeline_state state;
};

struct timeline_row {
    int count; /* marks made; the first begins the task, the last ends it */
    struct timeline_mark marks[TIMELINE_MARKS_MAX];
};

struct timeline {
    struct timespec start;
    int count; /* rows in use */
    struct timeline_row rows[TIMELINE_ROWS_MAX];
};

/* Forgets everything; from now on time counts, for `rows` tasks. */
void timeline_start(struct timeline *timeline, int rows);

/* From now on the task of this row is in this state. */
void timeline_mark(struct timeline *timeline, int row,
                   enum timeline_state state);

/* Prints a line for each task with its duration in milliseconds, the axis,
 * and the total beside the sum and the longest of the tasks. */
void timeline_draw(const struct timeline *timeline);

#endif
