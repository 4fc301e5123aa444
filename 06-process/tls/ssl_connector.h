/* SPDX-License-Identifier: MIT
 *
 * ssl_connector.h - connects with TLS: Twisted's connectSSL. A child, `openssl
 * s_client`, speaks it, one for each connection.
 *
 * All is as with reactor_connect_tcp, but for this: get_host has nothing to
 * tell (ENOTSUP); lose_write_connection is lose_connection, and when the peer
 * ends its stream, the connection is over.
 */
#ifndef SSL_CONNECTOR_H
#define SSL_CONNECTOR_H

#include "stream/tcp_connector.h"
#include "tls/ssl_words.h"

/* Zeroes are the defaults. */
struct ssl_connector_options {
    double timeout;          /* seconds for the whole attempt; 0: 30 */
    const char *ca_file;     /* of whom we trust, PEM; NULL: as openssl does */
    const char *name;        /* of the server, to be verified; NULL: host */
    const char *certificate; /* ours, with its chain, PEM; NULL: none */
    const char *private_key; /* NULL: in the same file */
    bool unverified;         /* takes anybody for the server, and logs it */
    const char *helper;      /* NULL: "openssl", in our PATH */
};

/* The factory hears of a connection when the helper has said that certificate
 * and name are right, and not a byte is sent before. A failed attempt may be
 * any of TCP's; SslError; SslHelperMissing; or ConnectError with an errno.
 * `host` is copied. The options are not: they are read at each attempt. */
struct connector *reactor_connect_ssl(
    struct reactor *reactor, const char *host, int port,
    struct factory *factory, const struct ssl_connector_options *options);

#endif
