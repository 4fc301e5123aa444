/* SPDX-License-Identifier: MIT */
#include "reactor/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "reactor/delayed_call.h"

/* The environment is one for the whole process, and so is this. */
bool trace_wanted;
static int64_t start; /* when the first reactor was made */

void trace_start(void)
{
    const char *value = getenv("TRACE");

    if (start == 0)
        start = delayed_calls_now();
    trace_wanted = value && *value && *value != '0';
}

/* Standard error has no buffer: what was traced is out, even if the next step
 * ends the program. */
void trace_print(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%.6f ", (double)(delayed_calls_now() - start) / 1e9);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
