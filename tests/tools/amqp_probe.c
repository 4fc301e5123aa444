/* SPDX-License-Identifier: MIT
 *
 * amqp_probe - a raw peer of an AMQP broker: says what it is told, right or
 * wrong, and prints what comes. It knows nothing of our sources.
 *
 *   amqp_probe PORT STEP...
 *
 *   login            the greeting and the hand-shake, up to open-ok
 *   raw=HEX          these bytes
 *   ID=C:ARGUMENTS   a method on channel C, as 50.10=1:w0,sname,b0,t; the
 *                    arguments are o b w l q and a number, of 1, 1, 2, 4, 8
 *                    bytes; s and S and text, a short or a long string; t, an
 *                    empty table; x and HEX
 *   head=C:SIZE      a content header without properties
 *   body=C:TEXT      a body frame
 *   frame=T:C:HEX    any frame
 *   fill=C:SIZE      body frames of so many bytes in all
 *   get=N            prints the next N frames, or the end of the connection
 *   end              prints frames until the connection ends
 *   pause=MS         waits
 *   quiet=MS         nothing may come for so long
 *
 * One line a frame: the channel, the method, its arguments. What no two
 * brokers do alike is left out: their properties, names that they make, and
 * the text of an error behind its name. A connection that ends is "end".
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 1 << 20, DEADLINE = 10 /* seconds */ };

static int fd;
static unsigned char out[FRAME_MAX], in[FRAME_MAX];
static size_t length; /* of out */

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "amqp_probe: %s\n", what);
    exit(1);
}

/* What a broker that has closed does not take is not of interest. */
static void flush(void)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t now = send(fd, out + sent, length - sent, MSG_NOSIGNAL);
        if (now < 0)
            break;
        sent += (size_t)now;
    }
    length = 0;
}

static void put(uint64_t number, int size)
{
    for (int i = size - 1; i >= 0; i--)
        out[length++] = (unsigned char)(number >> (8 * i));
}

static void put_bytes(const char *bytes, size_t size)
{
    memcpy(out + length, bytes, size);
    length += size;
}

static void put_hex(const char *hex)
{
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        put(byte, 1);
}

/* --- frames out --- */

static size_t begin_frame(int type, unsigned channel)
{
    put((uint64_t)type, 1);
    put(channel, 2);
    put(0, 4);
    return length;
}

static void end_frame(size_t start)
{
    size_t size = length - start;

    length = start - 4;
    put(size, 4);
    length += size;
    put(0xce, 1);
    flush();
}

static void put_argument(const char *text)
{
    static const char kinds[] = "obwlq";
    static const int sizes[] = { 1, 1, 2, 4, 8 };
    const char *kind = strchr(kinds, *text);

    if (kind)
        put(strtoull(text + 1, NULL, 10), sizes[kind - kinds]);
    else if (*text == 't')
        put(0, 4);
    else if (*text == 'x')
        put_hex(text + 1);
    else {
        put(strlen(text + 1), *text == 's' ? 1 : 4);
        put_bytes(text + 1, strlen(text + 1));
    }
}

static void send_method(unsigned class, unsigned method, unsigned channel,
                        char *arguments)
{
    size_t start = begin_frame(1, channel);

    put(class, 2);
    put(method, 2);
    for (char *next = strtok(arguments, ","); next; next = strtok(NULL, ","))
        put_argument(next);
    end_frame(start);
}

/* --- frames in --- */

static bool receive(unsigned char *to, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t now = recv(fd, to + got, size - got, 0);
        if (now < 0 && errno == EAGAIN)
            fail("deadline");
        if (now <= 0)
            return false;
        got += (size_t)now;
    }
    return true;
}

static uint64_t number(const unsigned char **next, int size)
{
    uint64_t value = 0;

    while (size-- > 0)
        value = value << 8 | *(*next)++;
    return value;
}

static void print_string(const unsigned char **next, char kind)
{
    size_t size = (size_t)number(next, kind == 's' ? 1 : 4);
    const char *text = (const char *)*next;
    const char *dash = size > 3 ? strstr(text, " - ") : NULL;

    *next += size;
    if (size > 4 && !memcmp(text, "amq.", 4))
        size = 7; /* amq.gen, amq.cta */
    else if (dash && dash < text + size)
        size = (size_t)(dash - text);
    printf(" '%.*s'", (int)size, text);
}

static void print_method(unsigned channel, const unsigned char *payload)
{
    static const struct {
        unsigned class, method;
        const char *name, *arguments;
    } methods[] = {
        { 10, 10, "start", "" },      { 10, 30, "tune", "" },
        { 10, 41, "open-ok", "s" },   { 10, 50, "close", "wsww" },
        { 10, 51, "close-ok", "" },   { 10, 60, "blocked", "s" },
        { 10, 61, "unblocked", "" },  { 20, 11, "open-ok", "" },
        { 20, 21, "flow-ok", "b" },   { 20, 40, "close", "wsww" },
        { 20, 41, "close-ok", "" },   { 50, 11, "declare-ok", "sll" },
        { 50, 31, "purge-ok", "l" },  { 50, 41, "delete-ok", "l" },
        { 60, 11, "qos-ok", "" },     { 60, 21, "consume-ok", "s" },
        { 60, 30, "cancel", "sb" },   { 60, 31, "cancel-ok", "s" },
        { 60, 50, "return", "wsss" }, { 60, 60, "deliver", "sqbss" },
    };
    const unsigned char *next = payload;
    unsigned class = (unsigned)number(&next, 2);
    unsigned method = (unsigned)number(&next, 2);

    printf("%u", channel);
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        if (methods[i].class != class || methods[i].method != method)
            continue;
        printf(" %s", methods[i].name);
        for (const char *kind = methods[i].arguments; *kind; kind++)
            if (*kind == 's' || *kind == 'S')
                print_string(&next, *kind);
            else
                printf(" %llu",
                       (unsigned long long)number(&next, *kind == 'b'   ? 1
                                                         : *kind == 'w' ? 2
                                                         : *kind == 'l' ? 4
                                                                        : 8));
        putchar('\n');
        return;
    }
    printf(" %u.%u\n", class, method);
}

/* False at the end of the connection. */
static bool print_frame(bool quiet)
{
    const unsigned char *next = in;

    do {
        next = in;
        if (!receive(in, 7)) {
            puts("end");
            return false;
        }
        if (!memcmp(in, "AMQP", 4)) {
            receive(in + 7, 1);
            printf("AMQP %u %u %u %u\n", in[4], in[5], in[6], in[7]);
            return true;
        }
    } while (*in == 8 && receive(in, 1)); /* heartbeats come when they like */
    unsigned type = (unsigned)number(&next, 1);
    unsigned channel = (unsigned)number(&next, 2);
    size_t size = (size_t)number(&next, 4);
    if (size >= FRAME_MAX || !receive(in, size + 1) || in[size] != 0xce)
        fail("bad frame");
    if (quiet)
        return true;
    if (type == 1)
        print_method(channel, in);
    else if (type == 3)
        printf("%u body '%.*s'\n", channel, (int)(size < 40 ? size : 40),
               (const char *)in);
    else {
        printf("%u head ", channel);
        for (size_t i = 4; i < size; i++)
            printf("%02x", in[i]);
        putchar('\n');
    }
    return true;
}

/* --- steps --- */

static void log_in(void)
{
    put_bytes("AMQP\0\0\x09\x01", 8);
    flush();
    print_frame(true);
    /* capabilities: { connection.blocked, consumer_cancel_notify,
     * authentication_failure_close: true } */
    size_t frame = begin_frame(1, 0);
    put(10 << 16 | 11, 4);
    size_t table = length;
    put(0, 4);
    put_bytes("\x0c"
              "capabilitiesF",
              14);
    size_t inner = length;
    put(0, 4);
    put_bytes("\x12"
              "connection.blockedt\1",
              21);
    put_bytes("\x16"
              "consumer_cancel_notifyt\1",
              25);
    put_bytes("\x1c"
              "authentication_failure_closet\1",
              31);
    size_t end = length;
    length = inner, put(end - inner - 4, 4);
    length = table, put(end - table - 4, 4);
    length = end;
    put_argument("sPLAIN");
    put(12, 4);
    put_bytes("\0guest\0guest", 12);
    put_argument("sen_US");
    end_frame(frame);
    print_frame(true);
    char tune_ok[] = "w100,l131072,w0", vhost[] = "s/,s,b0";
    send_method(10, 31, 0, tune_ok);
    send_method(10, 40, 0, vhost);
    print_frame(true);
}

static void fill(unsigned channel, unsigned long long left)
{
    enum { PART = 100000 };

    for (size_t size; left > 0; left -= size) {
        size_t start = begin_frame(3, channel);
        size = left < PART ? (size_t)left : PART;
        memset(out + length, 'x', size);
        length += size;
        end_frame(start);
    }
}

static void step(char *text)
{
    unsigned class, method, channel, type;
    char *value = strchr(text, '='), *rest;
    int end = 0;

    value = value ? value + 1 : text + strlen(text);
    rest = strchr(value, ':');
    rest = rest ? rest + 1 : value + strlen(value);
    channel = (unsigned)strtoul(value, NULL, 10);
    if (!strcmp(text, "login"))
        log_in();
    else if (!strncmp(text, "raw=", 4))
        put_hex(value), flush();
    else if (sscanf(text, "%u.%u=%n", &class, &method, &end) == 2 && end)
        send_method(class, method, channel, rest);
    else if (!strncmp(text, "head=", 5)) {
        size_t start = begin_frame(2, channel);
        put(60, 2), put(0, 2), put(strtoull(rest, NULL, 10), 8), put(0, 2);
        end_frame(start);
    } else if (!strncmp(text, "body=", 5)) {
        size_t start = begin_frame(3, channel);
        put_bytes(rest, strlen(rest));
        end_frame(start);
    } else if (sscanf(text, "frame=%u:%u:%n", &type, &channel, &end) == 2) {
        size_t start = begin_frame((int)type, channel);
        put_hex(text + end);
        end_frame(start);
    } else if (!strncmp(text, "get=", 4)) {
        for (unsigned i = 0; i < channel && print_frame(false); i++)
            ;
    } else if (!strcmp(text, "end")) {
        while (print_frame(false))
            ;
    } else if (!strncmp(text, "fill=", 5)) {
        fill(channel, strtoull(rest, NULL, 10));
    } else if (!strncmp(text, "pause=", 6)) {
        poll(NULL, 0, (int)channel);
    } else if (!strncmp(text, "quiet=", 6)) {
        if (poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, (int)channel) != 0)
            fail("not quiet");
    } else
        fail(text);
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    const struct timeval deadline = { DEADLINE, 0 };

    if (argc < 2)
        fail("PORT is wanted");
    to.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        fail("cannot connect");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 2; i < argc; i++)
        step(argv[i]);
    return 0;
}
