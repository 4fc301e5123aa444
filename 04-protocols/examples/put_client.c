/* SPDX-License-Identifier: MIT
 *
 * put_client - sends files to put_server: "put PATH" at the prompt. One loop
 * has two conversations; while a file is on its way, the keyboard must wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "examples/put_wire.h"
#include "net/text.h"
#include "program/client.h"
#include "program/keyboard.h"
#include "protocol/file_sender.h"

/* What the server may say next. WORDS are for the person: the welcome, what
 * became of a file, and whatever it says unasked. */
enum expected { WORDS, CONFIRMATION, NOTHING };

struct put_client {
    struct protocol base;
    struct client *factory;
    struct keyboard *keyboard; /* NULL: there is none any more */
    char *line;                /* what was typed last, cut into words */
    const char *path;          /* in it: of the file on its way, or NULL */
    const char *name;          /* the last part of the path */
    int file;
    int64_t size; /* bytes that were announced */
    struct file_sender sender;
    enum expected expected;
    size_t length; /* bytes that the server has said */
    char said[PUT_WIRE_ANSWER_MAX];
};

/* A failure: its words, and the status to leave with. */
static void complain(struct put_client *self, const char *why)
{
    client_failed(self->factory,
                  self->path ? self->path : self->factory->options->host, why);
}

static void listen_to_server(struct put_client *self);

/* The last byte has gone, or there will be no other conversation. */
static void sent(void *argument, int error)
{
    struct put_client *self = argument;

    if (!error) {
        puts("send file done");
        self->expected = WORDS;
        listen_to_server(self);
    } else if (error != ECANCELED) { /* then connection_lost knows why */
        complain(self, error == ENODATA ? "shrank while it was sent"
                                        : strerror(error));
        transport_lose_connection(self->base.transport);
    }
}

/* The first bytes of what the server has said, for the person. */
static void print_said(const struct put_client *self, size_t length)
{
    text_print(self->said, length, TEXT_LINES);
    putchar('\n');
}

/* One whole answer. Only a confirmation lets the file go; everything else is
 * for the person, and then it is their turn. */
static void take_answer(struct put_client *self, size_t length)
{
    bool confirmed = self->expected == CONFIRMATION &&
                     put_wire_is_confirmation(self->said, length);

    if (!confirmed)
        print_said(self, length);
    self->expected = confirmed ? NOTHING : WORDS;
    self->length -= length;
    memmove(self->said, self->said + length, self->length);
    if (confirmed) {
        printf("start sending file %s\n", self->name);
        file_sender_start(&self->sender, self->base.transport, self->file,
                          self->size, sent, self);
    } else {
        if (self->path)
            close(self->file);
        self->path = NULL;
        if (self->keyboard)
            keyboard_resume(self->keyboard);
    }
}

/* Several answers may have come in one segment; after a confirmation the next
 * one waits until the file is sent. */
static void listen_to_server(struct put_client *self)
{
    size_t length;

    while (self->expected != NOTHING &&
           (length = put_wire_answer(self->said, self->length)) > 0)
        take_answer(self, length);
}

/* A server that speaks before it has all of the file does not want it. What it
 * says is shown, and we leave: it counts on bytes that it would take for a
 * header if we went on. While bytes are queued it cannot have all of them. */
static void listen_while_sending(struct put_client *self)
{
    size_t length = put_wire_answer(self->said, self->length);
    bool all_sent =
        self->sender.left == 0 && transport_queued(self->base.transport) == 0;

    if (length == 0 || all_sent)
        return;
    print_said(self, length);
    self->length = 0;
    complain(self, "refused while it was sent");
    transport_abort_connection(self->base.transport);
}

static void data_received(struct protocol *base, const char *data,
                          size_t length)
{
    struct put_client *self = (struct put_client *)base;

    /* As much as an answer may have, then the next; a full buffer is an answer,
     * whatever is in it. Only while a file is on its way is the rest dropped.
     */
    do {
        size_t room = sizeof(self->said) - self->length;
        size_t piece = length < room ? length : room;
        memcpy(self->said + self->length, data, piece);
        self->length += piece;
        data += piece;
        length -= piece;
        if (self->expected == NOTHING)
            listen_while_sending(self);
        else
            listen_to_server(self);
    } while (length > 0 && self->expected != NOTHING);
}

/* A file that we cannot send is no reason to leave. */
static void put(struct put_client *self, const char *path)
{
    const char *slash = strrchr(path, '/');
    char header[PUT_WIRE_HEADER_MAX];
    struct stat status;

    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode)) {
        printf("\033[31m file [%s] is not exist \033[0m\n", path);
        return;
    }
    self->file = open(path, O_RDONLY | O_CLOEXEC);
    if (self->file < 0) {
        options_failed(self->factory->options, path, strerror(errno));
        return;
    }
    self->path = path;
    self->name = slash ? slash + 1 : path;
    self->size = status.st_size;
    printf("file:%s size:%" PRId64 "\n", path, self->size);
    /* Until the server's last word: the next line would be a second header. */
    keyboard_pause(self->keyboard);
    transport_write_text(self->base.transport,
                         put_wire_header(header, self->name, self->size));
    self->expected = CONFIRMATION;
}

static void keyboard_closed(void *argument, int error)
{
    struct put_client *self = argument;

    self->keyboard = NULL;
    if (error)
        client_failed(self->factory, "standard input", strerror(error));
    reactor_stop(self->factory->reactor);
}

static void line_typed(void *argument, const char *line, size_t length)
{
    static const char blanks[] = " \t\r\n\v\f";
    struct put_client *self = argument;
    char *rest;

    free(self->line);
    self->line = strndup(line, length);
    if (!self->line) {
        complain(self, strerror(errno));
        return;
    }
    const char *command = strtok_r(self->line, blanks, &rest);
    const char *path = strtok_r(NULL, blanks, &rest);
    if (!command)
        return;
    if (!path && !strcmp(command, "exit")) {
        keyboard_close(self->keyboard);
        keyboard_closed(self, 0);
    } else if (!path) {
        puts("Usage: put path/to/file");
    } else if (strcmp(command, "put") != 0) {
        printf("don't support %s command\n", command);
    } else {
        put(self, path);
    }
}

static void connection_made(struct protocol *base)
{
    struct put_client *self = (struct put_client *)base;

    self->factory = (struct client *)base->factory;
    self->keyboard = keyboard_open(self->factory->reactor, ">>>:", line_typed,
                                   keyboard_closed, self);
    if (!self->keyboard)
        keyboard_closed(self, errno);
}

static void connection_lost(struct protocol *base, struct failure reason)
{
    struct put_client *self = (struct put_client *)base;
    bool leaving = !reactor_running(self->factory->reactor);
    const char *why = reason.number > 0 ? strerror(reason.number)
                      : leaving         ? "interrupted"
                                        : "connection closed by server";

    /* Half an answer says more than none. */
    if (self->length > 0)
        print_said(self, self->length);
    /* To leave without a file on its way is no failure. */
    if (self->factory->status == 0 && (self->path || !leaving))
        complain(self, why);
    if (self->keyboard)
        keyboard_close(self->keyboard);
    if (self->path)
        close(self->file);
    free(self->line);
    reactor_stop(self->factory->reactor);
}

static const struct protocol_class PutClient = {
    .name = "PutClient",
    .size = sizeof(struct put_client),
    .connection_made = connection_made,
    .data_received = data_received,
    .connection_lost = connection_lost,
};

int main(int argc, char **argv)
{
    struct options options = { .port = 9000,
                               .about = "sends files to put_server." };
    struct client client = {
        .base =
            {
                .name = "PutFactory",
                .protocol = &PutClient,
            },
    };

    options_client(&options, NULL, argc, argv);
    return client_run(&client, &options);
}
