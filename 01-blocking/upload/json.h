/* SPDX-License-Identifier: MIT
 *
 * json.h - the strings and integers of one JSON object, out of bytes that
 * arrive piece by piece, and a string back into JSON.
 *
 * Bytes in, values out: nothing here does I/O, allocates or remembers, so
 * that any server can use it. An object owns copies of its strings; the bytes
 * that it was parsed from may go.
 */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdint.h>

enum {
    JSON_HEADER_MAX = 4096, /* bytes of an object and the space before it */
    JSON_MEMBERS_MAX = 16,  /* members of the object */
    JSON_DEPTH_MAX = 32,    /* objects and arrays in one another */
    JSON_ESCAPE_MAX = 6     /* bytes that one byte of text can become */
};

enum json_status {
    JSON_COMPLETE,   /* the object is there; what follows it is not ours */
    JSON_INCOMPLETE, /* so far so good: ask again when more has arrived */
    JSON_MALFORMED   /* whatever may follow, this is no object for us */
};

enum json_kind {
    JSON_STRING,
    JSON_INTEGER,
    JSON_OTHER /* some other value; it was read, what it was is not kept */
};

struct json_value {
    enum json_kind kind;
    const char *text; /* JSON_STRING: decoded, a NUL behind it */
    size_t length;    /* its bytes; more than strlen(text) if it has a NUL */
    int64_t integer;  /* JSON_INTEGER: what does not fit becomes the limit */
};

struct json_member {
    struct json_value key; /* a JSON_STRING */
    struct json_value value;
};

/* Do not copy it: its values point into `text`. */
struct json_object {
    struct json_member members[JSON_MEMBERS_MAX];
    size_t count;               /* how many there are */
    size_t length;              /* bytes read, with space and braces */
    const char *error;          /* JSON_MALFORMED: a literal that says why */
    char text[JSON_HEADER_MAX]; /* the strings; each took two quotes there
                                 * and takes one NUL here, so it suffices */
};

/* Reads an object from the first bytes of `text`. Call it with everything
 * since the beginning each time: the answer depends on the bytes alone, never
 * on how they were cut. JSON_HEADER_MAX bytes without an end are malformed. */
enum json_status json_parse(struct json_object *object, const char *text,
                            size_t length);

/* The value of a key, or NULL. Of two equal keys the last counts. */
const struct json_value *json_find(const struct json_object *object,
                                   const char *key);

/* Writes `text` to `to` as it stands between the quotes of a JSON string,
 * and a NUL behind it; no control byte is left. There must be room for
 * JSON_ESCAPE_MAX * length + 1 bytes. Returns `to`. */
char *json_escape(char *to, const char *text, size_t length);

#endif
