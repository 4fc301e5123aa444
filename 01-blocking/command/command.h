/* SPDX-License-Identifier: MIT
 *
 * command.h - runs one line in a shell and collects what it prints.
 *
 * The servers that let a client run commands call it, from any thread. It
 * blocks until the command has ended, and for ever if that never happens.
 * Nothing is left of a command that is over: no pipe, no zombie.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>

/* Bytes that a command may print on each of its two outputs (16 MiB). One
 * that prints more is ended, and all that it has started with it. */
enum { COMMAND_OUTPUT_MAX = 16 * 1024 * 1024 };

struct command_answer {
    char *bytes; /* not terminated; the caller frees it */
    size_t length;
};

/* The length of what was received, less its newline if it has one: "ls",
 * "ls\n" and "ls\r\n" are the same command. */
size_t command_trim(const char *line, size_t length);

/* Runs `line`, trimmed, in /bin/sh, with /dev/null as standard input. The
 * answer is all of its standard output or, if that is empty, of its standard
 * error, up to the moment when nobody holds these two open any more: a
 * background child that does belongs to the command.
 *
 * A command that could not be run, or that printed too much, has a message
 * that says so for an answer. Returns 0, or -1 (ENOMEM) when there was no
 * memory for even that; then there is nothing to free. */
int command_run(struct command_answer *answer, const char *line, size_t length);

#endif
