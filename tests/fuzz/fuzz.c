/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 16 }; /* bytes; the rest is ignored */

void fuzz_failed(const char *text, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
    abort();
}

char *fuzz_copy(const char *data, size_t length)
{
    char *copy = malloc(length);

    CHECK(copy || length == 0);
    if (length > 0)
        memcpy(copy, data, length);
    return copy;
}

size_t fuzz_cut(const struct fuzz_input *input, size_t index)
{
    if (input->cut_count == 0)
        return SIZE_MAX;
    return ((unsigned)input->cuts[index % input->cut_count] - '0') % 64;
}

/* What the protocols of one connection have noted. */
static struct buffer notes;

void fuzz_note(const void *data, size_t length)
{
    CHECK(buffer_append(&notes, data, length) == 0);
}

static void check_same(const struct buffer *one, const struct buffer *other)
{
    size_t length = buffer_length(one);

    CHECK(buffer_length(other) == length);
    CHECK(length == 0 || !memcmp(buffer_data(one), buffer_data(other), length));
}

static void talk(struct string_transport *transport, struct factory *factory,
                 const struct fuzz_input *input,
                 void (*pause)(struct protocol *protocol, bool on))
{
    CHECK(string_transport_open(transport, factory) == 0);
    for (size_t used = 0, i = 0;
         used < input->length && !transport->disconnecting; i++) {
        size_t left = input->length - used, cut = fuzz_cut(input, i);
        size_t size = cut == 0 ? 1 : cut < left ? cut : left;
        char *piece = fuzz_copy(input->data + used, size);
        string_transport_receive(transport, piece, size);
        free(piece);
        used += size;
        if (cut == 0 && pause && !transport->disconnecting)
            pause(transport->protocol, !transport->paused);
    }
    while (pause && !transport->disconnecting) {
        pause(transport->protocol, false);
        if (!transport->paused)
            break;
    }
    string_transport_lose(transport,
                          (struct failure){ &ConnectionDone, 0, NULL });
}

void fuzz_talk(struct string_transport *transport, struct factory *factory,
               const struct fuzz_input *input,
               void (*pause)(struct protocol *protocol, bool on))
{
    struct fuzz_input whole = { .data = input->data, .length = input->length };
    struct string_transport other;
    struct buffer first;

    talk(transport, factory, &whole, pause);
    first = notes;
    notes = (struct buffer){ 0 };
    talk(&other, factory, input, pause);
    check_same(&first, &notes);
    check_same(&transport->written, &other.written);
    CHECK(other.disconnecting == transport->disconnecting);
    CHECK(other.aborted == transport->aborted);
    buffer_clear(&other.written);
    buffer_clear(&first);
    buffer_clear(&notes);
}

size_t fuzz_echoed(const struct string_transport *transport,
                   const struct fuzz_input *input)
{
    size_t length = buffer_length(&transport->written);

    CHECK(length <= input->length);
    CHECK(length == 0 ||
          !memcmp(buffer_data(&transport->written), input->data, length));
    return length;
}

static void take(const char *bytes, size_t length)
{
    const char *line = length > 0 ? memchr(bytes, '\n', length) : NULL;
    const char *end = bytes + length;

    if (line)
        fuzz_one(&(struct fuzz_input){ bytes, (size_t)(line - bytes), line + 1,
                                       (size_t)(end - line - 1) });
}

#ifdef __AFL_HAVE_MANUAL_CONTROL

__AFL_FUZZ_INIT();

/* One process for many inputs, which come through shared memory. */
int main(void)
{
    __AFL_INIT();
    const unsigned char *bytes = __AFL_FUZZ_TESTCASE_BUF;
    while (__AFL_LOOP(10000)) {
        size_t length = (size_t)__AFL_FUZZ_TESTCASE_LEN;
        take((const char *)bytes, length < INPUT_MAX ? length : INPUT_MAX);
    }
    return 0;
}

#else

static void take_file(FILE *file)
{
    static char bytes[INPUT_MAX];

    take(bytes, fread(bytes, 1, sizeof(bytes), file));
}

int main(int argc, char **argv)
{
    if (argc == 1)
        take_file(stdin);
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (!file) {
            perror(argv[i]);
            return 2;
        }
        take_file(file);
        fclose(file);
    }
    return 0;
}

#endif
