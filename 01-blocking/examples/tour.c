/* SPDX-License-Identifier: MIT */
#include "examples/tour.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tour_say(const char *python, const char *c, const char *what, ...)
{
    va_list arguments;

    printf("%-31s %-21s ", python, c);
    va_start(arguments, what);
    vprintf(what, arguments);
    va_end(arguments);
    putchar('\n');
}

const char *tour_error(int number)
{
    switch (number) {
    case 0:
        return "no error";
    case EACCES:
        return "EACCES";
    case EAFNOSUPPORT:
        return "EAFNOSUPPORT";
    case EAGAIN:
        return "EAGAIN";
    case ECONNREFUSED:
        return "ECONNREFUSED";
    case EPERM:
        return "EPERM";
    default:
        return strerror(number);
    }
}

int tour_must(const char *call, int result)
{
    if (result >= 0)
        return result;
    fprintf(stderr, "socket_tour: %s: %s\n", call, strerror(errno));
    exit(EXIT_FAILURE);
}
