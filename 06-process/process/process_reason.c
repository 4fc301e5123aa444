/* SPDX-License-Identifier: MIT
 *
 * process_reason.c - how a child has ended, in numbers and in words.
 */
#include <stdio.h>
#include <sys/wait.h>

#include "process/process.h"

const struct failure_type ProcessDone = {
    "ProcessDone", "A process has ended without apparent errors", false
};
const struct failure_type ProcessTerminated = {
    "ProcessTerminated", "A process has ended with a probable error condition",
    false
};

int process_exit_code(struct failure reason)
{
    return WIFEXITED(reason.number) ? WEXITSTATUS(reason.number) : -1;
}

int process_exit_signal(struct failure reason)
{
    return WIFSIGNALED(reason.number) ? WTERMSIG(reason.number) : 0;
}

const char *process_reason_text(struct failure reason, char *text)
{
    size_t size = FAILURE_TEXT_MAX;
    const char *what = reason.type->text;
    int code = process_exit_code(reason);
    int signal = process_exit_signal(reason);

    if (code == 0)
        snprintf(text, size, "%s: process finished with exit code 0.", what);
    else if (code > 0)
        snprintf(text, size, "%s: process ended with exit code %d.", what,
                 code);
    else if (signal > 0)
        snprintf(text, size, "%s: process ended by signal %d.", what, signal);
    else
        snprintf(text, size, "%s: process ended.", what);
    return text;
}
