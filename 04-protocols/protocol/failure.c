/* SPDX-License-Identifier: MIT
 *
 * failure.c - the kinds of failure that connections know, with Twisted's names
 * and words, so that a log of ours reads like one of Twisted's.
 */
#include "protocol/failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The end of a connection: by either side in good order; without warning, by an
 * error or with the loop; by abort_connection. */
const struct failure_type ConnectionDone = { "ConnectionDone",
                                             "Connection was closed cleanly",
                                             false };
const struct failure_type ConnectionLost = {
    "ConnectionLost",
    "Connection to the other side was lost in a non-clean fashion", false
};
const struct failure_type ConnectionAborted = {
    "ConnectionAborted",
    "Connection was aborted locally using ITCPTransport.abortConnection", false
};
/* An attempt to connect that has failed; failure_of_connect chooses. */
const struct failure_type ConnectError = { "ConnectError",
                                           "An error occurred while connecting",
                                           true };
const struct failure_type ConnectionRefusedError = {
    "ConnectionRefusedError", "Connection was refused by other side", true
};
const struct failure_type TCPTimedOutError = { "TCPTimedOutError",
                                               "TCP connection timed out",
                                               true };
const struct failure_type NoRouteError = { "NoRouteError", "No route to host",
                                           true };
const struct failure_type ConnectBindError = { "ConnectBindError",
                                               "Couldn't bind", true };
/* An attempt that has come to an end before the kernel said anything. */
const struct failure_type TimeoutError = {
    "TimeoutError", "User timeout caused connection failure", false
};
const struct failure_type UserError = { "UserError", "User aborted connection",
                                        false };
const struct failure_type DNSLookupError = { "DNSLookupError",
                                             "DNS lookup failed", false };

/* Every message is a sentence: it ends with a full stop, whoever's words are
 * in it. snprintf cuts what is too long for `text`. */
const char *failure_message(struct failure failure, char *text)
{
    const struct failure_type *type = failure.type;
    size_t size = FAILURE_TEXT_MAX;

    if (type->numbered && failure.number)
        snprintf(text, size, "%s: %d: %s.", type->text, failure.number,
                 strerror(failure.number));
    else if (failure.detail)
        snprintf(text, size, "%s: %s.", type->text, failure.detail);
    else
        snprintf(text, size, "%s.", type->text);
    return text;
}

/* Types are compared by address: each of them exists once. */
bool failure_check(struct failure failure, const struct failure_type *type)
{
    return failure.type == type;
}

/* Those three that a program may want to tell apart have a type of their own.
 */
struct failure failure_of_connect(int error)
{
    const struct failure_type *type = error == ECONNREFUSED
                                          ? &ConnectionRefusedError
                                      : error == ETIMEDOUT   ? &TCPTimedOutError
                                      : error == ENETUNREACH ? &NoRouteError
                                                             : &ConnectError;

    return (struct failure){ type, error, NULL };
}
