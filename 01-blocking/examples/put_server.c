/* SPDX-License-Identifier: MIT
 *
 * put_server - stores the files that clients send in one directory. A client
 * says in a JSON object what it wants, waits for {"status": 200} and sends the
 * file; as many as it likes, one after the other.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/net.h"
#include "net/text.h"
#include "socketserver/socketserver.h"
#include "upload/json.h"
#include "upload/upload.h"

enum {
    INBOX_MAX = 64 * 1024, /* bytes that one recv may bring */
    LINE_END_MS = 200,     /* that a header's end has behind its brace */
    ERROR_TEXT_MAX = 256,  /* bytes of strerror's words */
    FAREWELL_SECONDS = 1,  /* of silence, then we hang up */
    FAREWELL_MAX = 100     /* times that we listen to more */
};

static const char greeting[] = "欢迎致电 10086,请输入1xxx,0转人工服务.";

struct put_server {
    struct socketserver server;
    int directory; /* where the files go; handlers only read it */
    /* The handlers that have half a file, and the lock of this list. Held
     * while a file begins or gets its name, too: so whoever holds it knows
     * every temporary file there is. */
    pthread_mutex_t lock;
    struct put_handler *storing;
    sigset_t ends; /* the signals that end the program */
};

struct put_handler {
    struct request_handler handler;
    size_t length; /* bytes in the inbox that nobody has used yet */
    char inbox[INBOX_MAX];
    struct json_object task;
    struct upload upload; /* while it is in the server's list */
    struct put_handler *next;
};

static struct put_server *server_of(struct put_handler *self)
{
    return (struct put_server *)self->handler.server;
}

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

/* What is left moves to the front: at most one piece of a recv. */
static void use(struct put_handler *self, size_t length)
{
    self->length -= length;
    memmove(self->inbox, self->inbox + length, self->length);
}

/* False when the client is gone. */
static bool answer(struct put_handler *self, const char *text)
{
    return net_send_all(self->handler.request, text, strlen(text)) == 0;
}

/* The client's words are in none of these answers, only ours and strerror's. */
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

/* {'action': 'put', 'filename': 'a.txt', 'filesize': 12} */
static void print_task(const struct json_object *task)
{
    flockfile(stdout); /* no other thread's words in this line */
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
    funlockfile(stdout);
}

/* upload_open and upload_close, and between them the handler is in the list.
 * Both return 0 or an error number. */
static int begin_file(struct put_handler *self, const char *name, int64_t size)
{
    struct put_server *server = server_of(self);
    int error = 0;

    pthread_mutex_lock(&server->lock);
    if (upload_open(&self->upload, server->directory, name, size) < 0) {
        error = errno;
    } else {
        self->next = server->storing;
        server->storing = self;
    }
    pthread_mutex_unlock(&server->lock);
    return error;
}

static int end_file(struct put_handler *self)
{
    struct put_server *server = server_of(self);
    struct put_handler **place = &server->storing;

    pthread_mutex_lock(&server->lock);
    while (*place != self)
        place = &(*place)->next;
    *place = self->next;
    int error = upload_close(&self->upload) < 0 ? errno : 0;
    pthread_mutex_unlock(&server->lock);
    return error;
}

/* Reads the file's bytes, no matter whether the disk takes them: only behind
 * the last one a client's next header can begin. */
static bool receive_file(struct put_handler *self)
{
    struct upload *upload = &self->upload;
    bool connected = true;

    while (connected && upload->received < upload->size) {
        if (self->length == 0)
            connected = fill(self);
        use(self, upload_write(upload, self->inbox, self->length));
    }
    printf("filesize: %" PRId64 " recvsize:%" PRId64 "\n", upload->size,
           upload->received);
    int error = end_file(self);
    if (error)
        return refuse_error(self, error);
    puts("recv success");
    return answer(self, "recv success");
}

/* Each refusal comes before a byte of the file: the client waits for our
 * answer, so the next thing that it sends is a header again. */
static bool task_put(struct put_handler *self)
{
    const struct json_value *name = json_find(&self->task, "filename");
    const struct json_value *size = json_find(&self->task, "filesize");

    if (!name || name->kind != JSON_STRING)
        return refuse(self, "filename is not a string");
    if (!size || size->kind != JSON_INTEGER)
        return refuse(self, "filesize is not an integer");
    const char *why = upload_check(name->text, name->length, size->integer);
    if (why)
        return refuse(self, why);
    int error = begin_file(self, name->text, size->integer);
    if (error)
        return refuse_error(self, error);
    /* Should this fail, the first recv does, too. */
    answer(self, "{\"status\": 200}");
    return receive_file(self);
}

static bool unsupported(struct put_handler *self, const struct json_value *name)
{
    char text[64 + JSON_ESCAPE_MAX * JSON_HEADER_MAX];
    int length = sprintf(text, "task action is not supported ");

    flockfile(stdout);
    fputs(text, stdout);
    text_print(name->text, name->length, TEXT_LINE);
    putchar('\n');
    funlockfile(stdout);
    json_escape(text + length, name->text, name->length);
    return answer(self, text);
}

/* A header ends with its brace, white space and LF or CR LF; white space behind
 * a JSON text belongs to it (RFC 8259). The document's client sends the brace
 * alone. So we wait a moment for the others' line end: not taken here it would
 * be the first byte of the file. Behind a CR there is no hurry, something will
 * follow it. What is no line end in the end is the file's. */
static void take_line_end(struct put_handler *self)
{
    struct pollfd wait = { .fd = self->handler.request, .events = POLLIN };

    for (size_t blank = 0;; blank++) {
        if (blank == self->length) {
            bool hurry = blank == 0 || self->inbox[blank - 1] != '\r';
            if ((hurry && poll(&wait, 1, LINE_END_MS) <= 0) || !fill(self))
                return;
        }
        if (self->inbox[blank] == '\n') {
            use(self, blank + 1);
            return;
        }
        if (!memchr(" \t\r", self->inbox[blank], 3))
            return;
    }
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
    take_line_end(self);
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

/* The program is about to end: half files go, and none begins or gets a name
 * any more, for the lock is never given back. */
static void remove_half_files(struct put_server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct put_handler *it = server->storing; it; it = it->next)
        upload_remove(&it->upload);
}

/* A handler of signals may hardly do a thing: it comes in the middle of
 * anything, maybe of whoever holds the lock. So the signals that end the
 * program are blocked in all threads, and this one waits for them. */
static void *end_on_signal(void *argument)
{
    struct put_server *server = argument;
    int number;

    sigwait(&server->ends, &number);
    remove_half_files(server);
    /* And now as if nothing had been in its way: our parent is told of it. */
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &server->ends, NULL);
    return NULL;
}

/* Before the first client: threads inherit what is blocked. */
static int watch_signals(struct put_server *server)
{
    struct sigaction hangup;
    pthread_t thread;

    sigemptyset(&server->ends);
    sigaddset(&server->ends, SIGINT);
    sigaddset(&server->ends, SIGTERM);
    /* Under nohup it is ignored, and stays so: who waits for it would get it.
     */
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(&server->ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &server->ends, NULL);
    return pthread_create(&thread, NULL, end_on_signal, server);
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
    struct options options = { .port = 9000,
                               .about = "stores the files that clients send." };
    struct put_server server = { .lock = PTHREAD_MUTEX_INITIALIZER };

    options_server(&options, extra, argc, argv);
    server.directory = upload_directory(directory);
    if (server.directory < 0)
        return options_failed(&options, directory, strerror(errno));
    int error = watch_signals(&server);
    if (error)
        return options_failed(&options, "thread", strerror(error));
    if (socketserver_init(&server.server, &options, &PutHandler) < 0)
        return 1;
    server.server.process_request = socketserver_process_in_thread;
    socketserver_serve_forever(&server.server);
    error = errno;
    remove_half_files(&server);
    return options_failed(&options, "accept", strerror(error));
}
