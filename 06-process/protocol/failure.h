/* SPDX-License-Identifier: MIT
 *
 * failure.h - what went wrong, as a value: Twisted's Failure.
 *
 * It owns nothing and points to literals only, so it can be copied, kept and
 * handed to another thread. All zeroes is no failure.
 */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdbool.h>
#include <stddef.h>

struct failure_type {
    const char *name; /* Twisted's: "ConnectionDone" */
    const char *text; /* what people read first */
    bool numbered;    /* the text goes on with the number and its meaning */
};

struct failure {
    const struct failure_type *type; /* NULL: nothing went wrong */
    int number;                      /* an errno, or 0 */
    const char *detail;              /* a literal that says more, or NULL */
};

/* Bytes for any message of failure_message. */
enum { FAILURE_TEXT_MAX = 160 };

extern const struct failure_type ConnectionDone, ConnectionLost,
    ConnectionAborted, ConnectError, ConnectionRefusedError, TCPTimedOutError,
    NoRouteError, ConnectBindError, TimeoutError, UserError, DNSLookupError;

/* Twisted's getErrorMessage: "Connection was closed cleanly." Writes into
 * `text`, FAILURE_TEXT_MAX bytes, and returns it. Something did go wrong. */
const char *failure_message(struct failure failure, char *text);

/* Whether the failure is of that type. */
bool failure_check(struct failure failure, const struct failure_type *type);

/* What a failed connect is called, by its errno. */
struct failure failure_of_connect(int error);

#endif
