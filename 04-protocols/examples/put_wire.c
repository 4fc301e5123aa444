/* SPDX-License-Identifier: MIT */
#include "examples/put_wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

char *put_wire_header(char *text, const char *name, int64_t size)
{
    char escaped[JSON_ESCAPE_MAX * PUT_WIRE_NAME_MAX + 1];

    sprintf(text,
            "{\"action\": \"put\", \"filename\": \"%s\", "
            "\"filesize\": %" PRId64 "}\r\n",
            json_escape(escaped, name, strnlen(name, PUT_WIRE_NAME_MAX)), size);
    return text;
}

/* An object says itself where it ends, and we know how long a success is;
 * anything else is taken as it comes. */
size_t put_wire_answer(const char *text, size_t length)
{
    static const char success[] = "recv success";
    struct json_object object;
    size_t whole = strlen(success);

    if (length > 0 && *text == '{') {
        enum json_status status = json_parse(&object, text, length);
        if (status == JSON_COMPLETE)
            return object.length;
        return status == JSON_INCOMPLETE ? 0 : length;
    }
    if (memcmp(text, success, length < whole ? length : whole) != 0)
        return length;
    return length < whole ? 0 : whole;
}

bool put_wire_is_confirmation(const char *text, size_t length)
{
    struct json_object object;
    const struct json_value *status;

    if (json_parse(&object, text, length) != JSON_COMPLETE)
        return false;
    status = json_find(&object, "status");
    return status && status->kind == JSON_INTEGER && status->integer == 200;
}
