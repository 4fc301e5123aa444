/* SPDX-License-Identifier: MIT */
#include "amqp/amqp_content.h"

#include <errno.h>
#include <string.h>

enum {
    BASIC_CLASS = 60,        /* the class of all methods that have content */
    CORRELATION_ID = 0x0400, /* flags */
    REPLY_TO = 0x0200,
    UNUSED = 0x0002,
    MORE_FLAGS = 0x0001
};

ssize_t amqp_header_write(char *header,
                          const struct amqp_properties *properties,
                          size_t body_length)
{
    const struct amqp_bytes *const strings[] = { &properties->correlation_id,
                                                 &properties->reply_to };
    unsigned flags = 0;
    char *next = amqp_put_number(header, BASIC_CLASS, 2);

    next = amqp_put_number(next, 0, 2);
    next = amqp_put_number(next, body_length, 8) + 2;
    for (int i = 0; i < 2; i++) {
        if (strings[i]->length > AMQP_SHORT_MAX) {
            errno = EMSGSIZE;
            return -1;
        }
        if (strings[i]->length == 0)
            continue;
        flags |= i == 0 ? CORRELATION_ID : REPLY_TO;
        next = amqp_put_number(next, strings[i]->length, 1);
        memcpy(next, strings[i]->data, strings[i]->length);
        next += strings[i]->length;
    }
    amqp_put_number(header + 12, flags, 2);
    return next - header;
}

/* content-type, content-encoding, headers, delivery-mode, priority,
 * correlation-id, reply-to, expiration, message-id, timestamp, type, user-id,
 * app-id, cluster-id: the flags from the highest to 0x0004. */
bool amqp_header_read(struct amqp_bytes header,
                      struct amqp_properties *properties)
{
    static const char kinds[] = "sstoossssqssss";
    struct amqp_reader reader = { header.data, header.data + header.length,
                                  false };

    *properties = (struct amqp_properties){ 0 };
    amqp_read_bytes(&reader, 12);
    unsigned flags = (unsigned)amqp_read_number(&reader, 2);
    for (int i = 0; kinds[i]; i++) {
        unsigned flag = 0x8000u >> i;
        struct amqp_bytes value = { 0 };
        if (!(flags & flag))
            continue;
        if (kinds[i] == 's' || kinds[i] == 't')
            value = amqp_read_string(&reader, kinds[i] == 's' ? 1 : 4);
        else
            amqp_read_bytes(&reader, kinds[i] == 'o' ? 1 : 8);
        if (flag == CORRELATION_ID)
            properties->correlation_id = value;
        if (flag == REPLY_TO)
            properties->reply_to = value;
    }
    return !reader.bad && reader.next == reader.end &&
           !(flags & (UNUSED | MORE_FLAGS));
}

void amqp_content_begin(struct amqp_content *content)
{
    amqp_content_clear(content);
    content->expects = CONTENT_HEADER;
}

static int receive_header(struct amqp_content *content,
                          const struct amqp_frame *frame, uint64_t most)
{
    struct amqp_reader reader = { frame->payload,
                                  frame->payload + frame->length, false };
    struct amqp_properties properties;
    bool basic = amqp_read_number(&reader, 2) == BASIC_CLASS;

    amqp_read_number(&reader, 2);
    content->left = amqp_read_number(&reader, 8);
    if (!reader.bad && !basic)
        return AMQP_UNEXPECTED_FRAME;
    if (!amqp_header_read((struct amqp_bytes){ frame->payload, frame->length },
                          &properties))
        return AMQP_FRAME_ERROR;
    content->dropped = content->left > most;
    content->expects = content->left > 0 ? CONTENT_BODY : CONTENT_NONE;
    return buffer_append(&content->header, frame->payload, frame->length) < 0
               ? AMQP_RESOURCE_ERROR
               : 0;
}

int amqp_content_receive(struct amqp_content *content,
                         const struct amqp_frame *frame, uint64_t most)
{
    if (frame->type == AMQP_FRAME_HEADER && content->expects == CONTENT_HEADER)
        return receive_header(content, frame, most);
    /* More than was announced is an error of the peer's, and to take it would
     * be one of ours: `left` would wrap around. */
    if (frame->type != AMQP_FRAME_BODY || content->expects != CONTENT_BODY ||
        frame->length > content->left)
        return AMQP_UNEXPECTED_FRAME;
    content->left -= frame->length;
    if (content->left == 0)
        content->expects = CONTENT_NONE;
    if (!content->dropped &&
        buffer_append(&content->body, frame->payload, frame->length) < 0)
        return AMQP_RESOURCE_ERROR;
    return 0;
}

static struct amqp_bytes bytes_of(const struct buffer *buffer)
{
    size_t length = buffer_length(buffer);

    return (struct amqp_bytes){ length > 0 ? buffer_data(buffer) : "", length };
}

struct amqp_bytes amqp_content_header(const struct amqp_content *content)
{
    return bytes_of(&content->header);
}

struct amqp_bytes amqp_content_body(const struct amqp_content *content)
{
    return bytes_of(&content->body);
}

void amqp_content_clear(struct amqp_content *content)
{
    buffer_clear(&content->header);
    buffer_clear(&content->body);
    *content = (struct amqp_content){ 0 };
}
