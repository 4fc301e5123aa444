/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/net.h"

enum { LINES = 251 }; /* different messages; a prime, so pieces differ too */

void client_fail(const char *what, const char *why)
{
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1);
}

long long client_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void client_pause_ms(int ms)
{
    struct timespec left = { ms / 1000, ms % 1000 * 1000000L };

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

/* The first number of a task's schedstat is what it has used. */
unsigned long long client_cpu_ns(int pid)
{
    char path[256];
    unsigned long long sum = 0, ns;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        client_fail(path, strerror(errno));
    for (struct dirent *task; (task = readdir(tasks));) {
        if (task->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", pid,
                 task->d_name);
        FILE *file = fopen(path, "r");
        if (!file || fscanf(file, "%llu", &ns) != 1)
            client_fail(path, "no time in it");
        fclose(file);
        sum += ns;
    }
    closedir(tasks);
    return sum;
}

struct lines client_lines(size_t message, size_t depth)
{
    struct lines lines = { .message = message, .piece = message * depth };
    size_t period = LINES * message;
    unsigned random = 1;

    lines.bytes = malloc(period + lines.piece);
    if (!lines.bytes)
        client_fail("lines", strerror(errno));
    for (size_t i = 0; i < period; i++) {
        random = random * 1664525 + 1013904223; /* Numerical Recipes' */
        lines.bytes[i] = (char)('!' + (random >> 16) % 94);
    }
    for (size_t end = message; end <= period; end += message)
        memcpy(lines.bytes + end - 2, "\r\n", 2);
    /* The last pieces run on into the first lines. */
    for (size_t i = 0; i < lines.piece; i++)
        lines.bytes[period + i] = lines.bytes[i];
    return lines;
}

static const char *in_flight(const struct client *client,
                             const struct lines *lines)
{
    return lines->bytes + client->line * lines->message;
}

void client_dial(struct client *client, const struct address *server)
{
    client->fd = net_connect_tcp(server, NET_BLOCKING);
    if (client->fd < 0)
        client_fail("connect", strerror(errno));
    net_set_timeout(client->fd, STALL_MS / 1000.0);
}

void client_send(struct client *client, const struct lines *lines)
{
    client->line = (client->line + 1) % LINES;
    client->received = 0;
    if (net_send_all(client->fd, in_flight(client, lines), lines->piece) < 0)
        client_fail("send", strerror(errno));
}

bool client_receive(struct client *client, const struct lines *lines)
{
    char bytes[PIECE_MAX + 1];
    ssize_t n = net_receive(client->fd, bytes, sizeof(bytes));

    if (n <= 0)
        client_fail("receive", n < 0 ? strerror(errno) : "the server hung up");
    if ((size_t)n > lines->piece - client->received)
        client_fail("receive", "more than was sent");
    if (memcmp(bytes, in_flight(client, lines) + client->received, (size_t)n))
        client_fail("receive", "not what was sent");
    client->received += (size_t)n;
    return client->received == lines->piece;
}

void client_check_silent(const struct client *client)
{
    char byte;

    if (recv(client->fd, &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
        client_fail("receive", "something that was not asked for");
}

void client_hang_up(const struct client *client)
{
    struct linger reset = { .l_onoff = 1, .l_linger = 0 };

    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(client->fd);
}
