/* SPDX-License-Identifier: MIT
 *
 * options.c - takes a command line apart by a table, before the program does
 * anything else: so a mistake in it can simply exit. No value is copied: argv
 * stays as long as the program does.
 */
#include "program/options.h"

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

/* The name it was started by. Static, because check_output gets no argument. */
static const char *program;

/* On standard output for who has asked for it, or else on standard error. */
static void print_usage(FILE *stream, const struct option *table)
{
    fprintf(stream, "usage: %s", program);
    for (const struct option *row = table; row->value; row++) {
        if (row->kind == OPTION_SWITCH)
            fprintf(stream, " [%s]", row->name);
        else if (row->name)
            fprintf(stream, " [%s %s]", row->name, row->word);
    }
    for (const struct option *row = table; row->value; row++)
        if (!row->name)
            fprintf(stream, row->kind == OPTION_OPTIONAL ? " [%s]" : " %s",
                    row->word);
    fputc('\n', stream);
}

/* Digits and nothing else: strtol alone would take " 7", "+7" and "7x". What is
 * too large for a long comes out as the largest, and that is too large, too. */
static bool store_number(const struct option *row, const char *text)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    long number = strtol(text, &end, 10);
    if (*end || number > row->maximum)
        return false;
    *(int *)row->value = (int)number; /* it fits: maximum is an int */
    return true;
}

/* True when `text` is one of the words of "select|poll|epoll". The lengths are
 * compared, too: "sel" is the beginning of a word, and no word. */
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

/* Takes options up to the first operand or "--". Returns the index of the
 * first operand, or -1 when something is wrong. A "-" alone is an operand. The
 * word behind an option that wants a value is its value, a "-x" as well. */
static int take_options(const struct option *table, int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!strcmp(argv[i], "--"))
            return i + 1;
        const struct option *row = table;
        while (row->value && (!row->name || strcmp(row->name, argv[i])))
            row++;
        if (!row->value)
            return -1;
        if (row->kind == OPTION_SWITCH)
            *(bool *)row->value = true;
        else if (++i == argc || !store(row, argv[i]))
            return -1;
    }
    return i;
}

/* What is left goes to the operands in the order of the table. False when one
 * that must be there is missing, and when there is a word too many. */
static bool take_operands(const struct option *table, int argc, char **argv)
{
    for (const struct option *row = table; row->value; row++) {
        if (row->name)
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

/* Where 0, 1 or 2 is closed, the next socket would get that number, and the
 * prompt would go to the server. To write there stays an error. open returns
 * the smallest free number, which is this one: those below it are filled. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", O_RDONLY);
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
    sigprocmask(SIG_UNBLOCK, &ends, NULL); /* threads to come inherit it */
}

/* What was printed and is nowhere to be read was no success. Runs inside of
 * exit, which must not be called a second time: so _exit. */
static void check_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    fprintf(stderr, "%s: standard output: cannot be written\n", program);
    _exit(EXIT_FAILURE);
}

/* Behind the rows of the table come `extra` and -h; it has room for them. */
static void parse(struct options *options, struct option *table,
                  const struct option *extra, int argc, char **argv)
{
    const char *path = argc > 0 ? argv[0] : "program"; /* nobody must give it */
    const char *slash = strrchr(path, '/');
    struct option *row = table;
    bool help = false;

    while (row->value)
        row++;
    while (extra && extra->value && row < table + ROWS_MAX - 2)
        *row++ = *extra++;
    *row = (struct option){ "-h", NULL, OPTION_SWITCH, &help, 0 };
    options->program = program = slash ? slash + 1 : path;
    set_signals();
    fill_standard_descriptors();
    /* Into a pipe or a file the C library would keep a ready line until its
     * buffer is full, and whoever waits for that line would wait for ever. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    atexit(check_output);
    /* Who has asked for help need not give the operands. */
    int first = take_options(table, argc, argv);
    if (help || first < 0 ||
        !take_operands(table, argc - first, argv + first)) {
        if (help && options->about)
            printf("%s %s\n", program, options->about);
        print_usage(help ? stdout : stderr, table);
        exit(help ? EXIT_SUCCESS : 2);
    }
}

void options_server(struct options *options, const struct option *extra,
                    int argc, char **argv)
{
    struct option table[ROWS_MAX] = {
        { "-p", "PORT", OPTION_NUMBER, &options->port, ADDRESS_PORT_MAX },
        { "-i", "INTERFACE", OPTION_TEXT, &options->interface, 0 },
        { "-r", "select|poll|epoll", OPTION_CHOICE, &options->reactor, 0 },
    };

    options->interface = "127.0.0.1";
    parse(options, table, extra, argc, argv);
}

void options_client(struct options *options, const struct option *extra,
                    int argc, char **argv)
{
    struct option table[ROWS_MAX] = {
        { "-p", "PORT", OPTION_NUMBER, &options->port, ADDRESS_PORT_MAX },
        { "-r", "select|poll|epoll", OPTION_CHOICE, &options->reactor, 0 },
        { NULL, "HOST", OPTION_OPTIONAL, &options->host, 0 },
    };

    options->host = "127.0.0.1";
    parse(options, table, extra, argc, argv);
}

void options_plain(struct options *options, const struct option *extra,
                   int argc, char **argv)
{
    struct option table[ROWS_MAX] = { { 0 } };

    parse(options, table, extra, argc, argv);
}

int options_failed(const struct options *options, const char *what,
                   const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", options->program, what, why);
    return EXIT_FAILURE;
}
