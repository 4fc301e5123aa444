/* SPDX-License-Identifier: MIT */
#include "http/http_request.h"

#include <string.h>
#include <strings.h>

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_alphanumeric(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

/* Methods and the names of headers are tokens. */
static bool is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_alphanumeric(text[i]) &&
            !memchr("!#$%&'*+-.^_`|~", text[i], 15))
            return false;
    return length > 0;
}

/* No byte of a head is one of these; what terminals do with them is why. */
static bool is_control(char byte)
{
    return (unsigned char)byte < ' ' || byte == 0x7f;
}

/* Whether the text is this word, whatever the case of its letters. */
static bool is_word(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && !strncasecmp(text, word, length);
}

/* 0 to 15, or -1 if it is no hexadecimal digit. */
static int hex_value(char byte)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *digit = memchr(digits, byte, sizeof(digits) - 1);

    return digit ? (int)(digit - digits) % 16 : -1;
}

/* The byte at `text`, of which `length` are left, decoded; -1 if it is none of
 * a path. No name of a file has a NUL or a slash in it, however written. */
static int decode(const char *text, size_t length)
{
    if (*text != '%')
        return (unsigned char)*text;
    int high = length > 2 ? hex_value(text[1]) : -1;
    int low = length > 2 ? hex_value(text[2]) : -1;
    int byte = high < 0 || low < 0 ? 0 : 16 * high + low;

    return byte == 0 || byte == '/' ? -1 : byte;
}

/* path = "/" *( byte / "%" 2 hex ) */
static int take_path(struct http_request *self, const char *text, size_t length)
{
    size_t filled = 0;

    if (length == 0 || *text != '/')
        return 400;
    for (size_t i = 0; i < length; i++) {
        int byte = decode(text + i, length - i);
        if (byte < 0)
            return 400;
        if (filled == HTTP_PATH_MAX)
            return 414;
        self->path[filled++] = (char)byte;
        i += text[i] == '%' ? 2 : 0;
    }
    self->path[filled] = '\0';
    return 0;
}

/* authority = host [ ":" *digit ]; host is a name, an address, or an address in
 * brackets. Whatever has another byte in it is meant for somebody else. */
static bool is_authority(const char *text, size_t length)
{
    const char *end = text + length, *next = text;

    if (next < end && *next == '[') {
        next = memchr(next, ']', (size_t)(end - next));
        if (!next++)
            return false;
        for (const char *byte = text + 1; byte < next - 1; byte++)
            if (!is_alphanumeric(*byte) && *byte != ':' && *byte != '.')
                return false;
    } else {
        while (
            next < end && *next != ':' &&
            (is_alphanumeric(*next) || memchr("-._~!$&'()*+,;=%", *next, 16)))
            next++;
    }
    if (next < end && *next++ != ':')
        return false;
    while (next < end && is_digit(*next))
        next++;
    return next == end;
}

/* query = *byte, behind the path. Only a redirect needs it; one that is too
 * long for that is no reason to refuse the file. */
static void take_query(struct http_request *self, const char *text,
                       size_t length)
{
    self->query_cut = length > HTTP_QUERY_MAX;
    if (self->query_cut)
        return;
    memcpy(self->query, text, length);
    self->query[length] = '\0';
}

/* target = [ "http://" authority ] [ path ] [ "?" query ], where a path may be
 * missing only behind an authority, which proxies are told. */
static int take_target(struct http_request *self, const char *text,
                       size_t length)
{
    static const char scheme[] = "http://";
    const size_t size = sizeof(scheme) - 1;
    const char *end = text + length;

    for (size_t i = 0; i < length; i++)
        if (is_control(text[i]))
            return 400;
    if (length >= size && !strncasecmp(text, scheme, size)) {
        const char *host = text + size;
        for (text = host; text < end && *text != '/' && *text != '?';)
            text++;
        if (text == host || *host == ':' ||
            !is_authority(host, (size_t)(text - host)))
            return 400;
    }
    const char *query = memchr(text, '?', (size_t)(end - text));
    if (query)
        take_query(self, query, (size_t)(end - query));
    size_t path = (size_t)((query ? query : end) - text);
    if (path == 0 && length > (size_t)(end - text))
        return take_path(self, "/", 1);
    return take_path(self, text, path);
}

/* version = "HTTP/" digit "." digit */
static int take_version(struct http_request *self, const char *text,
                        size_t length)
{
    if (length != 8 || memcmp(text, "HTTP/", 5) || !is_digit(text[5]) ||
        text[6] != '.' || !is_digit(text[7]))
        return 400;
    self->minor = text[7] - '0';
    return text[5] == '1' ? 0 : 505;
}

/* Methods are told apart by their case, too. */
static int method_of(const char *text, size_t length)
{
    static const char *const others[] = { "POST",    "PUT",   "DELETE", "PATCH",
                                          "OPTIONS", "TRACE", "CONNECT" };

    if (length == 3 && !memcmp(text, "GET", 3))
        return HTTP_GET;
    if (length == 4 && !memcmp(text, "HEAD", 4))
        return HTTP_HEAD;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (length == strlen(others[i]) && !memcmp(text, others[i], length))
            return HTTP_OTHER;
    return HTTP_UNKNOWN;
}

/* first line = method " " target " " version. What a method that we do not
 * have does with its target is not for us to say. */
static int take_first(struct http_request *self, const char *line,
                      size_t length)
{
    const char *target = memchr(line, ' ', length), *end = line + length;
    const char *version =
        target ? memchr(target + 1, ' ', (size_t)(end - target - 1)) : NULL;

    if (!version || !is_token(line, (size_t)(target - line)))
        return 400;
    int error = take_version(self, version + 1, (size_t)(end - version - 1));
    if (error)
        return error;
    self->method = method_of(line, (size_t)(target++ - line));
    if (self->method != HTTP_GET && self->method != HTTP_HEAD)
        return 0;
    return take_target(self, target, (size_t)(version - target));
}

/* Connection = word *( "," word ), with space anywhere between them. */
static void take_connection(struct http_request *self, const char *value,
                            size_t length)
{
    const char *end = value + length;

    while (value < end) {
        size_t word = 0;
        while (value + word < end && !memchr(", \t", value[word], 3))
            word++;
        self->says_close |= is_word(value, word, "close");
        self->says_keep_alive |= is_word(value, word, "keep-alive");
        value += word + 1;
    }
}

/* How long a body is does not matter to us, but whether there is one. */
static int take_length(struct http_request *self, const char *value,
                       size_t length)
{
    if (self->has_length || length == 0)
        return 400;
    self->has_length = true;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(value[i]))
            return 400;
        self->has_body |= value[i] != '0';
    }
    return 0;
}

static int take_value(struct http_request *self, const char *name, size_t size,
                      const char *value, size_t length)
{
    if (is_word(name, size, "Host")) {
        bool twice = self->has_host;
        self->has_host = true;
        return twice || !is_authority(value, length) ? 400 : 0;
    }
    if (is_word(name, size, "Content-Length"))
        return take_length(self, value, length);
    if (is_word(name, size, "Transfer-Encoding"))
        return 501;
    if (is_word(name, size, "Connection"))
        take_connection(self, value, length);
    if (is_word(name, size, "If-Modified-Since"))
        self->has_since = http_date_parse(value, length, &self->since) == 0;
    if (is_word(name, size, "If-None-Match"))
        self->has_none_match = true;
    return 0;
}

/* header = token ":" value, with space around the value and not the token. */
static int take_header(struct http_request *self, const char *line,
                       size_t length)
{
    const char *colon = memchr(line, ':', length), *end = line + length;

    if (!colon || !is_token(line, (size_t)(colon - line)))
        return 400;
    if (self->lines > HTTP_HEADERS_MAX)
        return 431;
    const char *value = colon + 1;
    for (const char *byte = value; byte < end; byte++)
        if (is_control(*byte) && *byte != '\t')
            return 400;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return take_value(self, line, (size_t)(colon - line), value,
                      (size_t)(end - value));
}

static int take_end(struct http_request *self)
{
    bool wanted = self->minor > 0 || self->says_keep_alive;

    /* Where a body ends and the next request begins: better not to guess. */
    self->keep_alive = wanted && !self->says_close && !self->has_body;
    /* Who asks by a tag does not ask by the date: RFC 9110, 13.1.3. We give no
     * tags, so none is the one of our file. */
    self->has_since &= !self->has_none_match;
    return self->minor > 0 && !self->has_host ? 400 : 0;
}

bool http_request_line(struct http_request *self, const char *line,
                       size_t length)
{
    bool complete = false;

    if (length > 0 && line[length - 1] == '\r')
        length--;
    self->bytes += length + 2;
    if (length > HTTP_LINE_MAX || self->bytes > HTTP_HEAD_MAX) {
        self->error = self->lines == 0 ? 414 : 431;
    } else if (length == 0) { /* in front of a request it means nothing */
        complete = self->lines > 0;
        self->error = complete ? take_end(self) : 0;
    } else {
        self->error = self->lines == 0 ? take_first(self, line, length)
                                       : take_header(self, line, length);
        self->lines++;
    }
    if (self->error)
        self->keep_alive = false;
    return complete || self->error;
}
