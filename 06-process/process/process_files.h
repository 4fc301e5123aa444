/* SPDX-License-Identifier: MIT
 *
 * process_files.h - the descriptors that an exec would leave open.
 */
#ifndef PROCESS_FILES_H
#define PROCESS_FILES_H

/* Calls visit(argument, number) for each open descriptor of ours below `end`
 * (-1: whatever its number) that is not close-on-exec, until one call returns
 * something else than 0; returns that. Looks at every one that is open. */
int process_files_each(int end, int (*visit)(void *argument, int fd),
                       void *argument);

#endif
