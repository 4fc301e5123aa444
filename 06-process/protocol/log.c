/* SPDX-License-Identifier: MIT */
#include "protocol/log.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

static FILE *output;
static struct reactor *loop; /* which knows who is running; NULL: freed */

static void forget_loop(struct attachment *attachment)
{
    (void)attachment;
    loop = NULL;
}

static void put_date(void)
{
    char date[40];
    time_t now = time(NULL);
    struct tm local;

    localtime_r(&now, &local);
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S%z", &local);
    fputs(date, output);
}

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
    static struct attachment freed = { .free = forget_loop };
    static struct trigger stopping, stopped;

    output = stream;
    loop = reactor;
    reactor_attach(reactor, &freed, &loop);
    setvbuf(output, NULL, _IOLBF, BUFSIZ);
    log_message("Log opened.");
    reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_SHUTDOWN, &stopping,
                        tell_signal, reactor);
    reactor_add_trigger(reactor, TRIGGER_AFTER, REACTOR_SHUTDOWN, &stopped,
                        tell_end, reactor);
}

void log_message(const char *format, ...)
{
    char message[LOG_MESSAGE_MAX], name[RUNNING_TEXT_MAX] = "-";
    va_list arguments;

    if (!output)
        return;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct running now = { NULL, NULL };
    if (loop)
        now = reactor_running_now(loop);
    if (now.describe)
        now.describe(now.object, name);
    put_date();
    fprintf(output, " [%s] ", name);
    for (const char *c = message; *c; c++) {
        fputc(*c, output);
        if (*c == '\n')
            fputc('\t', output);
    }
    if (length >= LOG_MESSAGE_MAX)
        fprintf(output, " [%d bytes more]", length - (LOG_MESSAGE_MAX - 1));
    fputc('\n', output);
}

void log_failure(const char *what, struct failure failure)
{
    char text[FAILURE_TEXT_MAX];

    log_message("%s\n%s: %s", what ? what : "Unhandled Error",
                failure.type ? failure.type->name : "Failure",
                failure_message(failure, text));
}
