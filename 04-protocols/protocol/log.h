/* SPDX-License-Identifier: MIT
 *
 * log.h - Twisted's log: the date, in brackets who is running, and a text.
 *
 *     2011-08-29 13:32:38+0200 [CmdProtocol,0,127.0.0.1] Cmd received
 *
 * Nothing is printed until log_start has been called. A program has one log,
 * and one thread that writes it, so this file has state of its own.
 */
#ifndef LOG_H
#define LOG_H

#include <stddef.h>
#include <stdio.h>

#include "protocol/failure.h"
#include "reactor/reactor.h"

/* Prints what follows to `stream`, beginning with "Log opened.", and tells of
 * the reactor's end. */
void log_start(FILE *stream, struct reactor *reactor);

/* Prints one message, formatted as printf does. A newline in it is followed
 * by a tab, so that nobody can forge a line. */
void log_message(const char *format, ...);

/* Logs a failure that nobody else takes care of: what was being done, or
 * "Unhandled Error" if that is NULL, and the failure on the next line. */
void log_failure(const char *what, struct failure failure);

enum {
    LOG_TEXT_MAX = 1024, /* bytes of a text that is logged; a message, with
                            what is around it, is cut at twice as many */
    LOG_NAME_MAX = 160   /* bytes of the text in the brackets */
};

/* Who is running, for the brackets: `name` writes it, and is called only when
 * there is something to print. */
struct log_system {
    void (*name)(const void *object, char *text);
    const void *object;
};

/* From now on `system` is running; returns who was before, to be entered again
 * when it is done. */
struct log_system log_enter(struct log_system system);

/* Who is running now: for what is done for them later. */
struct log_system log_running(void);

#endif
