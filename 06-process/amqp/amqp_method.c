/* SPDX-License-Identifier: MIT
 *
 * amqp_method.c - the list of methods, and one reader and one writer for all
 * of them.
 */
#include "amqp/amqp_method.h"

#include <errno.h>
#include <string.h>

/* The arguments of each method, a letter each:
 *
 *     o w l q   a number of 1, 2, 4 or 8 bytes, big-endian, unsigned
 *     b         one byte of bits, the first argument in the lowest
 *     s         a short string: its length in 1 byte, then its bytes
 *     S         a long string: its length in 4 bytes, then its bytes
 *     t         a table: its length in 4 bytes, then name, type, value...
 *
 * The numbers (o w l q b) go to amqp_arguments.numbers, the others to
 * .strings, each in the order of this list. Methods without letters exist, and
 * we have not got them: a peer that uses one is told its name. */
static const struct {
    uint32_t method;
    const char *name;
    const char *arguments; /* NULL: not for us */
} methods[] = {
    { CONNECTION_START, "connection.start", "ootSS" }, /* version, properties,
                                                  mechanisms, locales */
    { CONNECTION_START_OK, "connection.start-ok", "tsSs" }, /* properties,
                                             mechanism, response, locale */
    { AMQP_METHOD(10, 20), "connection.secure", NULL },
    { CONNECTION_TUNE, "connection.tune", "wlw" }, /* channel-max, frame-max,
                                                      heartbeat */
    { CONNECTION_TUNE_OK, "connection.tune-ok", "wlw" },
    { CONNECTION_OPEN, "connection.open", "ssb" }, /* virtual host */
    { CONNECTION_OPEN_OK, "connection.open-ok", "s" },
    { CONNECTION_CLOSE, "connection.close", "wsww" }, /* code, text, class and
                                                         method at fault */
    { CONNECTION_CLOSE_OK, "connection.close-ok", "" },
    { CONNECTION_BLOCKED, "connection.blocked", "s" }, /* reason */
    { CONNECTION_UNBLOCKED, "connection.unblocked", "" },
    { AMQP_METHOD(10, 70), "connection.update-secret", NULL },
    { CHANNEL_OPEN, "channel.open", "s" },
    { CHANNEL_OPEN_OK, "channel.open-ok", "S" },
    { CHANNEL_FLOW, "channel.flow", "b" },
    { CHANNEL_FLOW_OK, "channel.flow-ok", "b" },
    { CHANNEL_CLOSE, "channel.close", "wsww" },
    { CHANNEL_CLOSE_OK, "channel.close-ok", "" },
    { AMQP_METHOD(40, 10), "exchange.declare", NULL },
    { AMQP_METHOD(40, 20), "exchange.delete", NULL },
    { AMQP_METHOD(40, 30), "exchange.bind", NULL },
    { QUEUE_DECLARE, "queue.declare", "wsbt" }, /* 0, queue, bits, arguments */
    { QUEUE_DECLARE_OK, "queue.declare-ok", "sll" }, /* queue, messages,
                                                        consumers */
    { AMQP_METHOD(50, 20), "queue.bind", NULL },
    { QUEUE_PURGE, "queue.purge", "wsb" },
    { QUEUE_PURGE_OK, "queue.purge-ok", "l" },
    { QUEUE_DELETE, "queue.delete", "wsb" },
    { QUEUE_DELETE_OK, "queue.delete-ok", "l" },
    { AMQP_METHOD(50, 50), "queue.unbind", NULL },
    { BASIC_QOS, "basic.qos", "lwb" }, /* size, count, global */
    { BASIC_QOS_OK, "basic.qos-ok", "" },
    { BASIC_CONSUME, "basic.consume", "wssbt" }, /* 0, queue, tag, bits */
    { BASIC_CONSUME_OK, "basic.consume-ok", "s" },
    { BASIC_CANCEL, "basic.cancel", "sb" }, /* tag, no-wait */
    { BASIC_CANCEL_OK, "basic.cancel-ok", "s" },
    { BASIC_PUBLISH, "basic.publish", "wssb" }, /* 0, exchange, key, bits */
    { BASIC_RETURN, "basic.return", "wsss" },   /* code, text, exchange, key */
    { BASIC_DELIVER, "basic.deliver",
      "sqbss" }, /* consumer's tag, delivery's
               tag, redelivered, exchange, key */
    { AMQP_METHOD(60, 70), "basic.get", NULL },
    { BASIC_ACK, "basic.ack", "qb" },       /* delivery's tag, multiple */
    { BASIC_REJECT, "basic.reject", "qb" }, /* delivery's tag, requeue */
    { AMQP_METHOD(60, 100), "basic.recover-async", NULL },
    { AMQP_METHOD(60, 110), "basic.recover", NULL },
    { BASIC_NACK, "basic.nack", "qb" }, /* delivery's tag, bits */
    { AMQP_METHOD(85, 10), "confirm.select", NULL },
    { AMQP_METHOD(90, 10), "tx.select", NULL },
    { AMQP_METHOD(90, 20), "tx.commit", NULL },
    { AMQP_METHOD(90, 30), "tx.rollback", NULL },
};

enum { METHODS = sizeof(methods) / sizeof(*methods) };

struct amqp_bytes amqp_text(const char *text)
{
    return (struct amqp_bytes){ text, strlen(text) };
}

bool amqp_is(struct amqp_bytes bytes, const char *text)
{
    return bytes.length == strlen(text) &&
           !memcmp(bytes.data, text, bytes.length);
}

const char *amqp_code_name(int code)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        { AMQP_CONTENT_TOO_LARGE, "CONTENT_TOO_LARGE" },
        { AMQP_NO_ROUTE, "NO_ROUTE" },
        { AMQP_CONNECTION_FORCED, "CONNECTION_FORCED" },
        { AMQP_ACCESS_REFUSED, "ACCESS_REFUSED" },
        { AMQP_NOT_FOUND, "NOT_FOUND" },
        { AMQP_RESOURCE_LOCKED, "RESOURCE_LOCKED" },
        { AMQP_PRECONDITION_FAILED, "PRECONDITION_FAILED" },
        { AMQP_FRAME_ERROR, "FRAME_ERROR" },
        { AMQP_COMMAND_INVALID, "COMMAND_INVALID" },
        { AMQP_CHANNEL_ERROR, "CHANNEL_ERROR" },
        { AMQP_UNEXPECTED_FRAME, "UNEXPECTED_FRAME" },
        { AMQP_RESOURCE_ERROR, "RESOURCE_ERROR" },
        { AMQP_NOT_ALLOWED, "NOT_ALLOWED" },
        { AMQP_NOT_IMPLEMENTED, "NOT_IMPLEMENTED" },
        { AMQP_INTERNAL_ERROR, "INTERNAL_ERROR" },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].code == code)
            return names[i].name;
    return "another reason";
}

/* --- reading --- */

/* The one place where a length is compared with what is there. It is never
 * added to a pointer before: whoever sends may say any number. */
struct amqp_bytes amqp_read_bytes(struct amqp_reader *reader, size_t length)
{
    struct amqp_bytes bytes = { "", 0 };

    if (reader->bad || length > (size_t)(reader->end - reader->next)) {
        reader->bad = true;
        return bytes;
    }
    bytes = (struct amqp_bytes){ reader->next, length };
    reader->next += length;
    return bytes;
}

uint64_t amqp_read_number(struct amqp_reader *reader, size_t size)
{
    struct amqp_bytes bytes = amqp_read_bytes(reader, size);
    uint64_t number = 0;

    for (size_t i = 0; i < bytes.length; i++)
        number = number << 8 | (unsigned char)bytes.data[i];
    return number;
}

struct amqp_bytes amqp_read_string(struct amqp_reader *reader, size_t size)
{
    return amqp_read_bytes(reader, (size_t)amqp_read_number(reader, size));
}

static struct amqp_reader reader_of(struct amqp_bytes bytes)
{
    return (struct amqp_reader){ bytes.data, bytes.data + bytes.length, false };
}

/* A value that is a table or an array has values in it, which may again have
 * some: a peer could make us call ourselves until the stack is full, were it
 * not for the depth. */
static struct amqp_bytes read_value(struct amqp_reader *reader, char type,
                                    int depth)
{
    static const char types[] = "tbBsuUIifldTD";
    static const char sizes[] = { 1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8, 5 };
    const char *place = type ? strchr(types, type) : NULL;

    if (place)
        return amqp_read_bytes(reader, (size_t)sizes[place - types]);
    if (type == 'V')
        return amqp_read_bytes(reader, 0);
    struct amqp_bytes value = amqp_read_string(reader, 4);
    struct amqp_reader inner = reader_of(value);
    if (type == 'F' || type == 'A') {
        while (depth > 0 && !inner.bad && inner.next < inner.end) {
            if (type == 'F')
                amqp_read_string(&inner, 1); /* the name */
            char kind = (char)amqp_read_number(&inner, 1);
            read_value(&inner, kind, depth - 1);
        }
        reader->bad |= inner.bad || inner.next < inner.end;
    } else if (type != 'S' && type != 'x') {
        reader->bad = true; /* how long it is, nobody knows */
    }
    return value;
}

/* The value of that name and type in a table, or none. */
static struct amqp_bytes find_value(struct amqp_bytes table, const char *name,
                                    char type)
{
    struct amqp_reader reader = reader_of(table);

    while (!reader.bad && reader.next < reader.end) {
        struct amqp_bytes found = amqp_read_string(&reader, 1);
        char kind = (char)amqp_read_number(&reader, 1);
        struct amqp_bytes value = read_value(&reader, kind, AMQP_TABLE_DEPTH);
        if (!reader.bad && kind == type && amqp_is(found, name))
            return value;
    }
    return (struct amqp_bytes){ "", 0 };
}

bool amqp_table_capable(struct amqp_bytes table, const char *capability)
{
    struct amqp_bytes flag =
        find_value(find_value(table, "capabilities", 'F'), capability, 't');

    return flag.length > 0 && *flag.data;
}

/* Bytes of a number of this kind; 0: it is no number. */
static size_t number_size(char letter)
{
    return letter == 'o' || letter == 'b' ? 1
           : letter == 'w'                ? 2
           : letter == 'l'                ? 4
           : letter == 'q'                ? 8
                                          : 0;
}

static size_t find_method(uint32_t method)
{
    size_t i = 0;

    while (i < METHODS && methods[i].method != method)
        i++;
    return i;
}

const char *amqp_method_name(uint32_t method)
{
    size_t i = find_method(method);

    return i < METHODS ? methods[i].name : "unknown";
}

int amqp_method_read(uint32_t *method, struct amqp_arguments *arguments,
                     const char *payload, size_t length)
{
    struct amqp_reader reader = { payload, payload + length, false };
    int numbers = 0, strings = 0;

    *method = (uint32_t)amqp_read_number(&reader, 4);
    *arguments = (struct amqp_arguments){ 0 };
    if (reader.bad)
        return AMQP_FRAME_ERROR;
    size_t i = find_method(*method);
    if (i == METHODS || !methods[i].arguments)
        return AMQP_NOT_IMPLEMENTED;
    for (const char *letter = methods[i].arguments; *letter; letter++) {
        size_t size = number_size(*letter);
        if (size > 0)
            arguments->numbers[numbers++] = amqp_read_number(&reader, size);
        else if (*letter == 't')
            arguments->strings[strings++] =
                read_value(&reader, 'F', AMQP_TABLE_DEPTH);
        else
            arguments->strings[strings++] =
                amqp_read_string(&reader, *letter == 's' ? 1 : 4);
    }
    return reader.bad || reader.next < reader.end ? AMQP_FRAME_ERROR : 0;
}

/* --- writing --- */

char *amqp_put_number(char *to, uint64_t number, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        to[i - 1] = (char)(number & 0xff);
        number >>= 8;
    }
    return to + size;
}

static char *put_string(char *to, struct amqp_bytes string, size_t size)
{
    to = amqp_put_number(to, string.length, size);
    if (string.length > 0) /* memcpy must not be given NULL */
        memcpy(to, string.data, string.length);
    return to + string.length;
}

ssize_t amqp_method_write(char *payload, uint32_t method,
                          const struct amqp_arguments *arguments)
{
    const uint64_t *number = arguments->numbers;
    const struct amqp_bytes *string = arguments->strings;
    char *next = amqp_put_number(payload, method, 4);

    for (const char *letter = methods[find_method(method)].arguments; *letter;
         letter++) {
        size_t left = (size_t)(payload + AMQP_METHOD_MAX - next);
        size_t size = number_size(*letter), room = size;
        if (size == 0) {
            size = *letter == 's' ? 1 : 4;
            room = size + string->length; /* both are far from overflowing */
        }
        if (room > left ||
            (*letter == 's' && string->length > AMQP_SHORT_MAX)) {
            errno = EMSGSIZE;
            return -1;
        }
        next = number_size(*letter) ? amqp_put_number(next, *number++, size)
                                    : put_string(next, *string++, size);
    }
    return next - payload;
}

/* NAME TYPE, before a value. */
static char *put_name(char *to, const char *name, char type)
{
    to = put_string(to, amqp_text(name), 1);
    *to++ = type;
    return to;
}

size_t amqp_table_write(char *table, const char *product,
                        const char *const *capabilities)
{
    char *next = put_name(table, "product", 'S');

    next = put_string(next, amqp_text(product), 4);
    next = put_name(next, "capabilities", 'F');
    char *inner = next + 4;
    for (next = inner; *capabilities; capabilities++) {
        next = put_name(next, *capabilities, 't');
        *next++ = 1;
    }
    amqp_put_number(inner - 4, (uint64_t)(next - inner), 4);
    return (size_t)(next - table);
}
