/* SPDX-License-Identifier: MIT
 *
 * rpc.c - what goes over the wire.
 */
#include "rpc/rpc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct failure_type UnknownProcedure = { "UnknownProcedure",
                                               "There is no such procedure",
                                               false };
const struct failure_type BadRequest = { "BadRequest", "This is no request",
                                         false };
const struct failure_type ProcedureFailed = { "ProcedureFailed",
                                              "The procedure has failed",
                                              true };

enum { ID_MAX = 19 }; /* digits of an ID */

int rpc_parse(struct rpc_message *message, const char *string, size_t length)
{
    const char *end = string + length, *next = string;

    message->id = 0;
    while (next < end && *next >= '0' && *next <= '9')
        message->id = message->id * 10 + (uint64_t)(*next++ - '0');
    if (next == string || next - string > ID_MAX || next == end ||
        *next++ != ' ') {
        errno = EINVAL;
        return -1;
    }
    const char *space = memchr(next, ' ', (size_t)(end - next));
    message->word = next;
    message->word_length = (size_t)((space ? space : end) - next);
    message->rest = space ? space + 1 : end;
    message->rest_length = (size_t)(end - message->rest);
    return 0;
}

bool rpc_word_is(const struct rpc_message *message, const char *word)
{
    return message->word_length == strlen(word) &&
           !memcmp(message->word, word, message->word_length);
}

int rpc_send(struct int_receiver *over, uint64_t id, const char *word,
             const char *rest, size_t rest_length)
{
    size_t room = ID_MAX + 2 + strlen(word) + 2;

    if (room > RPC_MESSAGE_MAX || rest_length > RPC_MESSAGE_MAX - room) {
        errno = EMSGSIZE;
        return -1;
    }
    char *string = malloc(room + rest_length);
    if (!string)
        return -1;
    size_t length = (size_t)snprintf(string, room, "%" PRIu64 " %s ", id, word);
    memcpy(string + length, rest, rest_length);
    int result = int_receiver_send_string(over, string, length + rest_length);
    free(string);
    return result;
}
