/* SPDX-License-Identifier: MIT
 *
 * keyboard.h - the person at the keyboard, one peer more: a connection over
 * standard input, be it a terminal, a pipe or a file, and a line receiver. A
 * line is a message, an empty line is none, "exit" or the end of the input is
 * goodbye. Twisted's word is StandardIO.
 *
 * The framework owns the keyboard. It reads only what is there, so standard
 * input, which we may share with others, still blocks.
 */
#ifndef KEYBOARD_H
#define KEYBOARD_H

#include <stddef.h>

#include "reactor/reactor.h"

struct keyboard;

enum { KEYBOARD_LINE_MAX = 1 << 20 }; /* bytes of a line, without its end */

/* Opens it, paused. Once it is resumed, it prints `prompt`, which is not
 * copied, whenever it wants a line, and calls
 *
 * - line_received for each line, without its newline; it is not
 *   NUL-terminated, and gone when this returns;
 * - closed once, last, with 0 when the person has left, or the loop has
 *   ended, or with an errno: EMSGSIZE for a line that is too long, or why
 *   nothing can be read. Who cannot be shown the prompt, or what was printed
 *   before it, has left. The keyboard is gone when this returns.
 *
 * Returns NULL with errno. */
struct keyboard *keyboard_open(
    struct reactor *reactor, const char *prompt,
    void (*line_received)(void *argument, const char *line, size_t length),
    void (*closed)(void *argument, int error), void *argument);

/* Wants lines, or wants none for a while; what is typed meanwhile waits. */
void keyboard_resume(struct keyboard *keyboard);
void keyboard_pause(struct keyboard *keyboard);

/* Ends it; `closed` is not called. */
void keyboard_close(struct keyboard *keyboard);

#endif
