/* SPDX-License-Identifier: MIT
 *
 * ssl_words.h - what a TLS helper says on its standard error, and which
 * failure that is.
 *
 * Two programs are understood: `openssl s_client` and `stunnel`. Their words
 * are no interface, and some of them are the peer's. So only whole lines
 * count, or what follows the time in stunnel's; a word that nobody knows
 * changes nothing; and nothing but known words makes a good end.
 */
#ifndef SSL_WORDS_H
#define SSL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/failure.h"

/* SslError: the hand-shake has failed. The number is that of openssl's verify
 * error: 10 the certificate has expired, 18 self-signed, 20 of an authority
 * that is not known, 62 another name; or 0. SslTruncated: the peer's stream
 * has ended, but the peer has not said that this is the end. SslHelperMissing:
 * there is no such program; the number is ENOENT. SslHelperLost: the helper
 * has ended and has not said why. */
extern const struct failure_type SslError, SslTruncated, SslHelperMissing,
    SslHelperLost;

enum {
    SSL_LINE_MAX = 512,     /* bytes of a line that are looked at */
    SSL_COMPLAINT_MAX = 160 /* bytes of one that are kept for the log */
};

/* At first all zeroes. */
struct ssl_words {
    char line[SSL_LINE_MAX]; /* what has come of it */
    size_t length;
    bool established; /* s_client: the hand-shake is over */
    bool verified;    /* s_client: and certificate and name were right */
    bool was_reset;   /* stunnel: the peer's TCP connection was */
    enum { SSL_NOT_TOLD, SSL_CLOSED, SSL_CUT } end; /* of the peer's stream */
    int verify_error;                               /* the first */
    int connect_error;                              /* an errno */
    int stream_error;   /* likewise, of reading and writing */
    const char *detail; /* why there is no TLS: a literal, or NULL */
    char complaint[SSL_COMPLAINT_MAX]; /* the last, fit to be printed */
};

/* Some more bytes of it, cut anywhere. */
void ssl_words_received(struct ssl_words *self, const char *data,
                        size_t length);

/* Why a hand-shake has failed whose helper has ended. */
struct failure ssl_words_no_handshake(const struct ssl_words *self);

/* How the peer's stream has ended: ConnectionDone, SslTruncated, ConnectionLost
 * with an errno, SslHelperLost. s_client tells by its status, of waitpid;
 * stunnel, whose status is always 0, by its words alone. */
struct failure ssl_words_client_end(const struct ssl_words *self, int status);
struct failure ssl_words_server_end(const struct ssl_words *self);

#endif
