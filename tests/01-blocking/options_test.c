/* SPDX-License-Identifier: MIT
 *
 * Shows what options.c makes of a command line.
 *
 *   options_test PROGRAM ARGUMENT...
 *
 * PROGRAM is server, client or plain, a directory may stand before it: from
 * there on the arguments are those of a program of that kind with one option
 * of each sort, and two operands if it is no client. Prints what it was given.
 * Status 3 when the next descriptor would be taken for a standard one.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program/options.h"

struct given {
    bool naive;
    const char *directory, *model, *path, *more;
    int clients;
};

static int print(const struct options *options, const struct given *given)
{
    printf("%s: port=%d", options->program, options->port);
    if (options->interface)
        printf(" interface=%s", options->interface);
    if (options->host)
        printf(" host=%s", options->host);
    printf(" naive=%d directory=%s clients=%d model=%s path=%s", given->naive,
           given->directory, given->clients, given->model, given->path);
    printf(given->more ? " more=%s\n" : "\n", given->more);
    return open("/dev/null", O_RDONLY) > STDERR_FILENO ? 0 : 3;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9000 };
    struct given given = {
        .directory = ".", .clients = 2, .model = "single", .path = "none"
    };
    struct option extra[] = {
        { "--naive", NULL, OPTION_SWITCH, &given.naive, 0 },
        { "-d", "DIR", OPTION_TEXT, &given.directory, 0 },
        { "-c", "CLIENTS_MAX", OPTION_NUMBER, &given.clients, 64 },
        { "--model", "single|threads", OPTION_CHOICE, &given.model, 0 },
        { NULL, "PATH", OPTION_OPERAND, &given.path, 0 },
        { NULL, "MORE", OPTION_OPTIONAL, &given.more, 0 },
        { 0 },
    };

    if (argc < 2)
        return 1;
    argc--;
    argv++;
    if (strstr(argv[0], "client")) {
        extra[4] = extra[6]; /* its operand is HOST */
        options_client(&options, extra, argc, argv);
    } else if (strstr(argv[0], "server")) {
        options_server(&options, extra, argc, argv);
    } else {
        options_plain(&options, extra, argc, argv);
    }
    return print(&options, &given);
}
