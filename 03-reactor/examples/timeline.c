/* SPDX-License-Identifier: MIT */
#include "examples/timeline.h"

#include <stdio.h>
#include <string.h>

enum {
    COLUMNS = 56,      /* of the chart; with all around it, 76 at most */
    TICK_COLUMNS = 10, /* from one number on the axis to the next */
    COLUMN_MS = 20     /* so coarse that a scheduler's whims do not show */
};

static double elapsed_ms(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) * 1e3 +
           (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

void timeline_start(struct timeline *timeline, int rows)
{
    memset(timeline, 0, sizeof(*timeline));
    timeline->count = rows;
    clock_gettime(CLOCK_MONOTONIC, &timeline->start);
}

void timeline_mark(struct timeline *timeline, int row,
                   enum timeline_state state)
{
    struct timeline_row *task = &timeline->rows[row];

    if (task->count == TIMELINE_MARKS_MAX)
        return;
    task->marks[task->count++] =
        (struct timeline_mark){ .ms = elapsed_ms(&timeline->start),
                                .state = state };
}

static double end_ms(const struct timeline_row *task)
{
    return task->count ? task->marks[task->count - 1].ms : 0;
}

static double duration_ms(const struct timeline_row *task)
{
    return task->count ? end_ms(task) - task->marks[0].ms : 0;
}

static enum timeline_state state_at(const struct timeline_row *task, double ms)
{
    enum timeline_state state = TIMELINE_IDLE;

    for (int i = 0; i < task->count && task->marks[i].ms <= ms; i++)
        state = task->marks[i].state;
    return state;
}

/* A column shows what the task did in the middle of the column's time. */
static void draw_row(const struct timeline_row *task, int number, int column_ms)
{
    printf("task %d |", number);
    for (int column = 0; column < COLUMNS; column++)
        putchar((int)state_at(task, (column + 0.5) * column_ms));
    printf("| %4.0f ms\n", duration_ms(task));
}

static void draw_axis(int column_ms)
{
    printf("ms      ");
    for (int column = 0; column < COLUMNS; column += TICK_COLUMNS)
        printf("%-*d", column + TICK_COLUMNS < COLUMNS ? TICK_COLUMNS : 0,
               column * column_ms);
    putchar('\n');
}

void timeline_draw(const struct timeline *timeline)
{
    double total = 0, sum = 0, longest = 0;
    int column_ms = COLUMN_MS;

    for (int i = 0; i < timeline->count; i++) {
        double duration = duration_ms(&timeline->rows[i]);
        double end = end_ms(&timeline->rows[i]);
        sum += duration;
        longest = duration > longest ? duration : longest;
        total = end > total ? end : total;
    }
    while (total > COLUMNS * column_ms)
        column_ms *= 2;
    for (int i = 0; i < timeline->count; i++)
        draw_row(&timeline->rows[i], i + 1, column_ms);
    draw_axis(column_ms);
    printf("total %.0f ms (sum of the tasks %.0f ms, the longest %.0f ms)\n",
           total, sum, longest);
}
