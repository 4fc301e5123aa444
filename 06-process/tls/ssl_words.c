/* SPDX-License-Identifier: MIT */
#include "tls/ssl_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "net/text.h"

const struct failure_type SslError = { "SslError", "TLS hand-shake failed",
                                       false };
const struct failure_type SslTruncated = {
    "SslTruncated", "The connection ended without the peer's close_notify",
    false
};
const struct failure_type SslHelperMissing = {
    "SslHelperMissing",
    "TLS is spoken by a helper program, which is not there: "
    "apt-get install openssl (client), stunnel4 (server)",
    false
};
const struct failure_type SslHelperLost = {
    "SslHelperLost", "The connection's TLS helper ended without saying why",
    false
};

/* A failure's detail is a literal, so the usual ones are written down here. */
static const struct {
    int number;
    const char *text;
} verify_errors[] = {
    { 9, "the certificate is not yet valid" },
    { 10, "the certificate has expired" },
    { 18, "the certificate is self-signed, and not trusted" },
    { 19, "a self-signed certificate in the chain is not trusted" },
    { 20, "the certificate is of an authority that is not known" },
    { 21, "the certificate's chain is incomplete" },
    { 62, "the certificate is for another name" },
    { 64, "the certificate is for another address" },
};

/* Parts of openssl's error lines, which look like this, and of stunnel's:
 *
 *     40D7...:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:
 */
static const struct {
    const char *part, *text;
} handshake_errors[] = {
    { "wrong version number", "no TLS is spoken there" },
    { "http request", "no TLS is spoken there" },
    { "alert", "the peer has refused us" },
    { "unexpected eof", "the peer has closed in the middle of it" },
    { ":errno=", "the peer has closed in the middle of it" },
    { "fopen", "a certificate or key could not be read" },
};

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* "connect:errno=111": the number behind these words, if they are there. */
static bool number_after(const char *line, const char *words, int *number)
{
    if (!begins(line, words))
        return false;
    *number = atoi(line + strlen(words));
    return true;
}

/* Keeps what a person should read when the hand-shake fails. */
static void complain(struct ssl_words *self, const char *line)
{
    size_t count = sizeof(handshake_errors) / sizeof(*handshake_errors);

    text_escape(line, strlen(line), self->complaint, sizeof(self->complaint),
                TEXT_LOG);
    for (size_t i = 0; i < count && !self->detail; i++)
        if (strstr(line, handshake_errors[i].part))
            self->detail = handshake_errors[i].text;
}

/* `openssl s_client -brief`. */
static void client_line(struct ssl_words *self, const char *line)
{
    if (!strcmp(line, "CONNECTION ESTABLISHED"))
        self->established = true;
    if (!strcmp(line, "Verification: OK"))
        self->verified = true;
    if (!self->verify_error) /* the first counts */
        number_after(line, "verify error:num=", &self->verify_error);
    number_after(line, "connect:errno=", &self->connect_error);
    if (number_after(line, "read:errno=", &self->stream_error) ||
        number_after(line, "write:errno=", &self->stream_error) ||
        !strcmp(line, "CONNECTION CLOSED BY SERVER") ||
        strstr(line, ":unexpected eof while reading"))
        self->end = SSL_CUT;
}

/* What follows the time and the level in stunnel's lines:
 *
 *     2026.11.29 16:30:11 LOG6[0]: TLS socket closed (SSL_read)
 *
 * The first end counts: when the peer has said that this is the end, it may
 * close the socket in any way it likes. */
static void server_line(struct ssl_words *self, const char *text)
{
    if (begins(text, "TLS rfd: Connection reset by peer"))
        self->was_reset = true;
    else if (self->end != SSL_NOT_TOLD)
        return;
    else if (!strcmp(text, "TLS closed (SSL_read)"))
        self->end = SSL_CLOSED;
    else if (!strcmp(text, "TLS socket closed (SSL_read)"))
        self->end = SSL_CUT;
}

static void line_received(struct ssl_words *self)
{
    const char *line = self->line;
    const char *bracket;

    self->line[self->length] = '\0';
    bracket = strstr(line, " LOG");
    /* Its place is fixed: the peer's words, further on, cannot be taken for
     * the time and the level. */
    if (bracket && bracket - line == (long)strlen("2026.11.29 16:30:11") &&
        (bracket = strstr(bracket, "]: "))) {
        line = bracket + strlen("]: ");
        server_line(self, line);
    } else {
        client_line(self, line);
    }
    if (strstr(line, "error:") || strstr(line, "TIMEOUT") ||
        strstr(line, "Rejected") || strstr(line, ":errno="))
        complain(self, line);
}

void ssl_words_received(struct ssl_words *self, const char *data, size_t length)
{
    for (; length > 0; data++, length--) {
        if (*data == '\n') {
            line_received(self);
            self->length = 0;
        } else if (self->length < sizeof(self->line) - 1) {
            self->line[self->length++] = *data;
        } /* The rest of a long line is dropped and is no line of its own: else
             a certificate's name could be made to end in our words. */
    }
}

struct failure ssl_words_no_handshake(const struct ssl_words *self)
{
    const char *text = self->detail;

    if (self->connect_error)
        return failure_of_connect(self->connect_error);
    if (self->verify_error)
        text = "the certificate was not accepted";
    for (size_t i = 0; i < sizeof(verify_errors) / sizeof(*verify_errors); i++)
        if (verify_errors[i].number == self->verify_error)
            text = verify_errors[i].text;
    return (struct failure){ &SslError, self->verify_error, text };
}

/* Status 0 is a close_notify, 1 an error of TLS, all others are an errno. But
 * OpenSSL 1.1 ends with 0 after a stream that was cut, and has only a line. */
struct failure ssl_words_client_end(const struct ssl_words *self, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    if (code > 1 || (code == 1 && self->stream_error > 0))
        return (struct failure){ &ConnectionLost,
                                 code > 1 ? code : self->stream_error, NULL };
    if (code >= 0 && self->end == SSL_CUT)
        return (struct failure){ &SslTruncated, 0, NULL };
    return (struct failure){ code == 0 ? &ConnectionDone : &SslHelperLost, 0,
                             NULL };
}

struct failure ssl_words_server_end(const struct ssl_words *self)
{
    if (self->end == SSL_CLOSED)
        return (struct failure){ &ConnectionDone, 0, NULL };
    if (self->end == SSL_CUT && self->was_reset)
        return (struct failure){ &ConnectionLost, ECONNRESET, NULL };
    return (struct failure){ self->end == SSL_CUT ? &SslTruncated
                                                  : &SslHelperLost,
                             0, NULL };
}
