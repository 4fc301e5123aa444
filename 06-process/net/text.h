/* SPDX-License-Identifier: MIT
 *
 * text.h - what text of a stranger may be shown, in a log or on a terminal.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/* Writes bytes of a peer as text that is safe to print: what is no printing
 * ASCII becomes \n, \r, \t, \\ or \xHH, and what does not fit is cut. Returns
 * `text`. */
char *text_escape(const char *data, size_t length, char *text, size_t size);

#endif
