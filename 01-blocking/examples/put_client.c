/* SPDX-License-Identifier: MIT
 *
 * put_client - sends files to put_server: "put PATH" at the prompt.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/text.h"
#include "program/endpoint.h"
#include "program/prompt.h"
#include "upload/json.h"

enum {
    ANSWER_MAX = JSON_HEADER_MAX, /* bytes of the longest answer */
    PIECE_MAX = 64 * 1024         /* bytes that are read and sent at once */
};

/* What the server said. More than one answer may come in one piece. */
struct answer {
    char text[ANSWER_MAX];
    size_t length;         /* of the answer */
    char rest[ANSWER_MAX]; /* what came behind it */
    size_t rest_length;
};

static const char blanks[] = " \t\r\n\v\f";
static const char success[] = "recv success";

/* Bytes of the answer that `text` begins with, or 0 if not all of it has
 * arrived. A JSON object says where it ends, and we know how long a success
 * is; anything else is taken as it comes. */
static size_t find_answer(const char *text, size_t length)
{
    struct json_object object;
    size_t common = length < strlen(success) ? length : strlen(success);

    if (length == 0)
        return 0;
    if (text[0] == '{')
        switch (json_parse(&object, text, length)) {
        case JSON_COMPLETE:
            return object.length;
        case JSON_INCOMPLETE:
            return 0;
        default:
            return length;
        }
    if (memcmp(text, success, common) != 0)
        return length;
    return common == strlen(success) ? common : 0;
}

/* Waits for the next answer, unless it has come along with the last one.
 * Returns NULL, or why there is none. */
static const char *receive_answer(int server, struct answer *answer)
{
    size_t have = answer->rest_length, whole;

    memcpy(answer->text, answer->rest, have);
    while ((whole = find_answer(answer->text, have)) == 0) {
        ssize_t n = net_receive(server, answer->text + have, ANSWER_MAX - have);
        if (n <= 0)
            return n < 0 ? strerror(errno) : "connection closed by server";
        have += (size_t)n;
    }
    answer->rest_length = have - whole;
    memcpy(answer->rest, answer->text + whole, answer->rest_length);
    answer->length = whole;
    return NULL;
}

static void print_answer(const struct answer *answer)
{
    text_print(answer->text, answer->length, TEXT_LINES);
    putchar('\n');
}

/* Only this lets us send: whatever else it says is a refusal. */
static bool is_confirmation(const struct answer *answer)
{
    struct json_object object;
    const struct json_value *status;

    if (json_parse(&object, answer->text, answer->length) != JSON_COMPLETE)
        return false;
    status = json_find(&object, "status");
    return status && status->kind == JSON_INTEGER && status->integer == 200;
}

/* JSON_ESCAPE_MAX bytes for one: a name may be all control bytes. */
static const char *send_header(int server, const char *name, int64_t size)
{
    char escaped[JSON_ESCAPE_MAX * NAME_MAX + 1];
    char header[sizeof(escaped) + 100];

    if (strlen(name) > NAME_MAX)
        return strerror(ENAMETOOLONG);
    sprintf(header,
            "{\"action\": \"put\", \"filename\": \"%s\", "
            "\"filesize\": %" PRId64 "}\r\n",
            json_escape(escaped, name, strlen(name)), size);
    if (net_send_all(server, header, strlen(header)) < 0)
        return strerror(errno);
    return NULL;
}

/* A server that speaks before it has all of the file does not want it. What it
 * says is shown, and we leave: it counts on bytes that it would take for a
 * header if we went on. Returns why. */
static const char *interrupted(int server, struct answer *answer)
{
    const char *why = receive_answer(server, answer);

    if (why)
        return why;
    print_answer(answer);
    return "refused while it was sent";
}

/* Sends one piece, and listens. To send without looking would be to sleep until
 * the server has read it, and one that has said no may never read again. And
 * after a reset there still is what the server said before it. Returns NULL or
 * what went wrong. */
static const char *send_piece(int server, struct answer *answer,
                              const char *piece, size_t length)
{
    struct pollfd wait = { .fd = server, .events = POLLIN | POLLOUT };

    while (length > 0) {
        if (poll(&wait, 1, -1) < 0) {
            if (net_wait_failed(errno) < 0)
                return strerror(errno);
            continue;
        }
        if (wait.revents & POLLIN || answer->rest_length > 0)
            return interrupted(server, answer);
        ssize_t n = send(server, piece, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return interrupted(server, answer);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return strerror(errno);
        if (n > 0) {
            piece += n;
            length -= (size_t)n;
        }
    }
    return NULL;
}

/* Sends the `size` bytes that were announced, not one more or less: whatever
 * happens to the file meanwhile, the server counts on them. */
static const char *send_bytes(int server, struct answer *answer, int file,
                              int64_t size)
{
    char piece[PIECE_MAX];

    while (size > 0) {
        size_t wanted = size < PIECE_MAX ? (size_t)size : PIECE_MAX;
        ssize_t n = read(file, piece, wanted);
        if (n < 0)
            return strerror(errno);
        if (n == 0)
            return "shrank while it was sent";
        const char *why = send_piece(server, answer, piece, (size_t)n);
        if (why)
            return why;
        size -= n;
    }
    return NULL;
}

/* The whole conversation about one open file. Returns NULL, or why there can
 * be no other after it. */
static const char *send_file(int server, struct answer *answer, int file,
                             const char *name, int64_t size)
{
    const char *why = send_header(server, name, size);

    if (!why)
        why = receive_answer(server, answer);
    if (!why && is_confirmation(answer)) {
        printf("start sending file %s\n", name);
        why = send_bytes(server, answer, file, size);
        if (!why) {
            puts("send file done");
            why = receive_answer(server, answer);
        }
    }
    /* The last word: a success, or why there is none. */
    if (!why)
        print_answer(answer);
    return why;
}

/* Returns the status to leave with, or 0 to go on. A file that we cannot send
 * is no reason to leave. */
static int put(const struct options *options, int server, struct answer *answer,
               const char *path)
{
    const char *slash = strrchr(path, '/');
    struct stat status;

    if (stat(path, &status) < 0 || !S_ISREG(status.st_mode)) {
        printf("\033[31m file [%s] is not exist \033[0m\n", path);
        return 0;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        options_failed(options, path, strerror(errno));
        return 0;
    }
    printf("file:%s size:%" PRId64 "\n", path, (int64_t)status.st_size);
    const char *why = send_file(server, answer, file, slash ? slash + 1 : path,
                                status.st_size);
    close(file);
    return why ? options_failed(options, path, why) : 0;
}

int main(int argc, char **argv)
{
    struct options options = { .port = 9000,
                               .about = "sends files to put_server." };
    struct prompt prompt = { 0 };
    struct answer answer = { .rest_length = 0 };
    int status = 0;

    options_client(&options, NULL, argc, argv);
    int server = endpoint_connect_tcp(&options);
    if (server < 0)
        return 1;
    const char *why = receive_answer(server, &answer);
    if (why)
        status = options_failed(&options, options.host, why);
    else
        print_answer(&answer);
    while (status == 0 && prompt_read(&prompt, ">>>:")) {
        char *rest;
        const char *command = strtok_r(prompt.line, blanks, &rest);
        const char *path = strtok_r(NULL, blanks, &rest);
        if (!command)
            continue;
        if (!path && !strcmp(command, "exit"))
            break;
        if (!path)
            puts("Usage: put path/to/file");
        else if (strcmp(command, "put") != 0)
            printf("don't support %s command\n", command);
        else
            status = put(&options, server, &answer, path);
    }
    free(prompt.line);
    close(server);
    return status;
}
