/* SPDX-License-Identifier: MIT
 *
 * shell.h - starts a shell that runs one line, for command.c.
 */
#ifndef SHELL_H
#define SHELL_H

#include <sys/types.h>

/* Starts /bin/sh with `line`; it reads /dev/null and writes to `out` and `err`.
 * It leads a process group and, where the C library can do that, a session: it
 * has no terminal, so a command that wants to read one fails instead of being
 * stopped for ever. Returns 0, or an error number as posix_spawn does; the
 * caller reaps `pid`. */
int shell_spawn(pid_t *pid, char *line, int out, int err);

#endif
