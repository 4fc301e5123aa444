/* SPDX-License-Identifier: MIT
 *
 * tour.h - the guide's voice: how socket_tour says what a call came to.
 */
#ifndef TOUR_H
#define TOUR_H

/* Prints a line in three columns: the call as Python spells it, what it is in
 * C, and what happened, as printf would write it. */
void tour_say(const char *python, const char *c, const char *what, ...);

/* Where Python raises an exception C returns -1 and leaves a number in errno.
 * This is the name that the manual explains it under, "EAGAIN". */
const char *tour_error(int number);

/* Passes on what `call` returned. If that is -1 the tour cannot go on: says
 * why and ends the program with status 1. */
int tour_must(const char *call, int result);

#endif
