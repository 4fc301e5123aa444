/* SPDX-License-Identifier: MIT
 *
 * prompt.h - the person at the keyboard, as every interactive client here
 * knows them: a line is a message, an empty line is none, "exit" or the end
 * of the input is goodbye.
 */
#ifndef PROMPT_H
#define PROMPT_H

#include <stddef.h>

/* Zero it before the first prompt; free `line` after the last. */
struct prompt {
    char *line;      /* what was typed, without its newline, NUL-terminated */
    size_t length;   /* bytes in it; a typed NUL counts as one of them */
    size_t capacity; /* bytes that getline allocated */
};

/* Prints `text` and reads until a line says something. Returns 1, or 0 when
 * the person has left, or cannot be shown a thing. */
int prompt_read(struct prompt *prompt, const char *text);

#endif
