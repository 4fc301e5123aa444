/* SPDX-License-Identifier: MIT */
#include "process/process_reap.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "reactor/trace.h"

/* A program has one set of children and one handler of SIGCHLD, so one loop
 * at a time has them, and what it knows of them is static. */
static struct reaper {
    struct reactor *reactor; /* NULL: none */
    struct process *living;
    struct trigger end;
} reaper;

/* Never waitpid(-1): it would take the status of other people's children. */
static void reap_all(void *argument)
{
    struct process **link = &reaper.living, *process;

    (void)argument;
    while ((process = *link)) {
        int status = PROCESS_STATUS_UNKNOWN;
        pid_t pid = waitpid(process->pid, &status, WNOHANG);
        /* An error is ECHILD: somebody else did take it. */
        if (pid == 0 || (pid < 0 && errno != ECHILD)) {
            link = &process->next;
            continue;
        }
        struct process *next = process->next;
        *link = next; /* first: it may be freed, and others added */
        trace("  reaped %d, status 0x%x", (int)process->pid, (unsigned)status);
        process_reaped(process, status);
        while (*link != next) /* the new ones have a signal of their own */
            link = &(*link)->next;
    }
}

static void abandon_all(void *argument)
{
    struct process *process, *next = reaper.living;

    (void)argument;
    reaper.reactor = NULL;
    reaper.living = NULL;
    while ((process = next)) {
        next = process->next;
        process_abandon(process);
    }
}

int process_reap_start(struct reactor *reactor)
{
    sigset_t chld;

    if (reaper.reactor == reactor)
        return 0;
    if (reaper.reactor) {
        errno = EBUSY;
        return -1;
    }
    if (reactor_on_signal(reactor, SIGCHLD, reap_all, NULL) < 0)
        return -1;
    /* Who has started us may have left it blocked. */
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    pthread_sigmask(SIG_UNBLOCK, &chld, NULL);
    reaper.reactor = reactor;
    return reactor_add_trigger(reactor, TRIGGER_BEFORE, REACTOR_FREE,
                               &reaper.end, abandon_all, NULL);
}

void process_reap_add(struct process *process)
{
    process->next = reaper.living;
    reaper.living = process;
}
