/* SPDX-License-Identifier: MIT
 *
 * amqp_method.h - what AMQP 0-9-1 can say: the methods, each with its number
 * and its arguments, and how they are written as bytes and read again. The
 * client and the broker share it.
 *
 * Whatever is read points into the bytes that came, and is gone with them.
 */
#ifndef AMQP_METHOD_H
#define AMQP_METHOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* CLASS in the upper half, METHOD in the lower, as they go over the wire. */
#define AMQP_METHOD(class, method) ((uint32_t)(class) << 16 | (method))

#define CONNECTION_START     AMQP_METHOD(10, 10)
#define CONNECTION_START_OK  AMQP_METHOD(10, 11)
#define CONNECTION_TUNE      AMQP_METHOD(10, 30)
#define CONNECTION_TUNE_OK   AMQP_METHOD(10, 31)
#define CONNECTION_OPEN      AMQP_METHOD(10, 40)
#define CONNECTION_OPEN_OK   AMQP_METHOD(10, 41)
#define CONNECTION_CLOSE     AMQP_METHOD(10, 50)
#define CONNECTION_CLOSE_OK  AMQP_METHOD(10, 51)
#define CONNECTION_BLOCKED   AMQP_METHOD(10, 60)
#define CONNECTION_UNBLOCKED AMQP_METHOD(10, 61)
#define CHANNEL_OPEN         AMQP_METHOD(20, 10)
#define CHANNEL_OPEN_OK      AMQP_METHOD(20, 11)
#define CHANNEL_FLOW         AMQP_METHOD(20, 20)
#define CHANNEL_FLOW_OK      AMQP_METHOD(20, 21)
#define CHANNEL_CLOSE        AMQP_METHOD(20, 40)
#define CHANNEL_CLOSE_OK     AMQP_METHOD(20, 41)
#define QUEUE_DECLARE        AMQP_METHOD(50, 10)
#define QUEUE_DECLARE_OK     AMQP_METHOD(50, 11)
#define QUEUE_PURGE          AMQP_METHOD(50, 30)
#define QUEUE_PURGE_OK       AMQP_METHOD(50, 31)
#define QUEUE_DELETE         AMQP_METHOD(50, 40)
#define QUEUE_DELETE_OK      AMQP_METHOD(50, 41)
#define BASIC_QOS            AMQP_METHOD(60, 10)
#define BASIC_QOS_OK         AMQP_METHOD(60, 11)
#define BASIC_CONSUME        AMQP_METHOD(60, 20)
#define BASIC_CONSUME_OK     AMQP_METHOD(60, 21)
#define BASIC_CANCEL         AMQP_METHOD(60, 30)
#define BASIC_CANCEL_OK      AMQP_METHOD(60, 31)
#define BASIC_PUBLISH        AMQP_METHOD(60, 40)
#define BASIC_RETURN         AMQP_METHOD(60, 50)
#define BASIC_DELIVER        AMQP_METHOD(60, 60)
#define BASIC_ACK            AMQP_METHOD(60, 80)
#define BASIC_REJECT         AMQP_METHOD(60, 90)
#define BASIC_NACK           AMQP_METHOD(60, 120)

/* Reply codes. The first row ends a channel, the second a connection. */
enum {
    AMQP_CONTENT_TOO_LARGE = 311,
    AMQP_NO_ROUTE = 312,
    AMQP_ACCESS_REFUSED = 403,
    AMQP_NOT_FOUND = 404,
    AMQP_RESOURCE_LOCKED = 405,
    AMQP_PRECONDITION_FAILED = 406,

    AMQP_SUCCESS = 200,
    AMQP_CONNECTION_FORCED = 320,
    AMQP_FRAME_ERROR = 501,
    AMQP_COMMAND_INVALID = 503,
    AMQP_CHANNEL_ERROR = 504,
    AMQP_UNEXPECTED_FRAME = 505,
    AMQP_RESOURCE_ERROR = 506,
    AMQP_NOT_ALLOWED = 530,
    AMQP_NOT_IMPLEMENTED = 540,
    AMQP_INTERNAL_ERROR = 541
};

/* "NOT_FOUND" of 404: a literal. */
const char *amqp_code_name(int code);

/* The bits of the methods that have some, each method's from the lowest. */
enum {
    QUEUE_PASSIVE = 1,
    QUEUE_DURABLE = 2,
    QUEUE_EXCLUSIVE = 4,
    QUEUE_AUTO_DELETE = 8,
    QUEUE_NO_WAIT = 16,
    DELETE_IF_UNUSED = 1,
    DELETE_IF_EMPTY = 2,
    DELETE_NO_WAIT = 4,
    CONSUME_NO_LOCAL = 1,
    CONSUME_NO_ACK = 2,
    CONSUME_EXCLUSIVE = 4,
    CONSUME_NO_WAIT = 8,
    PUBLISH_MANDATORY = 1,
    PUBLISH_IMMEDIATE = 2,
    NACK_MULTIPLE = 1,
    NACK_REQUEUE = 2
};

enum {
    AMQP_METHOD_MAX = 4096 - 8, /* bytes of a method that we write: it fits in
                                   the smallest frame there may be */
    AMQP_SHORT_MAX = 255,       /* bytes of a short string */
    AMQP_TABLE_DEPTH = 8        /* tables in tables, at most */
};

/* Bytes of somebody else's: any bytes, no NUL behind them. */
struct amqp_bytes {
    const char *data;
    size_t length;
};

struct amqp_bytes amqp_text(const char *text);
bool amqp_is(struct amqp_bytes bytes, const char *text);

/* A method's arguments: its numbers in their order, and its strings (tables
 * are strings here) in theirs. amqp_method.c has the list. */
struct amqp_arguments {
    uint64_t numbers[3];
    struct amqp_bytes strings[4];
};

/* Takes a method apart, with nothing missing and nothing left over. Returns 0,
 * or the code to refuse it with: AMQP_FRAME_ERROR; AMQP_NOT_IMPLEMENTED for a
 * method that is not in our list. */
int amqp_method_read(uint32_t *method, struct amqp_arguments *arguments,
                     const char *payload, size_t length);

/* Writes one into `payload`, AMQP_METHOD_MAX bytes. Returns how many these are,
 * or -1 with EMSGSIZE if a string is too long. */
ssize_t amqp_method_write(char *payload, uint32_t method,
                          const struct amqp_arguments *arguments);

/* "queue.declare", for messages; "unknown" if it has no name. */
const char *amqp_method_name(uint32_t method);

/* What both sides say of themselves first: the table with "product" and with
 * "capabilities", the names in that list, which ends with NULL. Writes it into
 * `table`, AMQP_TABLE_MAX bytes, and returns how many it takes. */
enum { AMQP_TABLE_MAX = 512 };
size_t amqp_table_write(char *table, const char *product,
                        const char *const *capabilities);

/* Whether that table of the other side has such a capability. */
bool amqp_table_capable(struct amqp_bytes table, const char *capability);

/* --- for those who read other parts of a frame --- */

/* A reader goes bad at the first thing that is not there, and stays bad: all
 * that it reads then is 0 or empty. So its users ask once, at the end. */
struct amqp_reader {
    const char *next, *end;
    bool bad;
};

uint64_t amqp_read_number(struct amqp_reader *reader, size_t size);
struct amqp_bytes amqp_read_bytes(struct amqp_reader *reader, size_t length);

/* The same bytes after their length, a number of `size` bytes. */
struct amqp_bytes amqp_read_string(struct amqp_reader *reader, size_t size);

/* Writes the number at `to`, `size` bytes, big-endian; returns what follows. */
char *amqp_put_number(char *to, uint64_t number, size_t size);

#endif
