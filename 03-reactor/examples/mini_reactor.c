/* SPDX-License-Identifier: MIT
 *
 * mini_reactor - a reactor in one file, and an echo server on it that sends
 * away who is silent for two seconds. What is wrong with it is chapter 3.
 */
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "program/endpoint.h"

static fd_set inputs; /* who is asked about, and whom to call then */
static void (*when_readable[FD_SETSIZE])(int fd);

static struct timer {
    long due; /* on the clock of now() */
    void (*function)(int fd);
    int fd;
    struct timer *next;
} * timers; /* in no order */

static long now(void) /* milliseconds */
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void cancel(const struct timer *timer) /* one that is in the list */
{
    struct timer **link = &timers;
    while (*link != timer)
        link = &(*link)->next;
    *link = timer->next;
}

static void turn(void)
{
    fd_set readable = inputs;
    struct timeval timeout = { 0, 100 * 1000 }; /* then look at the timers */

    if (select(FD_SETSIZE, &readable, NULL, NULL, &timeout) < 0)
        return;
    for (struct timer *timer = timers, *next; timer; timer = next) {
        next = timer->next;
        if (timer->due <= now())
            timer->function(timer->fd);
    }
    for (int fd = 0; fd < FD_SETSIZE; fd++)
        if (FD_ISSET(fd, &readable))
            when_readable[fd](fd);
}

/* The server: nothing above this line knows what it does. */
static struct timer silence[FD_SETSIZE];

static void drop(int fd)
{
    cancel(&silence[fd]);
    FD_CLR(fd, &inputs);
    close(fd);
}

static void echo(int fd)
{
    char data[4096];
    ssize_t length = recv(fd, data, sizeof(data), 0);

    silence[fd].due = now() + 2000;
    if (length <= 0 || send(fd, data, (size_t)length, MSG_NOSIGNAL) < 0)
        drop(fd);
}

static void accept_client(int listener)
{
    int fd = accept(listener, NULL, NULL);

    if (fd < 0 || fd >= FD_SETSIZE) { /* there is no bit for it */
        close(fd);
        return;
    }
    FD_SET(fd, &inputs);
    when_readable[fd] = echo;
    silence[fd] = (struct timer){ now() + 2000, drop, fd, timers };
    timers = &silence[fd];
}

int main(int argc, char **argv)
{
    struct options options = { .port = 8010,
                               .about = "is a reactor and an echo server." };

    options_server(&options, NULL, argc, argv);
    int listener = endpoint_listen_tcp(&options, 50, NET_BLOCKING);
    if (listener < 0)
        return 1;
    FD_SET(listener, &inputs);
    when_readable[listener] = accept_client;
    for (;;)
        turn();
}
