/* SPDX-License-Identifier: MIT
 *
 * log.h - Twisted's log: the date, in brackets who is running, and a text.
 *
 *     2011-08-29 13:32:38+0200 [CmdProtocol,0,127.0.0.1] Cmd received
 *
 * Who is running is asked of the reactor, see descriptor.h. Nothing is printed
 * until log_start has been called. A program has one log, and one thread that
 * writes it, so this file has state of its own. A write to a pipe that nobody
 * reads waits, and the loop with it; Twisted's log does so, too.
 */
#ifndef LOG_H
#define LOG_H

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

/* Bytes of a text of a stranger's in a message, see net/text.h; and of a whole
 * message. What is longer ends in a mark that says how much is left out. */
enum { LOG_TEXT_MAX = 1024, LOG_MESSAGE_MAX = 2048 };

#endif
