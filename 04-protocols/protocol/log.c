/* SPDX-License-Identifier: MIT
 *
 * log.c - Twisted's log on a stdio stream. Who is running is asked of the
 * reactor, so that a protocol need not say it with each message.
 */
#include "protocol/log.h"

#include <signal.h>
#include <stdarg.h>
#include <time.h>

static FILE *output;
static struct reactor *loop; /* which knows who is running; NULL: freed */

/* A program may log after reactor_free: without this log_message would ask a
 * reactor that is gone who is running. */
static void forget_loop(struct attachment *attachment)
{
    (void)attachment;
    loop = NULL;
}

/* A signal handler must not print. So the signal is told here, in the loop,
 * when the shutdown begins; a program that stops itself had none. */
static void tell_signal(void *reactor)
{
    int signal = reactor_stop_signal(reactor);

    if (signal)
        log_message("Received %s, shutting down.",
                    signal == SIGINT ? "SIGINT" : "SIGTERM");
}

static void tell_end(void *reactor)
{
    (void)reactor;
    log_message("Main loop terminated.");
}

void log_start(FILE *stream, struct reactor *reactor)
{
    /* The reactor keeps pointers to these for as long as it lives. */
    static struct attachment freed = { .free = forget_loop };
    static struct trigger stopping, stopped;

    output = stream;
    loop = reactor;
    reactor_attach(reactor, &freed, &loop);
    /* A file or a pipe would get whole blocks only: who follows the log would
     * see nothing for minutes, and a program that is killed lose the rest. */
    setvbuf(output, NULL, _IOLBF, BUFSIZ);
    log_message("Log opened.");
    reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN, &stopping,
                        tell_signal, reactor);
    reactor_add_trigger(reactor, TRIGGER_AFTER, REACTOR_SHUTDOWN, &stopped,
                        tell_end, reactor);
}

/* A stranger may be the author of what is in it. So it is cut rather than given
 * memory, and cannot begin a line that looks like one of ours. */
void log_message(const char *format, ...)
{
    char message[LOG_MESSAGE_MAX], name[RUNNING_TEXT_MAX] = "-", date[40];
    struct tm local;
    va_list arguments;

    if (!output) /* log_start was not called: a program may be silent */
        return;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct running now = { NULL, NULL };
    if (loop)
        now = reactor_running_now(loop);
    if (now.describe)
        now.describe(now.object, name);
    /* With the offset from UTC, as Twisted does: without it an hour in autumn
     * would come twice. */
    time_t seconds = time(NULL);
    localtime_r(&seconds, &local);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S%z", &local);
    fprintf(output, "%s [%s] ", date, name);
    for (const char *c = message; *c; c++) {
        fputc(*c, output);
        if (*c == '\n') /* only a date begins in the first column */
            fputc('\t', output);
    }
    if (length >= LOG_MESSAGE_MAX) /* vsnprintf has cut it */
        fprintf(output, " [%d bytes more]", length - (LOG_MESSAGE_MAX - 1));
    fputc('\n', output);
}

/* The failure itself stands on the second line, where Twisted has its
 * traceback. */
void log_failure(const char *what, struct failure failure)
{
    char text[FAILURE_TEXT_MAX];

    log_message("%s\n%s: %s", what ? what : "Unhandled Error",
                failure.type->name, failure_message(failure, text));
}
