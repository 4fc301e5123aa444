/* SPDX-License-Identifier: MIT
 *
 * command.h - runs one line in a shell. The servers that let a client run
 * commands call it; nothing blocks. Either the output is collected, and a
 * Deferred brings it, or a process protocol of the caller's gets it as it
 * comes.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "deferred/deferred.h"
#include "process/process.h"
#include "protocol/buffer.h"

/* Bytes that a command may print on each of its two outputs (16 MiB) if they
 * are collected. One that prints more is ended. */
enum { COMMAND_OUTPUT_MAX = 16 << 20 };

/* Runs `line` in /bin/sh, with /dev/null as standard input. The Deferred fires
 * with all of its standard output or, if that is empty, of its standard error,
 * up to the moment when nobody holds these two open any more: a background
 * child that does belongs to the command. A command that could not be run, or
 * that printed too much, has a message that says so for an answer.
 *
 * It fires with a struct buffer *, for the receiver to read, and to give to
 * command_free_answer; or with MemoryError. To cancel it is to end the command;
 * do that before the reactor goes. NULL with ENOMEM. */
struct deferred *command_run(struct reactor *reactor, const char *line,
                             size_t length);
void command_free_answer(struct buffer *answer);

/* Runs `line` likewise; its output, on 1 and 2, is for that protocol. NULL
 * with errno, EILSEQ for a line with a NUL byte, where the shell would run
 * what comes before. */
struct process *command_spawn(struct reactor *reactor,
                              const struct process_protocol_class *class,
                              const char *line, size_t length, void *owner);

/* Kills the shell and what it has started, and closes the pipes; any process
 * will do. When the shell has exited already, what it has left behind dies only
 * of writing to them. process_ended follows. */
void command_end(struct process *process);

/* "command failed: WHY" LF, for an errno; EFBIG is too much output. Writes
 * into `text` and returns it. */
enum { COMMAND_TEXT_MAX = 128 };
const char *command_explain(int error, char *text);

#endif
