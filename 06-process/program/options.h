/* SPDX-License-Identifier: MIT
 *
 * options.h - the command line that all programs share.
 *
 * A program says which defaults it has and which options of its own; what
 * comes back is ready to use. -h says what the program does, prints the usage
 * and ends the program with status 0; a wrong command line prints the usage on
 * standard error and ends it with status 2. On the way standard output becomes
 * line-buffered, and a standard descriptor that is closed becomes /dev/null,
 * for reading. SIGINT and SIGTERM end the program, whatever its parent did with
 * them, and SIGXFSZ does not. A program that could not print all it had to ends
 * with a message and status 1.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

enum option_kind {
    OPTION_SWITCH,  /* --naive        value: bool * */
    OPTION_TEXT,    /* -d DIR         value: const char ** */
    OPTION_NUMBER,  /* -c CLIENTS     value: int *, 0 to `maximum` */
    OPTION_CHOICE,  /* --model a|b    value: const char **, "a" or "b" */
    OPTION_OPERAND, /* PATH           value: const char **, must be there */
    OPTION_OPTIONAL /* [HOST]         value: const char ** */
};

/* One row of a program's table; the table ends with a row of zeroes. */
struct option {
    const char *name; /* "-d" or "--naive"; an operand has none */
    const char *word; /* what the usage line calls its value: "DIR" */
    enum option_kind kind;
    void *value; /* where it goes; what is there is the default */
    int maximum; /* OPTION_NUMBER: the largest that is accepted */
};

struct options {
    int port;              /* -p; set the default before, 0 asks the kernel */
    const char *interface; /* -i of a server, 127.0.0.1 if nobody says more */
    const char *host;      /* HOST of a client, 127.0.0.1 if nobody says one */
    const char *reactor;   /* -r, NULL if nobody says: see reactor_new */
    const char *program;   /* the name it was started by, no directory */
    const char *about;     /* said by -h after the name: "sends back ..." */
};

/* [-p PORT] [-i INTERFACE] [-r select|poll|epoll] and `extra`, which may be
 * NULL. */
void options_server(struct options *options, const struct option *extra,
                    int argc, char **argv);

/* [-p PORT] [-r select|poll|epoll], `extra`, which has no operands, and
 * [HOST]. */
void options_client(struct options *options, const struct option *extra,
                    int argc, char **argv);

/* `extra` alone. */
void options_plain(struct options *options, const struct option *extra,
                   int argc, char **argv);

/* Prints "NAME: what: why" on standard error and returns the status that main
 * then returns, 1. `why` is strerror(errno) more often than not. */
int options_failed(const struct options *options, const char *what,
                   const char *why);

#endif
