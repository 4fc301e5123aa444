/* SPDX-License-Identifier: MIT
 *
 * put_server - stores the files that clients send in one directory. A client
 * says in a JSON object what it wants, waits for {"status": 200} and sends the
 * file; as many as it likes, one after the other.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/net.h"
#include "socketserver/socketserver.h"
#include "upload/json.h"
#include "upload/upload.h"

enum {
    INBOX_MAX = 64 * 1024, /* bytes that one recv may bring */
    ERROR_TEXT_MAX = 256,  /* bytes of strerror's words */
    FAREWELL_SECONDS = 1,  /* of silence, then we hang up */
    FAREWELL_MAX = 100     /* times that we listen to more */
};

static const char greeting[] = "欢迎致电 10086,请输入1xxx,0转人工服务.";

struct put_server {
    struct socketserver server;
    int directory; /* where the files go; handlers only read it */
};

struct put_handler {
    struct request_handler handler;
    size_t length; /* bytes in the inbox that nobody has used yet */
    char inbox[INBOX_MAX];
    struct json_object task;
};

/* Waits for more bytes; false when the stream has ended or failed. */
static bool fill(struct put_handler *self)
{
    ssize_t n = net_receive(self->handler.request, self->inbox + self->length,
                            INBOX_MAX - self->length);

    if (n <= 0)
        return false;
    self->length += (size_t)n;
    return true;
}

static void use(struct put_handler *self, size_t length)
{
    self->length -= length;
    memmove(self->inbox, self->inbox + length, self->length);
}

static bool answer(struct put_handler *self, const char *text)
{
    return net_send_all(self->handler.request, text, strlen(text)) == 0;
}

static bool refuse(struct put_handler *self, const char *why)
{
    char escaped[JSON_ESCAPE_MAX * ERROR_TEXT_MAX + 1];
    char text[sizeof(escaped) + 64];

    printf("refused: %s\n", why);
    json_escape(escaped, why, strlen(why));
    sprintf(text, "{\"status\": 400, \"error\": \"%s\"}", escaped);
    return answer(self, text);
}

static bool refuse_error(struct put_handler *self, int error)
{
    char text[ERROR_TEXT_MAX] = "unknown error";

    if (error == ECANCELED)
        return refuse(self, "file is incomplete");
    strerror_r(error, text, sizeof(text)); /* strerror is not for threads */
    return refuse(self, text);
}

/* Only bytes that no terminal obeys. */
static void print_text(const struct json_value *value)
{
    for (size_t i = 0; i < value->length; i++) {
        unsigned char byte = (unsigned char)value->text[i];
        bool plain = byte >= ' ' && byte <= '~' && byte != '\\';
        printf(plain ? "%c" : "\\x%02x", byte);
    }
}

/* {'action': 'put', 'filename': 'a.txt', 'filesize': 12} */
static void print_task(const struct json_object *task)
{
    flockfile(stdout); /* no other thread's words in this line */
    for (size_t i = 0; i < task->count; i++) {
        const struct json_member *member = &task->members[i];
        printf(i == 0 ? "{'" : ", '");
        print_text(&member->key);
        if (member->value.kind == JSON_INTEGER) {
            printf("': %" PRId64, member->value.integer);
        } else {
            printf("': '");
            print_text(&member->value);
            putchar('\'');
        }
    }
    puts(task->count == 0 ? "{}" : "}");
    funlockfile(stdout);
}

/* Reads the file's bytes, no matter whether the disk takes them: only behind
 * the last one a client's next header can begin. */
static bool receive_file(struct put_handler *self, struct upload *upload)
{
    bool connected = true;

    while (connected && upload->received < upload->size) {
        if (self->length == 0)
            connected = fill(self);
        use(self, upload_write(upload, self->inbox, self->length));
    }
    printf("filesize: %" PRId64 " recvsize:%" PRId64 "\n", upload->size,
           upload->received);
    if (upload_close(upload) == 0) {
        puts("recv success");
        return answer(self, "recv success");
    }
    return refuse_error(self, errno);
}

static bool task_put(struct put_handler *self)
{
    struct put_server *server = (struct put_server *)self->handler.server;
    const struct json_value *name = json_find(&self->task, "filename");
    const struct json_value *size = json_find(&self->task, "filesize");
    struct upload upload;

    if (!name || name->kind != JSON_STRING)
        return refuse(self, "filename is not a string");
    if (!size || size->kind != JSON_INTEGER)
        return refuse(self, "filesize is not an integer");
    const char *why = upload_check(name->text, name->length, size->integer);
    if (why)
        return refuse(self, why);
    if (upload_open(&upload, server->directory, name->text, size->integer) < 0)
        return refuse_error(self, errno);
    /* Should this fail, the first recv does, too. */
    answer(self, "{\"status\": 200}");
    return receive_file(self, &upload);
}

static bool unsupported(struct put_handler *self, const struct json_value *name)
{
    char text[64 + JSON_ESCAPE_MAX * JSON_HEADER_MAX];
    int length = sprintf(text, "task action is not supported ");

    flockfile(stdout);
    fputs(text, stdout);
    print_text(name);
    putchar('\n');
    funlockfile(stdout);
    json_escape(text + length, name->text, name->length);
    return answer(self, text);
}

/* Waits for a header. False when none will come any more. */
static bool receive_task(struct put_handler *self)
{
    enum json_status status;

    while ((status = json_parse(&self->task, self->inbox, self->length)) ==
           JSON_INCOMPLETE)
        if (!fill(self))
            return false;
    if (status == JSON_MALFORMED) {
        refuse(self, self->task.error);
        return false; /* nobody knows where the next one begins */
    }
    use(self, self->task.length);
    return true;
}

/* Returns whether the connection is still good for another task. */
static bool do_task(struct put_handler *self)
{
    const struct json_value *action = json_find(&self->task, "action");

    print_task(&self->task);
    if (!action || action->kind != JSON_STRING)
        return refuse(self, "action is not a string");
    if (action->length == 3 && !memcmp(action->text, "put", 3))
        return task_put(self);
    return unsupported(self, action);
}

static void handle(struct request_handler *handler)
{
    struct put_handler *self = (struct put_handler *)handler;

    if (answer(self, greeting))
        while (receive_task(self) && do_task(self))
            ;
}

/* To close a connection whose bytes we have not read is to reset it, and that
 * can overtake our last answer. So we say that we are done, then listen. */
static void finish(struct request_handler *handler)
{
    struct put_handler *self = (struct put_handler *)handler;
    int pieces = 0;

    shutdown(handler->request, SHUT_WR);
    net_set_timeout(handler->request, FAREWELL_SECONDS);
    do
        self->length = 0;
    while (++pieces <= FAREWELL_MAX && fill(self));
}

static const struct request_handler_class PutHandler = {
    .size = sizeof(struct put_handler),
    .handle = handle,
    .finish = finish,
};

int main(int argc, char **argv)
{
    const char *directory = "uploads";
    const struct option extra[] = {
        { "-d", "DIR", OPTION_TEXT, &directory, 0 },
        { 0 },
    };
    struct options options = { .port = 9000 };
    struct put_server server;

    options_server(&options, extra, argc, argv);
    /* So that past `ulimit -f` a write fails, and only that. */
    signal(SIGXFSZ, SIG_IGN);
    server.directory = upload_directory(directory);
    if (server.directory < 0)
        return options_failed(&options, directory, strerror(errno));
    if (socketserver_init(&server.server, &options, &PutHandler) < 0)
        return 1;
    server.server.process_request = socketserver_process_in_thread;
    socketserver_serve_forever(&server.server);
    return options_failed(&options, "accept", strerror(errno));
}
