/* SPDX-License-Identifier: MIT
 *
 * http_channel.h - the server's end of an HTTP connection: Twisted's
 * HTTPChannel. Requests are answered one after the other, in order, until the
 * client, or its patience with us or ours with it, comes to an end.
 *
 * A program has a struct http_factory, or a larger struct that begins with it,
 * and answers in `process`. What cannot be answered is refused before that.
 */
#ifndef HTTP_CHANNEL_H
#define HTTP_CHANNEL_H

#include "framing/line_receiver.h"
#include "http/http_request.h"
#include "http/http_response.h"
#include "protocol/file_sender.h"
#include "protocol/timeout.h"
#include "reactor/reactor.h"

/* Seconds in which a client must send a request; and one that is owed bytes
 * must have taken some of them. */
#define HTTP_PATIENCE 30.0

struct http_channel {
    struct line_receiver base;
    struct http_request request; /* the one to be answered */
    struct producer answers;     /* those that are no file make more */
    struct file_sender sender;
    int file;               /* what it sends; -1: nothing */
    struct timeout timeout; /* of HTTP_PATIENCE */
    int64_t owed;           /* bytes, when we looked last */
};

extern const struct line_receiver_class HttpChannel;

struct http_factory {
    struct factory base; /* its protocol is &HttpChannel.base */
    struct reactor *reactor;

    /* A GET or a HEAD is there. Answers it before it returns, with one of the
     * functions below, which end the request. */
    void (*process)(struct http_channel *channel);
};

/* Each of these fills in whether the connection goes on, logs one line, and
 * leaves out a body that a HEAD must not have. */

/* Answers with a body of response->length bytes. */
void http_channel_send(struct http_channel *self, struct http_response response,
                       const char *body);

/* Answers with a status, and its meaning as a body; `location` may be NULL. */
void http_channel_send_status(struct http_channel *self, int status,
                              const char *location);

/* Answers with the next response->length bytes of `file`, piece by piece, and
 * closes it. If it has fewer, the connection is aborted. */
void http_channel_send_file(struct http_channel *self,
                            struct http_response response, int file);

#endif
