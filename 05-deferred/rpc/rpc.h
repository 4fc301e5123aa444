/* SPDX-License-Identifier: MIT
 *
 * rpc.h - calls of procedures somewhere else: what goes over the wire, and the
 * caller's side of it. Each message is one string of an Int32 receiver.
 *
 *     request = ID SP PROCEDURE [ SP ARGUMENT ]
 *     answer  = ID SP ( "ok" SP RESULT / "error" SP TYPE SP NUMBER )
 *
 * ID is a decimal number of 19 digits at most that the caller chooses, and by
 * which it finds the call that an answer is for: they may come in any order.
 * TYPE is the name of a failure's type, NUMBER an errno or 0. ARGUMENT and
 * RESULT are any bytes.
 *
 * A program's protocol on the caller's side begins with a struct rpc_caller,
 * and its class has rpc_caller_string_received and rpc_caller_connection_lost,
 * or functions that call those.
 */
#ifndef RPC_H
#define RPC_H

#include <stdint.h>

#include "deferred/deferred.h"
#include "lengths/int_receiver.h"

enum { RPC_MESSAGE_MAX = 16 << 20 }; /* bytes of a message */

/* What a call may come to: nobody has this procedure; what was sent is no
 * request; it has failed, with an errno. */
extern const struct failure_type UnknownProcedure, BadRequest, ProcedureFailed;

/* The parts of a message; they point into it. */
struct rpc_message {
    uint64_t id;
    const char *word; /* the procedure, "ok" or "error"; not NUL-terminated */
    size_t word_length;
    const char *rest; /* the argument, or the result */
    size_t rest_length;
};

/* Takes a message apart. Returns 0, or -1 with EINVAL. */
int rpc_parse(struct rpc_message *message, const char *string, size_t length);
bool rpc_word_is(const struct rpc_message *message, const char *word);

/* Sends a message. Returns 0, or -1 with ENOMEM, or EMSGSIZE for one that is
 * longer than RPC_MESSAGE_MAX. */
int rpc_send(struct int_receiver *over, uint64_t id, const char *word,
             const char *rest, size_t rest_length);

struct rpc_caller {
    struct int_receiver base;
    uint64_t last_id;
    struct rpc_call *calls; /* that have no answer yet */
    bool lost;              /* the connection, and all calls with it */
};

/* What a procedure has returned; the receiver of the Deferred frees it with
 * free(). A NUL follows the bytes. */
struct rpc_result {
    size_t length;
    char bytes[];
};

/* A copy of these bytes, as a value, or MemoryError. */
struct result rpc_result_copy(const char *bytes, size_t length);

/* Calls a procedure; many calls may be under way at the same time. Fires with
 * a struct rpc_result *, or with the failure that the other side has sent, or
 * the reason for which the connection was lost meanwhile. To cancel it is to
 * forget it: its answer will be ignored. NULL with ENOMEM, EMSGSIZE, or
 * ENOTCONN when the connection is lost. The procedure's name has no space in
 * it. */
struct deferred *rpc_caller_call(struct rpc_caller *self, const char *procedure,
                                 const char *argument, size_t length);

void rpc_caller_string_received(struct int_receiver *base, const char *string,
                                size_t length);
void rpc_caller_connection_lost(struct protocol *base, struct failure reason);

#endif
