/* SPDX-License-Identifier: MIT
 *
 * puppet - the server of the tests: it does with one client what it is told,
 * so that a test can see how a client takes it.
 *
 *   puppet -p PORT STEP...
 *
 * Listens on 127.0.0.1:PORT, prints "listening on 127.0.0.1:PORT", accepts one
 * client, does step after step and closes the connection.
 *
 *   wait=TEXT   receives until TEXT has come
 *   send=TEXT   sends it at once
 *   drip=TEXT   sends it, one byte a segment
 *   reset       closes with a reset instead
 *
 * Exit 0 when every step worked.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RECEIVED_MAX = 4096, DRIP_NS = 2 * 1000 * 1000 };

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static int wait_for(int client, const char *text)
{
    char received[RECEIVED_MAX + 1] = "";
    size_t have = 0;

    while (!strstr(received, text)) {
        ssize_t n = recv(client, received + have, RECEIVED_MAX - have, 0);
        if (n <= 0)
            return fail(text);
        have += (size_t)n;
        received[have] = '\0';
    }
    return 0;
}

static int drip(int client, const char *text)
{
    const struct timespec pause = { .tv_nsec = DRIP_NS };

    for (; *text; text++) {
        if (send(client, text, 1, MSG_NOSIGNAL) != 1)
            return fail("drip");
        nanosleep(&pause, NULL);
    }
    return 0;
}

static int do_step(int client, const char *step)
{
    const struct linger none = { .l_onoff = 1 };

    if (!strncmp(step, "wait=", 5))
        return wait_for(client, step + 5);
    if (!strncmp(step, "drip=", 5))
        return drip(client, step + 5);
    if (!strcmp(step, "reset"))
        return setsockopt(client, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    if (!strncmp(step, "send=", 5))
        return send(client, step + 5, strlen(step + 5), MSG_NOSIGNAL) < 0;
    fprintf(stderr, "puppet: %s: the usage is in tools/puppet.c\n", step);
    return 2;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof(address);
    const int on = 1;
    int status = 0;

    if (argc < 3 || strcmp(argv[1], "-p"))
        return do_step(-1, "no -p PORT");
    address.sin_port = htons((unsigned short)atoi(argv[2]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        return fail("listen");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    int client = accept(listener, NULL, NULL);
    if (client < 0)
        return fail("accept");
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    for (int i = 3; i < argc && status == 0; i++)
        status = do_step(client, argv[i]);
    close(client);
    close(listener);
    return status;
}
