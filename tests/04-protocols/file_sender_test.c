/* SPDX-License-Identifier: MIT
 *
 * file_sender_test - which bytes a file_sender writes, and how it ends, over a
 * string transport that is resumed by hand. Prints what was not so; status 1.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/file_sender.h"
#include "protocol/string_transport.h"

enum { FILE_SIZE = 2 * FILE_SENDER_PIECE + 1000 };

static char content[FILE_SIZE];

struct ending {
    int calls, error;
};

static void done(void *argument, int error)
{
    struct ending *ending = argument;

    ending->calls++;
    ending->error = error;
}

static void check(int truth, const char *what, int64_t size)
{
    if (truth)
        return;
    fprintf(stderr, "size %lld: %s\n", (long long)size, what);
    exit(1);
}

static struct string_transport *open_transport(void)
{
    static const struct protocol_class silent = {
        .name = "Silent",
        .size = sizeof(struct protocol),
    };
    static struct factory factory = { .name = "F", .protocol = &silent };
    static struct string_transport transport;

    if (string_transport_open(&transport, &factory) < 0)
        exit(2);
    return &transport;
}

/* Sends `size` bytes from the byte at `start` on; all but the ending must be
 * the same for any size. */
static void send_some(FILE *file, int64_t start, int64_t size, int64_t there,
                      int error)
{
    struct string_transport *transport = open_transport();
    struct ending ending = { 0 };
    struct file_sender sender;
    int rounds = 0;

    lseek(fileno(file), start, SEEK_SET);
    check(file_sender_start(&sender, &transport->base, fileno(file), size, done,
                            &ending) == 0,
          "does not start", size);
    check(!transport->streaming, "is no pull producer", size);
    while (transport->producer) {
        size_t before = buffer_length(&transport->written);
        check(ending.calls == 0, "ends while it is registered", size);
        transport->producer->resume_producing(transport->producer);
        check(buffer_length(&transport->written) - before <= FILE_SENDER_PIECE,
              "writes too much at a time", size);
        rounds++;
    }
    check(ending.calls == 1, "does not end once", size);
    check(ending.error == error, "ends wrongly", size);
    check(buffer_length(&transport->written) == (size_t)there,
          "writes too much or too little", size);
    check(there == 0 || !memcmp(buffer_data(&transport->written),
                                content + start, (size_t)there),
          "writes other bytes", size);
    check(rounds == (there + FILE_SENDER_PIECE - 1) / FILE_SENDER_PIECE + 1,
          "takes another number of rounds", size);
    string_transport_close(transport);
    check(ending.calls == 1, "ends twice", size);
}

/* The connection is lost on the way. */
static void lose_it(FILE *file)
{
    struct string_transport *transport = open_transport();
    struct ending ending = { 0 };
    struct file_sender sender, second;

    lseek(fileno(file), 0, SEEK_SET);
    file_sender_start(&sender, &transport->base, fileno(file), FILE_SIZE, done,
                      &ending);
    transport->producer->resume_producing(transport->producer);
    check(file_sender_start(&second, &transport->base, fileno(file), 1, done,
                            &ending) == -1 &&
              errno == EBUSY && ending.calls == 0,
          "starts beside another", 1);
    string_transport_close(transport);
    check(ending.calls == 1 && ending.error == ECANCELED,
          "is not told that the connection is lost", FILE_SIZE);
}

int main(void)
{
    FILE *file = tmpfile();

    for (size_t i = 0; i < sizeof(content); i++)
        content[i] = (char)(i * 7 + i / 251);
    if (!file || fwrite(content, 1, sizeof(content), file) != sizeof(content) ||
        fflush(file))
        return 2;
    const int64_t piece = FILE_SENDER_PIECE, sizes[] = {
        0, 1, piece - 1, piece, piece + 1, 2 * piece, FILE_SIZE,
    };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        send_some(file, 0, sizes[i], sizes[i], 0);
    send_some(file, 1000, 2 * piece, 2 * piece, 0);
    send_some(file, 0, FILE_SIZE + 1, FILE_SIZE, ENODATA);
    send_some(file, FILE_SIZE, 1, 0, ENODATA);
    lose_it(file);
    fclose(file);
    FILE *closed = fopen(".", "r"); /* can be opened, not read */
    if (closed) {
        send_some(closed, 0, 1, 0, EISDIR);
        fclose(closed);
    }
    return 0;
}
