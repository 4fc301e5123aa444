/* SPDX-License-Identifier: MIT
 *
 * JSON headers: the same answer however much of what follows is there, and an
 * object that is written again reads the same.
 */
#include "upload/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* Each byte of text may become JSON_ESCAPE_MAX, each member some more. */
enum { WRITTEN_MAX = JSON_ESCAPE_MAX * JSON_HEADER_MAX + 1024 };

static enum json_status parse(struct json_object *object, const char *text,
                              size_t length)
{
    char *copy = fuzz_copy(text, length);

    memset(object, 0x5a, sizeof(*object));
    enum json_status status = json_parse(object, copy, length);
    free(copy);
    CHECK(object->count <= JSON_MEMBERS_MAX && object->length <= length &&
          object->length <= JSON_HEADER_MAX);
    CHECK((status == JSON_MALFORMED) == (object->error != NULL));
    return status;
}

/* Returns where it ends. */
static char *write_value(char *to, const struct json_value *value)
{
    if (value->kind == JSON_INTEGER)
        return to + sprintf(to, "%" PRId64, value->integer);
    if (value->kind == JSON_OTHER)
        return to + sprintf(to, "[{}, null]");
    CHECK(value->text[value->length] == '\0');
    *to = '"';
    json_escape(to + 1, value->text, value->length);
    return strcat(to, "\"") + strlen(to);
}

static void write_object(char *to, const struct json_object *object)
{
    for (size_t i = 0; i < object->count; i++) {
        *to++ = i == 0 ? '{' : ',';
        to = write_value(to, &object->members[i].key);
        *to++ = ':';
        to = write_value(to, &object->members[i].value);
    }
    strcpy(to, object->count == 0 ? "{}" : "}");
}

static void check_again(const struct json_object *object)
{
    static struct json_object again;
    static char first[WRITTEN_MAX], second[WRITTEN_MAX];

    write_object(first, object);
    if (strlen(first) > JSON_HEADER_MAX)
        return;
    CHECK(parse(&again, first, strlen(first)) == JSON_COMPLETE);
    CHECK(again.length == strlen(first));
    write_object(second, &again);
    CHECK(!strcmp(first, second));
    for (size_t i = 0; i < object->count; i++)
        CHECK(json_find(&again, object->members[i].key.text) ||
              memchr(object->members[i].key.text, '\0',
                     object->members[i].key.length));
}

void fuzz_one(const struct fuzz_input *input)
{
    static struct json_object object, early;
    enum json_status status = parse(&object, input->data, input->length), soon;

    for (size_t cut = 0, i = 0; cut < input->length; i++) {
        soon = parse(&early, input->data, cut);
        CHECK(soon == JSON_INCOMPLETE || soon == status);
        CHECK(status != JSON_COMPLETE ||
              (soon == JSON_COMPLETE) == (cut >= object.length));
        size_t size = fuzz_cut(input, i), left = input->length - cut;
        cut += size == 0 ? 1 : size < left ? size : left;
    }
    if (status == JSON_COMPLETE)
        check_again(&object);
}
