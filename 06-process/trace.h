/* SPDX-License-Identifier: MIT
 *
 * trace.h - what the loop does, step by step, on standard error: for whoever
 * starts a program with TRACE=1 in the environment. Otherwise a call of trace
 * is one branch, so the steps need no #ifdef and no second build.
 */
#ifndef TRACE_H
#define TRACE_H

/* Looks at the environment; reactor_new does it. */
void trace_start(void);

/* Prints one line, formatted as printf does. Reactor's thread only. */
void trace(const char *format, ...);

#endif
