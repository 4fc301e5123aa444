/* SPDX-License-Identifier: MIT
 *
 * keyboard_test - a keyboard whose user obeys what is typed:
 *
 *   keyboard_test POLLER
 *
 * prints each line in brackets, and what closes the keyboard. "pause" pauses
 * it for a moment, "twice" pauses it and resumes it at once, "close" closes
 * it, "stop" ends the loop, "poor" pauses it and leaves no memory to keep what
 * comes. Standard input must still block in the end. Linked with ld's
 * --wrap=malloc.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program/keyboard.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static bool poor;

void *__wrap_malloc(size_t size)
{
    return poor ? NULL : __real_malloc(size);
}

struct user {
    struct reactor *reactor;
    struct keyboard *keyboard;
    struct delayed_call later;
};

static void stop(void *argument)
{
    reactor_stop(((struct user *)argument)->reactor);
}

static void resume(void *argument)
{
    printf("later ");
    keyboard_resume(((struct user *)argument)->keyboard);
}

static void line_received(void *argument, const char *line, size_t length)
{
    struct user *self = argument;

    printf("[%.*s]%s", length > 100 ? 100 : (int)length, line,
           length > 100 ? "..." : "");
    if (length == 5 && !memcmp(line, "pause", 5)) {
        keyboard_pause(self->keyboard);
        reactor_call_later(self->reactor, &self->later, 0.01, resume, self);
    } else if (length == 5 && !memcmp(line, "twice", 5)) {
        keyboard_pause(self->keyboard);
        keyboard_resume(self->keyboard);
    } else if (length == 5 && !memcmp(line, "close", 5)) {
        keyboard_close(self->keyboard);
        keyboard_close(self->keyboard);
        keyboard_resume(self->keyboard);
        reactor_call_later(self->reactor, &self->later, 0.01, stop, self);
    } else if (length == 4 && !memcmp(line, "stop", 4)) {
        stop(self);
    } else if (length == 4 && !memcmp(line, "poor", 4)) {
        keyboard_pause(self->keyboard);
        poor = true;
    }
}

static void closed(void *argument, int error)
{
    poor = false;
    printf(" closed: %s", error ? strerror(error) : "goodbye");
    stop(argument);
}

int main(int argc, char **argv)
{
    struct user self = { .reactor = reactor_new(argc > 1 ? argv[1] : NULL) };

    self.keyboard =
        keyboard_open(self.reactor, ">", line_received, closed, &self);
    if (!self.keyboard) {
        perror("keyboard_open");
        return 1;
    }
    keyboard_resume(self.keyboard);
    reactor_run(self.reactor);
    reactor_free(self.reactor);
    printf(" end\n");
    if (fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK)
        printf("standard input does not block any more\n");
    return fcntl(STDIN_FILENO, F_GETFD) < 0; /* it is still open */
}
