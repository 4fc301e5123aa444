/* SPDX-License-Identifier: MIT
 *
 * put_server - stores the files that clients send in one directory. A client
 * says in a line of JSON what it wants, waits for {"status": 200} and sends
 * the file; as many as it likes, one after the other.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "framing/line_receiver.h"
#include "net/text.h"
#include "program/endpoint.h"
#include "upload/json.h"
#include "upload/upload.h"

enum { ERROR_TEXT_MAX = 256 }; /* bytes of strerror's words */

struct put_factory {
    struct factory base;
    int directory; /* where the files go */
};

struct put_protocol {
    struct line_receiver base;
    struct upload upload; /* while we are in raw mode */
};

static void answer(struct put_protocol *self, const char *text)
{
    transport_write_text(self->base.base.transport, text);
}

/* The answer goes out in pieces, but as one: what is written in a turn is sent
 * together. */
static void refuse(struct put_protocol *self, const char *why)
{
    char escaped[JSON_ESCAPE_MAX * ERROR_TEXT_MAX + 1];

    printf("refused: %s\n", why);
    answer(self, "{\"status\": 400, \"error\": \"");
    answer(self, json_escape(escaped, why, strlen(why)));
    answer(self, "\"}");
}

/* {'action': 'put', 'filename': 'a.txt', 'filesize': 12} */
static void print_task(const struct json_object *task)
{
    for (size_t i = 0; i < task->count; i++) {
        const struct json_member *member = &task->members[i];
        printf(i == 0 ? "{'" : ", '");
        text_print(member->key.text, member->key.length, TEXT_LINE);
        if (member->value.kind == JSON_INTEGER) {
            printf("': %" PRId64, member->value.integer);
        } else if (member->value.kind == JSON_OTHER) {
            printf("': ...");
        } else {
            printf("': '");
            text_print(member->value.text, member->value.length, TEXT_LINE);
            putchar('\'');
        }
    }
    puts(task->count == 0 ? "{}" : "}");
}

/* All of the file is here, or nothing more of it will come. */
static void end_file(struct put_protocol *self, size_t rest)
{
    printf("filesize: %" PRId64 " recvsize:%" PRId64 "\n", self->upload.size,
           self->upload.received);
    if (upload_close(&self->upload) == 0) {
        puts("recv success");
        answer(self, "recv success");
    } else {
        refuse(self,
               errno == ECANCELED ? "file is incomplete" : strerror(errno));
    }
    line_receiver_set_line_mode(&self->base, rest);
}

/* The file's bytes, no matter whether the disk takes them: only behind the
 * last one the client's next header can begin. */
static void put_raw_data_received(struct line_receiver *base, const char *data,
                                  size_t length)
{
    struct put_protocol *self = (struct put_protocol *)base;
    size_t ours = upload_write(&self->upload, data, length);

    if (self->upload.received == self->upload.size)
        end_file(self, length - ours);
}

/* Raw mode begins with the byte behind the header's line, in the same segment
 * or not: the line receiver sees to that. */
static void task_put(struct put_protocol *self, const struct json_object *task)
{
    struct put_factory *factory = (struct put_factory *)self->base.base.factory;
    const struct json_value *name = json_find(task, "filename");
    const struct json_value *size = json_find(task, "filesize");
    const char *why;

    if (!name || name->kind != JSON_STRING)
        refuse(self, "filename is not a string");
    else if (!size || size->kind != JSON_INTEGER)
        refuse(self, "filesize is not an integer");
    else if ((why = upload_check(name->text, name->length, size->integer)))
        refuse(self, why);
    else if (upload_open(&self->upload, factory->directory, name->text,
                         size->integer) < 0)
        refuse(self, strerror(errno));
    else {
        answer(self, "{\"status\": 200}");
        line_receiver_set_raw_mode(&self->base);
        if (size->integer == 0) /* no byte will come to end it */
            end_file(self, 0);
    }
}

static void unsupported(struct put_protocol *self,
                        const struct json_value *name)
{
    static const char words[] = "task action is not supported ";
    char escaped[JSON_ESCAPE_MAX * JSON_HEADER_MAX + 1];

    fputs(words, stdout);
    text_print(name->text, name->length, TEXT_LINE);
    putchar('\n');
    answer(self, words);
    answer(self, json_escape(escaped, name->text, name->length));
}

static void do_task(struct put_protocol *self, const struct json_object *task)
{
    const struct json_value *action = json_find(task, "action");

    print_task(task);
    if (!action || action->kind != JSON_STRING)
        refuse(self, "action is not a string");
    else if (action->length == 3 && !memcmp(action->text, "put", 3))
        task_put(self, task);
    else
        unsupported(self, action);
}

/* White space, as it may stand around a JSON text. */
static bool is_blank(const char *text, size_t length)
{
    while (length > 0 && memchr(" \t\r", text[length - 1], 3))
        length--;
    return length == 0;
}

/* One line is one header: even if it makes no sense, we know where the next
 * one begins. The CR that may end it is white space to JSON. */
static void put_line_received(struct line_receiver *base, const char *line,
                              size_t length)
{
    struct put_protocol *self = (struct put_protocol *)base;
    struct json_object task;

    if (is_blank(line, length))
        return;
    enum json_status status = json_parse(&task, line, length);
    if (status == JSON_MALFORMED)
        refuse(self, task.error);
    else if (status == JSON_INCOMPLETE)
        refuse(self, "header is incomplete");
    else if (!is_blank(line + task.length, length - task.length))
        refuse(self, "something follows the header in its line");
    else
        do_task(self, &task);
}

static void put_line_length_exceeded(struct line_receiver *base,
                                     const char *data, size_t length)
{
    (void)data, (void)length;
    refuse((struct put_protocol *)base, "header is too long");
    transport_lose_connection(base->base.transport);
}

static void put_connection_made(struct protocol *base)
{
    transport_write_text(base->transport,
                         "欢迎致电 10086,请输入1xxx,0转人工服务.");
}

/* The client has nothing more to say, but may still listen. */
static void put_read_connection_lost(struct protocol *base)
{
    struct put_protocol *self = (struct put_protocol *)base;

    if (self->base.raw)
        end_file(self, 0);
    transport_lose_connection(base->transport);
}

static void put_connection_lost(struct protocol *base, struct failure reason)
{
    put_read_connection_lost(base); /* whoever is gone is silent, too */
    line_receiver_connection_lost(base, reason);
}

static const struct line_receiver_class Put = {
    .base =
        {
            .name = "Put",
            .size = sizeof(struct put_protocol),
            .connection_made = put_connection_made,
            .data_received = line_receiver_data_received,
            .read_connection_lost = put_read_connection_lost,
            .connection_lost = put_connection_lost,
        },
    .delimiter = "\n",
    .max_length = JSON_HEADER_MAX,
    .line_received = put_line_received,
    .raw_data_received = put_raw_data_received,
    .line_length_exceeded = put_line_length_exceeded,
};

int main(int argc, char **argv)
{
    const char *directory = "uploads";
    const struct option extra[] = {
        { "-d", "DIR", OPTION_TEXT, &directory, 0 },
        { 0 },
    };
    struct options options = { .port = 9000,
                               .about = "stores the files that clients send." };
    struct put_factory factory = {
        .base = { .name = "PutFactory", .protocol = &Put.base },
    };

    options_server(&options, extra, argc, argv);
    factory.directory = upload_directory(directory);
    if (factory.directory < 0)
        return options_failed(&options, directory, strerror(errno));
    struct reactor *reactor = endpoint_reactor(&options);
    endpoint_listen_tcp(&options, reactor, &factory.base);
    int status = endpoint_run(&options, reactor);
    close(factory.directory);
    return status;
}
