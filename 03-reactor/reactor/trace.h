/* SPDX-License-Identifier: MIT
 *
 * trace.h - what the loop does, step by step, on standard error, each line with
 * the seconds since the start: for whoever starts a program with TRACE=1 in
 * the environment. Otherwise a step is one branch, so the steps need no #ifdef
 * and no second build.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>

/* Looks at the environment; reactor_new does it. */
void trace_start(void);

/* Prints one line, formatted as printf does, if it is wanted; otherwise the
 * arguments are not evaluated. Reactor's thread only. */
#define trace(...) (trace_wanted ? trace_print(__VA_ARGS__) : (void)0)

extern bool trace_wanted;
void trace_print(const char *format, ...);

#endif
