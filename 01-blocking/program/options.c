/* SPDX-License-Identifier: MIT */
#include "program/options.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/address.h"

/* Rows in the table of one program, the common ones included. */
enum { ROWS_MAX = 16 };

static bool is_operand(const struct option *row)
{
    return row->kind == OPTION_OPERAND || row->kind == OPTION_OPTIONAL;
}

static void print_usage(FILE *stream, const char *program,
                        const struct option *table)
{
    fprintf(stream, "usage: %s", program);
    for (const struct option *row = table; row->value; row++) {
        if (row->kind == OPTION_SWITCH)
            fprintf(stream, " [%s]", row->name);
        else if (!is_operand(row))
            fprintf(stream, " [%s %s]", row->name, row->word);
    }
    fputs(" [-h]", stream);
    for (const struct option *row = table; row->value; row++)
        if (is_operand(row))
            fprintf(stream, row->kind == OPTION_OPTIONAL ? " [%s]" : " %s",
                    row->word);
    fputc('\n', stream);
}

/* Digits and nothing else: strtol alone would take " 7", "+7" and "7x", and a
 * number too large for a long would be the largest. */
static bool store_number(const struct option *row, const char *text)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || *end || number > row->maximum)
        return false;
    *(int *)row->value = (int)number;
    return true;
}

/* True when `text` is one of the words of "select|poll|epoll". */
static bool is_choice(const char *words, const char *text)
{
    size_t length = strlen(text);

    for (const char *word = words; word; word = strchr(word, '|')) {
        word += *word == '|';
        if (length == strcspn(word, "|") && !strncmp(word, text, length))
            return true;
    }
    return false;
}

static bool store(const struct option *row, const char *text)
{
    if (row->kind == OPTION_NUMBER)
        return store_number(row, text);
    if (row->kind == OPTION_CHOICE && !is_choice(row->word, text))
        return false;
    *(const char **)row->value = text;
    return true;
}

/* The row of this name; operands have none. */
static const struct option *find(const struct option *table, const char *name)
{
    for (const struct option *row = table; row->value; row++)
        if (row->name && !strcmp(row->name, name))
            return row;
    return NULL;
}

/* Takes options up to the first operand or "--". Returns the index of the
 * first operand, or -1 when something is wrong. */
static int take_options(const struct option *table, int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--"))
            return i + 1;
        const struct option *row = find(table, argv[i]);
        if (!row)
            return -1;
        if (row->kind == OPTION_SWITCH)
            *(bool *)row->value = true;
        else if (++i == argc || !store(row, argv[i]))
            return -1;
    }
    return i;
}

/* What is left goes to the operands in the order of the table. */
static bool take_operands(const struct option *table, int argc, char **argv)
{
    for (const struct option *row = table; row->value; row++) {
        if (!is_operand(row))
            continue;
        if (argc > 0) {
            *(const char **)row->value = *argv++;
            argc--;
        } else if (row->kind == OPTION_OPERAND) {
            return false;
        }
    }
    return argc == 0;
}

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path ? path : "program";
}

/* Where 0, 1 or 2 is closed, the next socket would get that number, and the
 * prompt would go to the server. To write there stays an error. */
static void fill_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* Whoever started us may have blocked or ignored the signals that end a
 * program; then nobody could end this one. And a file that may grow no more
 * (`ulimit -f`) is a write that fails, no reason to be killed: SIGXFSZ. */
static void set_signals(void)
{
    sigset_t ends;

    signal(SIGXFSZ, SIG_IGN);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &ends, NULL);
}

/* For check_output, which gets no argument. */
static const char *program;

/* What was printed and is nowhere to be read was no success. */
static void check_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    fprintf(stderr, "%s: standard output: cannot be written\n", program);
    _exit(EXIT_FAILURE);
}

static void parse(struct options *options, const struct option *table, int argc,
                  char **argv)
{
    options->program = program = base_name(argv[0]);
    set_signals();
    fill_standard_descriptors();
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    atexit(check_output);
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
        if (!strcmp(argv[i], "-h")) {
            print_usage(stdout, options->program, table);
            exit(EXIT_SUCCESS);
        }
    }
    int first = take_options(table, argc, argv);
    if (first < 0 || !take_operands(table, argc - first, argv + first)) {
        print_usage(stderr, options->program, table);
        exit(2);
    }
}

/* Appends the rows of `extra` to a table of `count` rows. Returns the count;
 * one more row and the row of zeroes still fit. */
static int append(struct option *table, int count, const struct option *extra)
{
    while (extra && extra->value && count < ROWS_MAX - 2)
        table[count++] = *extra++;
    return count;
}

void options_server(struct options *options, const struct option *extra,
                    int argc, char **argv)
{
    struct option table[ROWS_MAX] = {
        { "-p", "PORT", OPTION_NUMBER, &options->port, ADDRESS_PORT_MAX },
        { "-i", "INTERFACE", OPTION_TEXT, &options->interface, 0 },
    };

    if (!options->interface)
        options->interface = "127.0.0.1";
    append(table, 2, extra);
    parse(options, table, argc, argv);
}

void options_client(struct options *options, const struct option *extra,
                    int argc, char **argv)
{
    struct option table[ROWS_MAX] = {
        { "-p", "PORT", OPTION_NUMBER, &options->port, ADDRESS_PORT_MAX },
    };
    const struct option host = { NULL, "HOST", OPTION_OPTIONAL, &options->host,
                                 0 };

    if (!options->host)
        options->host = "127.0.0.1";
    table[append(table, 1, extra)] = host;
    parse(options, table, argc, argv);
}

void options_plain(struct options *options, const struct option *extra,
                   int argc, char **argv)
{
    struct option table[ROWS_MAX] = { { 0 } };

    append(table, 0, extra);
    parse(options, table, argc, argv);
}

int options_failed(const struct options *options, const char *what,
                   const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", options->program, what, why);
    return EXIT_FAILURE;
}
