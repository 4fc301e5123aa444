/* SPDX-License-Identifier: MIT
 *
 * sha1_test - without arguments: the examples of the standard, in pieces of
 * every size; status 1 if one is wrong. `sha1_test BYTES FILE...` prints what
 * `sha1sum FILE...` would, and adds so many bytes at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/sha1.h"

enum { PIECE_MAX = 1 << 20 };

static const struct {
    const char *text;
    int times;
    const char *sum;
} vectors[] = {
    { "abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
    { "", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
    { "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
      "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      1, "a49b2446a02c645bf419f995b67091253a04a259" },
    { "a", 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f" },
    { "0123456701234567012345670123456701234567012345670123456701234567", 10,
      "dea356a2cddd90c7a7ecedc5ebb563934f460452" },
};

static int check(const struct sha1 *made, const char *sum, size_t piece)
{
    struct sha1 sha1 = *made; /* it is a value, and a copy goes on alone */
    char text[SHA1_TEXT_MAX];

    if (!strcmp(sha1_finish(&sha1, text), sum))
        return 0;
    printf("%s is not %s, in pieces of %zu\n", text, sum, piece);
    return 1;
}

static int test_vectors(void)
{
    int wrong = 0;

    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        size_t length = strlen(vectors[i].text);
        for (size_t piece = 1; piece <= length + 1; piece++) {
            struct sha1 sha1;
            sha1_init(&sha1);
            for (int j = 0; j < vectors[i].times; j++)
                for (size_t at = 0; at < length; at += piece)
                    sha1_add(&sha1, vectors[i].text + at,
                             length - at < piece ? length - at : piece);
            sha1_add(&sha1, NULL, 0);
            wrong += check(&sha1, vectors[i].sum, piece);
            wrong += check(&sha1, vectors[i].sum, piece);
        }
    }
    return wrong > 0;
}

static int print_sum(const char *path, size_t piece)
{
    static char data[PIECE_MAX];
    FILE *file = fopen(path, "rb");
    struct sha1 sha1;
    char text[SHA1_TEXT_MAX];
    size_t length;

    if (!file)
        return 1;
    sha1_init(&sha1);
    while ((length = fread(data, 1, piece, file)) > 0)
        sha1_add(&sha1, data, length);
    fclose(file);
    printf("%s  %s\n", sha1_finish(&sha1, text), path);
    return 0;
}

int main(int argc, char **argv)
{
    size_t piece = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    int status = 0;

    if (argc == 1)
        return test_vectors();
    if (piece == 0 || piece > PIECE_MAX)
        return 2;
    for (int i = 2; i < argc; i++)
        status |= print_sum(argv[i], piece);
    return status;
}
