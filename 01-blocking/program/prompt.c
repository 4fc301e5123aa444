/* SPDX-License-Identifier: MIT */
#include "program/prompt.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Lengths, not strlen: a NUL may be typed, and is a part of the line. */
int prompt_read(struct prompt *prompt, const char *text)
{
    do {
        /* The prompt has no newline to flush it. A person who is shown nothing
         * any more has left. */
        fputs(text, stdout);
        if (fflush(stdout) == EOF || ferror(stdout))
            return 0;
        ssize_t length = getline(&prompt->line, &prompt->capacity, stdin);
        if (length < 0) {
            /* Control-D leaves the cursor behind the prompt. */
            if (isatty(STDIN_FILENO))
                putchar('\n');
            return 0;
        }
        /* The last line of a file may have no newline. */
        if (prompt->line[length - 1] == '\n')
            prompt->line[--length] = '\0';
        prompt->length = (size_t)length;
    } while (prompt->length == 0);
    return prompt->length != 4 || memcmp(prompt->line, "exit", 4) != 0;
}
