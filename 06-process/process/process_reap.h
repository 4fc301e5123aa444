/* SPDX-License-Identifier: MIT
 *
 * process_reap.h - asks the kernel about our children when SIGCHLD has come.
 *
 * One signal may stand for many children, so each that lives is asked about:
 * the work is proportional to how many there are. Children that the program
 * has started in another way are left alone.
 */
#ifndef PROCESS_REAP_H
#define PROCESS_REAP_H

#include "process/process_parts.h"

/* Takes SIGCHLD for this loop, before its first child can die; again is
 * nothing. Returns 0, or -1 with errno: EBUSY when somebody else has it. */
int process_reap_start(struct reactor *reactor);

/* From now on this child is asked about, until process_reaped or, with the
 * loop's end, process_abandon has been called. */
void process_reap_add(struct process *process);

#endif
