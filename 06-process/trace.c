/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* The environment is one for the whole process, and so is this. */
static bool wanted;

void trace_start(void)
{
    const char *value = getenv("TRACE");

    wanted = value && *value && *value != '0';
}

void trace(const char *format, ...)
{
    va_list arguments;

    if (!wanted)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
