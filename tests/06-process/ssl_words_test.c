/* SPDX-License-Identifier: MIT
 *
 * What helpers have said, recorded, and what it means; cut anywhere.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tls/ssl_words.h"
#include "unit.h"

enum { EXIT = 256 }; /* waitpid's status of an exit code */

#define GOOD                                                                   \
    "CONNECTION ESTABLISHED\nProtocol version: TLSv1.3\n"                      \
    "Ciphersuite: TLS_AES_256_GCM_SHA384\nPeer certificate: CN = localhost\n"  \
    "Hash used: SHA256\nSignature type: RSA-PSS\nVerification: OK\n"           \
    "Verified peername: localhost\nServer Temp Key: X25519, 253 bits\n"
#define CUT                                                                    \
    "40B7772C6E7F0000:error:0A000126:SSL routines:ssl3_read_n:unexpected eof " \
    "while reading:../ssl/record/rec_layer_s3.c:318:\n"
#define LOG "2026.11.29 16:30:12 LOG6[0]: "

/* The same words whole, and in two pieces at each byte. */
static void each_cut(const char *text,
                     void (*check)(const struct ssl_words *, const void *),
                     const void *wanted)
{
    size_t length = strlen(text);

    for (size_t cut = 0; cut <= length; cut++) {
        struct ssl_words words = { .length = 0 };
        ssl_words_received(&words, text, cut);
        ssl_words_received(&words, text + cut, length - cut);
        check(&words, wanted);
    }
}

struct client_row {
    const char *text;
    int status;
    const struct failure_type *type;
    int number;
};

static void check_client(const struct ssl_words *words, const void *argument)
{
    const struct client_row *row = argument;
    struct failure end = ssl_words_client_end(words, row->status);

    CHECK(words->established && words->verified);
    CHECK(end.type == row->type && end.number == row->number);
}

static void client_ends(const char *poller)
{
    static const struct client_row rows[] = {
        { GOOD, 0 * EXIT, &ConnectionDone, 0 },
        { GOOD CUT, 1 * EXIT, &SslTruncated, 0 },
        { GOOD "CONNECTION CLOSED BY SERVER\n", ECONNRESET * EXIT,
          &ConnectionLost, ECONNRESET },
        { GOOD "CONNECTION CLOSED BY SERVER\n", 0, &SslTruncated, 0 },
        { GOOD "write:errno=104\n", 1 * EXIT, &ConnectionLost, 104 },
        { GOOD "read:errno=0\n", 0, &SslTruncated, 0 },
        { GOOD, 1 * EXIT, &SslHelperLost, 0 },
        { GOOD, 9, &SslHelperLost, 0 },
        { GOOD CUT, 9, &SslHelperLost, 0 },
        { GOOD, -1, &SslHelperLost, 0 }, /* somebody else has reaped it */
        { GOOD "new words\n", 0, &ConnectionDone, 0 },
    };

    (void)poller;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        each_cut(rows[i].text, check_client, &rows[i]);
}

static void check_server(const struct ssl_words *words, const void *argument)
{
    const struct client_row *row = argument;
    struct failure end = ssl_words_server_end(words);

    CHECK(end.type == row->type && end.number == row->number);
    CHECK(!words->established);
}

static void server_ends(const char *poller)
{
    static const struct client_row rows[] = {
        { LOG "TLS closed (SSL_read)\n", 0, &ConnectionDone, 0 },
        { LOG "TLS socket closed (SSL_read)\n", 0, &SslTruncated, 0 },
        { LOG "TLS rfd: Connection reset by peer (104)\n" LOG
              "TLS socket closed (SSL_read)\n",
          0, &ConnectionLost, ECONNRESET },
        { LOG "TLS closed (SSL_read)\n" LOG "TLS socket closed (SSL_read)\n", 0,
          &ConnectionDone, 0 },
        { "", 0, &SslHelperLost, 0 },
        { LOG "TLS closed (SSL_read) \n", 0, &SslHelperLost, 0 },
        { LOG "TLS closed (SSL_read)", 0, &SslHelperLost, 0 }, /* half a line */
        { LOG "CERT: Subject: CN=]: TLS closed (SSL_read)\n", 0, &SslHelperLost,
          0 },
        { "TLS closed (SSL_read)\n", 0, &SslHelperLost, 0 },
        { "x LOG6[0]: TLS closed (SSL_read)\n", 0, &SslHelperLost, 0 },
        { LOG "Connection closed: 6 byte(s) sent to TLS\n", 0, &SslHelperLost,
          0 },
    };

    (void)poller;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        each_cut(rows[i].text, check_server, &rows[i]);
}

/* A certificate's name is the peer's, and may be long. */
static void forged(const char *poller)
{
    char text[2 * SSL_LINE_MAX];

    (void)poller;
    for (int length = SSL_LINE_MAX - 60; length < SSL_LINE_MAX + 60; length++) {
        struct ssl_words words = { .length = 0 };
        int size = sprintf(text, "%*sCONNECTION ESTABLISHED\n", length,
                           "depth=0 CN = ");
        ssl_words_received(&words, text, (size_t)size);
        size = sprintf(text, "%*sVerification: OK\n", length, "depth=0 CN = ");
        ssl_words_received(&words, text, (size_t)size);
        CHECK(!words.established && !words.verified);
        ssl_words_received(&words, GOOD, strlen(GOOD));
        CHECK(words.established && words.verified);
    }
}

static void no_handshake(const char *poller)
{
    static const struct {
        const char *text, *message;
        int number;
    } rows[] = {
        { "depth=0 CN = localhost\nverify error:num=10:certificate has "
          "expired\nverify error:num=18:later\n",
          "TLS hand-shake failed: the certificate has expired.", 10 },
        { "verify error:num=26:unsupported certificate purpose\n",
          "TLS hand-shake failed: the certificate was not accepted.", 26 },
        { "4:error:0A00010B:SSL routines:x:wrong version number:y\n",
          "TLS hand-shake failed: no TLS is spoken there.", 0 },
        { "4:error:0A000412:SSL routines:x:sslv3 alert bad certificate:y\n",
          "TLS hand-shake failed: the peer has refused us.", 0 },
        { "4:error:8000006F:system library:BIO_connect:Connection refused\n"
          "connect:errno=111\n",
          "Connection was refused by other side: 111: Connection refused.",
          ECONNREFUSED },
        { "", "TLS hand-shake failed.", 0 },
    };

    (void)poller;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct ssl_words words = { .length = 0 };
        char text[FAILURE_TEXT_MAX];
        ssl_words_received(&words, rows[i].text, strlen(rows[i].text));
        struct failure why = ssl_words_no_handshake(&words);
        CHECK(!strcmp(failure_message(why, text), rows[i].message));
        CHECK(why.number == rows[i].number);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_case cases[] = {
        { "client_ends", client_ends },
        { "server_ends", server_ends },
        { "forged", forged },
        { "no_handshake", no_handshake },
        { 0 },
    };

    return unit_main(cases, argc, argv);
}
