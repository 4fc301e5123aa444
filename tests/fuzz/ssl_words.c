/* SPDX-License-Identifier: MIT
 *
 * What a TLS helper has said, in one piece and in many: it means the same, a
 * hand-shake is over only when a whole line says so, and an end is a good one
 * only when a known line does.
 */
#include "tls/ssl_words.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* The data has that line. */
static bool has_line(const char *data, size_t length, const char *line)
{
    size_t size = strlen(line);

    for (size_t i = 0; i + size < length; i++)
        if ((i == 0 || data[i - 1] == '\n') && data[i + size] == '\n' &&
            !memcmp(data + i, line, size))
            return true;
    return false;
}

static bool has(const char *data, size_t length, const char *text)
{
    size_t size = strlen(text);

    for (size_t i = 0; i + size <= length; i++)
        if (!memcmp(data + i, text, size))
            return true;
    return false;
}

void fuzz_one(const struct fuzz_input *input)
{
    struct ssl_words whole = { .length = 0 }, pieces = { .length = 0 };
    char *data = fuzz_copy(input->data, input->length);
    char text[FAILURE_TEXT_MAX];
    size_t at = 0;

    ssl_words_received(&whole, data, input->length);
    for (size_t i = 0; at < input->length; i++) {
        size_t size = fuzz_cut(input, i);
        if (size == 0)
            size = 1;
        if (size > input->length - at)
            size = input->length - at;
        ssl_words_received(&pieces, data + at, size);
        at += size;
    }
    CHECK(whole.length == pieces.length && whole.length < SSL_LINE_MAX);
    CHECK(whole.established == pieces.established);
    CHECK(whole.verified == pieces.verified && whole.end == pieces.end);
    CHECK(whole.detail == pieces.detail);
    CHECK(!strcmp(whole.complaint, pieces.complaint));
    /* A NUL ends a line for us, and no program of ours prints one. */
    if (!memchr(data, '\0', input->length)) {
        CHECK(!whole.established ||
              has_line(data, input->length, "CONNECTION ESTABLISHED"));
        CHECK(!whole.verified ||
              has_line(data, input->length, "Verification: OK"));
    }
    CHECK(ssl_words_server_end(&whole).type != &ConnectionDone ||
          has(data, input->length, "]: TLS closed (SSL_read)"));
    CHECK(ssl_words_client_end(&whole, 9).type == &SslHelperLost);
    failure_message(ssl_words_no_handshake(&whole), text);
    free(data);
}
