/* SPDX-License-Identifier: MIT
 *
 * What a client takes for an answer of the put_server, piece by piece; and the
 * header that it writes, with the input for a name.
 */
#include "examples/put_wire.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static size_t answer(const char *text, size_t length)
{
    char *copy = fuzz_copy(text, length);
    size_t result = put_wire_answer(copy, length);

    CHECK(result <= length && (result > 0 || length < PUT_WIRE_ANSWER_MAX));
    CHECK(!put_wire_is_confirmation(copy, result) || memchr(copy, '{', result));
    free(copy);
    return result;
}

static void check_header(const char *data, size_t length)
{
    struct json_object object;
    char name[PUT_WIRE_NAME_MAX + 2] = "", text[PUT_WIRE_HEADER_MAX];
    int64_t size = (int64_t)length << length % 48;

    memcpy(name, data, length < sizeof(name) ? length : sizeof(name) - 1);
    put_wire_header(text, name, size);
    name[PUT_WIRE_NAME_MAX] = '\0';
    CHECK(strlen(text) < sizeof(text) &&
          strcspn(text, "\n") + 1 == strlen(text));
    CHECK(json_parse(&object, text, strlen(text)) == JSON_COMPLETE);
    const struct json_value *action = json_find(&object, "action");
    const struct json_value *filename = json_find(&object, "filename");
    const struct json_value *filesize = json_find(&object, "filesize");
    CHECK(object.count == 3 && action && filename && filesize);
    CHECK(!strcmp(action->text, "put") && !strcmp(filename->text, name));
    CHECK(filesize->integer == size);
}

/* Once there is an answer it stays, but what is no answer of ours is taken as
 * far as it has come. */
void fuzz_one(const struct fuzz_input *input)
{
    size_t whole = answer(input->data, input->length);

    for (size_t cut = 0, i = 0; cut < input->length; i++) {
        size_t early = answer(input->data, cut);
        CHECK(early == 0 || early == cut || early == whole);
        CHECK(early > 0 || whole == 0 || whole > cut);
        size_t size = fuzz_cut(input, i), left = input->length - cut;
        cut += size == 0 ? 1 : size < left ? size : left;
    }
    check_header(input->data, input->length);
}
