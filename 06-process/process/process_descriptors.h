/* SPDX-License-Identifier: MIT
 *
 * process_descriptors.h - from the map in a child's options to pipes: our ends
 * become pipes of the process, the child's ends moves for process_spawn.
 */
#ifndef PROCESS_DESCRIPTORS_H
#define PROCESS_DESCRIPTORS_H

#include "process/process_parts.h"
#include "process/process_spawn.h"

/* Fills in the moves, or the terminal, of `start`. Returns 0, or -1 with
 * errno: then some pipes may be there, and are to be discarded. Either way
 * process_descriptors_close has to follow, when the child has its own. */
int process_descriptors_open(struct process *process,
                             const struct process_options *options,
                             struct process_start *start);

/* Closes the child's ends on our side, and keeps errno. */
void process_descriptors_close(const struct process_start *start);

#endif
