/* SPDX-License-Identifier: MIT */
#include "reactor/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The environment is one for the whole process, and so is this. */
bool trace_wanted;

void trace_start(void)
{
    const char *value = getenv("TRACE");

    trace_wanted = value && *value && *value != '0';
}

void trace_print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
