/* SPDX-License-Identifier: MIT
 *
 * process_pty.h - a pseudo-terminal: we hold the one side, and a child that
 * opens the other by its path takes it for a terminal.
 */
#ifndef PROCESS_PTY_H
#define PROCESS_PTY_H

#include <stddef.h>

enum { PROCESS_PTY_PATH_MAX = 64 }; /* bytes */

/* Opens one, and writes the path of the other side, PROCESS_PTY_PATH_MAX
 * bytes. Returns our side, which does not block, or -1 with errno. */
int process_pty_open(char *path);

#endif
