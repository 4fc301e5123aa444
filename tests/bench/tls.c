/* SPDX-License-Identifier: MIT
 *
 * tls - what a helper at each end costs: the same echo over plain TCP and over
 * TLS, one after the other in one run. `tls CERTIFICATE`, a PEM file for
 * localhost with its key; `make -C tests/bench tls` makes one and runs it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stream/tcp_port.h"
#include "tls/ssl_connection.h"
#include "tls/ssl_connector.h"
#include "tls/ssl_port.h"

enum {
    ROUNDS = 20000,         /* of a message there and back */
    MESSAGE = 64,           /* bytes of one */
    WINDOW = 256 << 10,     /* bytes that are on their way in the stream */
    STREAM = 128 << 20,     /* bytes of it */
    PLAIN_CONNECTS = 20000, /* connections, one after the other */
    TLS_CONNECTS = 300
};

/* --- the server, a process of its own --- */

static void echo_received(struct protocol *self, const char *data,
                          size_t length)
{
    transport_write(self->transport, data, length);
}

static const struct protocol_class Echo = { .name = "Echo",
                                            .size = sizeof(struct protocol),
                                            .data_received = echo_received };

/* Sends its two ports up the pipe, and serves until it is killed. */
static void serve(const char *certificate, int pipe)
{
    struct factory factory = { .name = "Echo", .protocol = &Echo };
    const struct tcp_port_options plain = { .interface = "127.0.0.1" };
    const struct ssl_port_options tls = { .interface = "127.0.0.1",
                                          .certificate = certificate };
    struct reactor *reactor = reactor_new("epoll");
    struct address addresses[2];

    if (port_get_host(reactor_listen_tcp(reactor, 0, &factory, &plain),
                      &addresses[0]) < 0)
        abort();
    struct port *port = reactor_listen_ssl(reactor, 0, &factory, &tls);
    if (!port || port_get_host(port, &addresses[1]) < 0) {
        perror("tls: stunnel");
        exit(1);
    }
    if (write(pipe, addresses, sizeof(addresses)) < 0)
        abort();
    reactor_run(reactor);
    reactor_free(reactor);
    exit(0);
}

/* --- the client --- */

struct bench {
    struct factory factory;
    struct reactor *reactor;
    size_t message; /* bytes that come back before more are sent */
    size_t left;    /* bytes to come in all */
    size_t have;    /* of the present message */
    int connects;   /* that are still to be made */
    long pss;       /* KiB of the two helpers, or -1 */
};

static char bytes[WINDOW];

/* The memory of one process that is its own, or its share of what is not. */
static long pss_of(const char *pid)
{
    char line[200];
    long kib = 0;

    snprintf(line, sizeof(line), "/proc/%s/smaps_rollup", pid);
    FILE *file = fopen(line, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "Pss: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

static void made(struct protocol *self)
{
    transport_write(self->transport, bytes,
                    ((struct bench *)self->factory)->message);
}

static void received(struct protocol *self, const char *data, size_t length)
{
    struct bench *bench = (struct bench *)self->factory;

    (void)data;
    bench->have += length;
    bench->left -= length < bench->left ? length : bench->left;
    if (bench->left == 0)
        transport_lose_connection(self->transport);
    else if (bench->have >= bench->message) { /* a message, or a window */
        bench->have -= bench->message;
        transport_write(self->transport, bytes, bench->message);
    }
}

static const struct protocol_class Client = { .name = "Client",
                                              .size = sizeof(struct protocol),
                                              .connection_made = made,
                                              .data_received = received };

static void lost(struct factory *factory, struct connector *connector,
                 struct failure reason)
{
    struct bench *bench = (struct bench *)factory;
    char text[FAILURE_TEXT_MAX];

    if (!failure_check(reason, &ConnectionDone)) {
        fprintf(stderr, "tls: %s\n", failure_message(reason, text));
        exit(1);
    }
    bench->left = bench->message;
    bench->have = 0;
    if (--bench->connects > 0)
        connector_connect(connector);
    else
        reactor_stop(bench->reactor);
}

/* Seconds for `connects` connections, each of which gets `total` bytes back in
 * portions of `message`. `certificate`, NULL: plain. */
static double measure(const struct address *where, const char *certificate,
                      int connects, size_t message, size_t total)
{
    const struct ssl_connector_options tls = { .ca_file = certificate };
    struct bench bench = {
        .factory = { .name = "Bench",
                     .protocol = &Client,
                     .client_connection_failed = lost,
                     .client_connection_lost = lost },
        .reactor = reactor_new("epoll"),
        .message = message,
        .left = total,
        .connects = connects,
    };
    int port = address_port(where);
    double began = reactor_seconds();

    if (certificate)
        reactor_connect_ssl(bench.reactor, "127.0.0.1", port, &bench.factory,
                            &tls);
    else
        reactor_connect_tcp(bench.reactor, "127.0.0.1", port, &bench.factory,
                            NULL);
    reactor_run(bench.reactor);
    double seconds = reactor_seconds() - began;
    reactor_free(bench.reactor);
    return seconds;
}

/* --- the memory of two helpers --- */

struct look {
    struct factory factory;
    struct reactor *reactor;
    pid_t server;
};

/* The children of a process, by name. */
static void show_children(pid_t parent)
{
    char path[80], pids[200] = "", name[40];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent,
             (int)parent);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(pids, sizeof(pids), file))
        printf("(no /proc: no memory)\n");
    if (file)
        fclose(file);
    for (char *pid = strtok(pids, " \n"); pid; pid = strtok(NULL, " \n")) {
        snprintf(path, sizeof(path), "/proc/%s/comm", pid);
        file = fopen(path, "r");
        if (file && fscanf(file, "%39s", name) == 1 && strcmp(name, "tls"))
            printf("memory of %-12s %8ld KiB (PSS)\n", name, pss_of(pid));
        if (file)
            fclose(file);
    }
}

static void answered(struct protocol *self, const char *data, size_t length)
{
    struct look *look = (struct look *)self->factory;

    (void)data, (void)length;
    show_children(getpid());
    show_children(look->server);
    reactor_stop(look->reactor);
}

static void ask(struct protocol *self)
{
    transport_write(self->transport, "x", 1);
}

static const struct protocol_class Look = { .name = "Look",
                                            .size = sizeof(struct protocol),
                                            .connection_made = ask,
                                            .data_received = answered };

static void show_memory(const struct address *where, const char *certificate,
                        pid_t server)
{
    const struct ssl_connector_options tls = { .ca_file = certificate };
    struct look look = { .factory = { .name = "Look", .protocol = &Look },
                         .reactor = reactor_new("epoll"),
                         .server = server };

    reactor_connect_ssl(look.reactor, "127.0.0.1", address_port(where),
                        &look.factory, &tls);
    reactor_run(look.reactor);
    reactor_free(look.reactor);
}

static void row(const char *what, double plain, double tls, const char *unit)
{
    double ratio = tls > plain ? tls / plain : plain / tls;

    printf("%-22s %10.1f %10.1f %-8s %s %.1f\n", what, plain, tls, unit,
           tls > plain ? "x" : "/", ratio);
}

int main(int argc, char **argv)
{
    struct address where[2];
    int ends[2];

    if (argc != 2 || access(argv[1], R_OK) < 0 || pipe(ends) < 0) {
        fprintf(stderr, "usage: tls CERTIFICATE\n");
        return 2;
    }
    pid_t server = fork();
    if (server == 0)
        serve(argv[1], ends[1]);
    close(ends[1]);
    if (read(ends[0], where, sizeof(where)) != sizeof(where))
        return 1;
    printf("%-22s %10s %10s\n", "", "plain", "TLS");
    row("round trip, 64 bytes",
        1e6 / ROUNDS * measure(&where[0], NULL, 1, MESSAGE, ROUNDS * MESSAGE),
        1e6 / ROUNDS *
            measure(&where[1], argv[1], 1, MESSAGE, ROUNDS * MESSAGE),
        "us");
    row("echo of a stream",
        2 * STREAM / 1e6 / measure(&where[0], NULL, 1, WINDOW, STREAM),
        2 * STREAM / 1e6 / measure(&where[1], argv[1], 1, WINDOW, STREAM),
        "MB/s");
    row("connections, 1 client",
        PLAIN_CONNECTS / measure(&where[0], NULL, PLAIN_CONNECTS, 1, 1),
        TLS_CONNECTS / measure(&where[1], argv[1], TLS_CONNECTS, 1, 1), "/s");
    show_memory(&where[1], argv[1], server);
    kill(server, SIGTERM);
    waitpid(server, NULL, 0);
    return 0;
}
