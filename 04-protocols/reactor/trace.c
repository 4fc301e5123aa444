/* SPDX-License-Identifier: MIT */
#include "reactor/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The environment is one for the whole process, and so is this. */
bool trace_wanted;
static struct timespec start; /* when the first reactor was made */

void trace_start(void)
{
    const char *value = getenv("TRACE");

    if (start.tv_sec == 0)
        clock_gettime(CLOCK_MONOTONIC, &start);
    trace_wanted = value && *value && *value != '0';
}

void trace_print(const char *format, ...)
{
    struct timespec now;
    va_list arguments;

    clock_gettime(CLOCK_MONOTONIC, &now);
    fprintf(stderr, "%.6f ",
            (double)(now.tv_sec - start.tv_sec) +
                (double)(now.tv_nsec - start.tv_nsec) / 1e9);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
