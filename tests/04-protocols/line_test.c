/* SPDX-License-Identifier: MIT
 *
 * The line receiver over a string transport: rows B1 to B10, and trap 25. Each
 * case bears the name of its row. No loop, so the poller does not matter.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "framing/line_receiver.h"
#include "protocol/string_transport.h"
#include "unit.h"

enum { SCRIPT_MAX = 4096, LIMIT = 8 };

/* What the protocol heard: "<line>" for a line, "[bytes]" for raw bytes,
 * joined over calls, "!length!" for a line that is too long. */
static char script[SCRIPT_MAX];
static size_t script_length;
static bool raw_is_open;

static void write_down(const char *bytes, size_t length)
{
    CHECK(script_length + length < SCRIPT_MAX);
    memcpy(script + script_length, bytes, length);
    script_length += length;
    script[script_length] = '\0';
}

static void close_raw(void)
{
    if (raw_is_open)
        write_down("]", 1);
    raw_is_open = false;
}

static void forget(void)
{
    script_length = 0;
    script[0] = '\0';
    raw_is_open = false;
}

static bool heard(const char *words, size_t length)
{
    close_raw();
    bool same = script_length == length && !memcmp(script, words, length);

    if (!same)
        fprintf(stderr, "heard '%s' instead of '%s'\n", script, words);
    forget();
    return same;
}

static bool heard_text(const char *words)
{
    return heard(words, strlen(words));
}

struct lines {
    struct line_receiver base;
    size_t raw_left; /* bytes of raw mode */
};

static size_t calls, bytes_seen;
static void (*on_line)(struct lines *self, const char *line, size_t length);

static void line_received(struct line_receiver *base, const char *line,
                          size_t length)
{
    struct lines *self = (struct lines *)base;

    close_raw();
    write_down("<", 1);
    write_down(line, length);
    write_down(">", 1);
    if (length == 4 && !memcmp(line, "raw", 3) && line[3] > '0') {
        self->raw_left = (size_t)(line[3] - '0');
        line_receiver_set_raw_mode(base);
    }
    if (length == 4 && !memcmp(line, "quit", 4))
        transport_lose_connection(base->base.transport);
    if (on_line)
        on_line(self, line, length);
}

static void raw_data_received(struct line_receiver *base, const char *data,
                              size_t length)
{
    struct lines *self = (struct lines *)base;
    size_t taken = length < self->raw_left ? length : self->raw_left;

    CHECK(length > 0);
    if (!raw_is_open)
        write_down("[", 1);
    raw_is_open = true;
    write_down(data, taken);
    self->raw_left -= taken;
    if (self->raw_left == 0)
        line_receiver_set_line_mode(base, length - taken);
}

static void too_long(struct line_receiver *base, const char *data,
                     size_t length)
{
    char text[40];

    (void)base, (void)data;
    snprintf(text, sizeof(text), "!%zu!", length);
    write_down(text, strlen(text));
}

#define LINES_BASE                                                             \
    {                                                                          \
        .name = "Lines", .size = sizeof(struct lines),                         \
        .data_received = line_receiver_data_received,                          \
        .connection_lost = line_receiver_connection_lost,                      \
    }

static const struct line_receiver_class CrLf = {
    .base = LINES_BASE,
    .line_received = line_received,
    .raw_data_received = raw_data_received,
};

static const struct line_receiver_class Lf = {
    .base = LINES_BASE,
    .delimiter = "\n",
    .line_received = line_received,
    .raw_data_received = raw_data_received,
};

static const struct line_receiver_class Short = {
    .base = LINES_BASE,
    .max_length = LIMIT,
    .line_received = line_received,
    .line_length_exceeded = too_long,
};

/* The default for a line that is too long. */
static const struct line_receiver_class ShortAndOut = {
    .base = LINES_BASE,
    .max_length = LIMIT,
    .line_received = line_received,
};

static void count_line(struct line_receiver *base, const char *line,
                       size_t length)
{
    (void)base, (void)line;
    calls++;
    bytes_seen += length;
}

static const struct line_receiver_class Counting = {
    .base = LINES_BASE,
    .max_length = 1 << 26,
    .line_received = count_line,
};

static const struct line_receiver_class CountingDefault = {
    .base = LINES_BASE,
    .line_received = count_line,
};

struct line {
    struct factory factory;
    struct string_transport transport;
};

static void open_line(struct line *line,
                      const struct line_receiver_class *class)
{
    *line = (struct line){ .factory = { .name = "LineFactory",
                                        .protocol = &class->base } };
    CHECK(string_transport_open(&line->transport, &line->factory) == 0);
    on_line = NULL;
    calls = bytes_seen = 0;
    forget();
}

static void close_line(struct line *line)
{
    string_transport_close(&line->transport);
}

static struct lines *lines_of(struct line *line)
{
    return (struct lines *)line->transport.protocol;
}

static void receive(struct line *line, const char *text)
{
    string_transport_receive(&line->transport, text, strlen(text));
}

/* Every cut in two pieces, in three, and into single bytes. */
static void check_cuts(const struct line_receiver_class *class,
                       const char *input, size_t length, const char *output,
                       size_t output_length)
{
    struct line line;

    for (size_t i = 0; i <= length; i++)
        for (size_t j = i; j <= length; j++) {
            open_line(&line, class);
            string_transport_receive(&line.transport, input, i);
            string_transport_receive(&line.transport, input + i, j - i);
            string_transport_receive(&line.transport, input + j, length - j);
            CHECK(heard(output, output_length));
            close_line(&line);
        }
    open_line(&line, class);
    for (size_t i = 0; i < length; i++)
        string_transport_receive(&line.transport, input + i, 1);
    CHECK(heard(output, output_length));
    close_line(&line);
}

/* "output" may hold NUL bytes, too. */
#define CUTS(class, input, output)                                             \
    check_cuts(class, input, sizeof(input) - 1, output, sizeof(output) - 1)

static void B1_B2_any_cut(const char *poller)
{
    (void)poller;
    CUTS(&CrLf, "a\r\nb\r\n", "<a><b>");
    CUTS(&CrLf, "\r\n\r\n\r\n", "<><><>");
    CUTS(&CrLf, "lone\rCR\r\nlone\nLF\r\n\r\r\n\n\r\n",
         "<lone\rCR><lone\nLF><\r><\n>");
    CUTS(&CrLf, "nul\0nul\r\n\0\r\n", "<nul\0nul><\0>");
    CUTS(&CrLf, "no end\r", "");
    CUTS(&CrLf, "\xff\xfe\r\n\r\r\r\n", "<\xff\xfe><\r\r>");
    CUTS(&Lf, "a\nb\r\n\n\n\rc\n\0\n", "<a><b\r><><><\rc><\0>");
    CUTS(&Lf, "no end", "");
}

static void B7_raw_mode_any_cut(const char *poller)
{
    (void)poller;
    CUTS(&CrLf, "raw3\r\nabcd\r\nraw1\r\n\nlast\r\n",
         "<raw3>[abc]<d><raw1>[\n]<last>");
    CUTS(&CrLf, "raw2\r\n\r\n\r\nraw1\r\nxraw1\r\nyz\r\n",
         "<raw2>[\r\n]<><raw1>[x]<raw1>[y]<z>");
    CUTS(&Lf, "raw5\nhello\nnext\nraw9\nno end",
         "<raw5>[hello]<><next><raw9>[no end]");
}

/* Nothing is left of the segment: no call with nothing. */
static void B7_no_empty_call(const char *poller)
{
    struct line line;

    (void)poller;
    open_line(&line, &CrLf);
    receive(&line, "raw3\r\n");
    CHECK(!raw_is_open);
    receive(&line, "abc");
    receive(&line, "d\r\n");
    CHECK(heard_text("<raw3>[abc]<d>"));
    close_line(&line);
}

static void B3_the_limit(const char *poller)
{
    struct line line;

    (void)poller;
    open_line(&line, &Short);
    receive(&line, "1234567\r\n12345678\r\n");
    CHECK(heard_text("<1234567><12345678>"));
    receive(&line, "123456789\r\n");
    CHECK(heard_text("!11!"));
    receive(&line, "after\r\n");
    CHECK(heard_text("<after>"));
    receive(&line, "a\r\n123456789\r\nb\r\n"); /* B5 */
    CHECK(heard_text("<a>!14!"));
    close_line(&line);
    open_line(&line, &ShortAndOut);
    receive(&line, "12345678\r\n");
    CHECK(!line.transport.disconnecting);
    receive(&line, "123456789\r\nmore\r\n");
    CHECK(line.transport.disconnecting && !line.transport.aborted);
    receive(&line, "more\r\n");
    CHECK(heard_text("<12345678>"));
    close_line(&line);
}

static void B3_the_default_limit(const char *poller)
{
    static char text[16384 + 3];
    struct line line;

    (void)poller;
    memset(text, 'x', sizeof(text));
    for (int extra = -1; extra <= 1; extra++) {
        open_line(&line, &CountingDefault);
        size_t length = (size_t)(16384 + extra);
        string_transport_receive(&line.transport, text, length);
        receive(&line, "\r\n");
        CHECK(calls == (extra <= 0));
        CHECK(line.transport.disconnecting == (extra > 0));
        close_line(&line);
        open_line(&line, &CountingDefault);
        for (size_t i = 0; i < length; i++)
            string_transport_receive(&line.transport, text + i, 1);
        receive(&line, "\r\n");
        CHECK(calls == (extra <= 0));
        CHECK(line.transport.disconnecting == (extra > 0));
        close_line(&line);
    }
}

static void B4_trap25_the_delimiter_does_not_count(const char *poller)
{
    struct line line;

    (void)poller;
    open_line(&line, &Short);
    receive(&line, "12345678\r");
    CHECK(heard_text(""));
    receive(&line, "\n");
    CHECK(heard_text("<12345678>"));
    receive(&line, "123456789");
    CHECK(heard_text(""));
    receive(&line, "0");
    CHECK(heard_text("!10!"));
    close_line(&line);
}

static void B6_trap25_nothing_after_quit(const char *poller)
{
    struct line line;

    (void)poller;
    open_line(&line, &CrLf);
    receive(&line, "a\r\nquit\r\nx\r\ny");
    CHECK(heard_text("<a><quit>"));
    receive(&line, "z\r\n");
    CHECK(heard_text(""));
    close_line(&line);
}

static size_t depth;

static void inject(struct lines *self, const char *line, size_t length)
{
    CHECK(++depth == 1); /* no recursion */
    if (length == 6 && !memcmp(line, "inject", 6))
        line_receiver_data_received(&self->base.base, "new\r\n", 5);
    depth--;
}

static void B9_trap25_injected_bytes_come_last(const char *poller)
{
    struct line line;

    (void)poller;
    open_line(&line, &CrLf);
    on_line = inject;
    receive(&line, "inject\r\na\r\nb\r\n");
    CHECK(heard_text("<inject><a><b><new>"));
    receive(&line, "inject\r\na\r\nhalf");
    CHECK(heard_text("<inject><a><halfnew>"));
    close_line(&line);
}

static void pause_at_p(struct lines *self, const char *line, size_t length)
{
    if (length > 0 && line[0] == 'p')
        line_receiver_pause(&self->base);
    if (length > 1 && line[1] == 'r')
        line_receiver_resume(&self->base);
}

static void B10_pause_and_resume(const char *poller)
{
    struct line line;

    (void)poller;
    open_line(&line, &CrLf);
    on_line = pause_at_p;
    receive(&line, "a\r\np\r\nb\r\nc\r\np\r\nd\r\nhal");
    CHECK(line.transport.paused);
    CHECK(heard_text("<a><p>"));
    receive(&line, "f\r\n"); /* what was on its way already */
    CHECK(heard_text(""));
    line_receiver_resume(&lines_of(&line)->base);
    CHECK(heard_text("<b><c><p>"));
    line_receiver_resume(&lines_of(&line)->base);
    CHECK(!line.transport.paused);
    CHECK(heard_text("<d><half>"));
    receive(&line, "pr\r\ne\r\npr\r\nf\r\n"); /* both in one callback */
    CHECK(heard_text("<pr><e><pr><f>"));
    close_line(&line);
}

static void B10_paused_at_the_end(const char *poller)
{
    struct line line;

    (void)poller;
    open_line(&line, &CrLf);
    on_line = pause_at_p;
    receive(&line, "p\r\nlost\r\n");
    CHECK(heard_text("<p>"));
    close_line(&line);
    CHECK(heard_text(""));
}

static void send_line(const char *poller)
{
    struct line line;

    (void)poller;
    open_line(&line, &CrLf);
    line_receiver_send_line(&lines_of(&line)->base, "a\0b", 3);
    line_receiver_send_line(&lines_of(&line)->base, "", 0);
    CHECK(buffer_length(&line.transport.written) == 7);
    CHECK(!memcmp(buffer_data(&line.transport.written), "a\0b\r\n\r\n", 7));
    close_line(&line);
    open_line(&line, &Lf);
    line_receiver_send_line(&lines_of(&line)->base, "x", 1);
    CHECK(buffer_length(&line.transport.written) == 2);
    close_line(&line);
}

static const struct line_receiver_class NoLines = { .base = LINES_BASE };
static const struct line_receiver_class NoData = {
    .base = { .name = "NoData", .size = sizeof(struct lines) },
    .line_received = line_received,
};

/* Whether the first line in or out ends a process with these words. */
static bool ends_with_a_word(const struct line_receiver_class *class,
                             const char *words)
{
    char text[1024] = "";
    struct line line;
    int status, ends[2];

    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        open_line(&line, class);
        receive(&line, "a\r\n");
        line_receiver_send_line(&lines_of(&line)->base, "a", 1);
        _exit(0);
    }
    close(ends[1]);
    CHECK(read(ends[0], text, sizeof(text) - 1) >= 0);
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
           strstr(text, words);
}

static void a_class_that_is_not_complete(const char *poller)
{
    (void)poller;
    CHECK(ends_with_a_word(&NoLines, "needs line_received"));
    CHECK(ends_with_a_word(&NoData, "needs line_receiver_data_received"));
}

/* --- depth and speed --- */

static void flip(struct line_receiver *base, const char *line, size_t length)
{
    (void)line, (void)length;
    CHECK(depth == 0);
    calls++;
    line_receiver_set_raw_mode(base);
}

static void flop(struct line_receiver *base, const char *data, size_t length)
{
    (void)data;
    CHECK(++depth == 1);
    line_receiver_set_line_mode(base, length - 1);
    depth--;
}

static const struct line_receiver_class Flipping = {
    .base = LINES_BASE,
    .delimiter = "\n",
    .line_received = flip,
    .raw_data_received = flop,
};

/* In one segment of the size that a connection delivers. */
static void B8_no_recursion(const char *poller)
{
    static char text[65536];
    struct line line;

    (void)poller;
    open_line(&line, &Flipping);
    memset(text, '\n', sizeof(text));
    string_transport_receive(&line.transport, text, sizeof(text));
    CHECK(calls == sizeof(text) / 2);
    close_line(&line);
}

static void long_line(size_t length)
{
    static char piece[1000];
    struct line line;

    memset(piece, 'x', sizeof(piece));
    open_line(&line, &Counting);
    for (size_t i = 0; i < length; i += sizeof(piece))
        string_transport_receive(&line.transport, piece, sizeof(piece));
    CHECK(calls == 0);
    receive(&line, "\r\n");
    CHECK(calls == 1 && bytes_seen == length);
    close_line(&line);
}

static void long_line_in_linear_time(const char *poller)
{
    (void)poller;
    CHECK(unit_linear(long_line, 200000));
}

static void empty_lines(size_t count)
{
    static char text[2 * 65536];
    struct line line;

    for (size_t i = 0; i < 2 * count; i++)
        text[i] = "\r\n"[i % 2];
    open_line(&line, &Counting);
    string_transport_receive(&line.transport, text, 2 * count);
    CHECK(calls == count && bytes_seen == 0);
    close_line(&line);
}

static void many_empty_lines(const char *poller)
{
    (void)poller;
    CHECK(unit_linear(empty_lines, 8192));
}

static void no_memory(const char *poller)
{
    struct line line;

    (void)poller;
    for (int i = 0; i < 12; i++) {
        open_line(&line, &CrLf);
        on_line = inject;
        unit_fail_allocation(i);
        receive(&line, "inject\r\nraw3\r\nabcd\r\nha");
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        CHECK(line.transport.aborted == failed);
        receive(&line, "lf\r\n");
        CHECK(failed || !strcmp(script, "<inject><raw3>[abc]<d><hanew><lf>"));
        close_line(&line);
    }
}

static struct protocol *nobody(struct factory *self, const struct address *peer,
                               struct failure *reason)
{
    (void)self, (void)peer, (void)reason;
    return NULL;
}

static const struct protocol_class Mute = {
    .name = "Mute",
    .size = sizeof(struct protocol),
};

static void string_transport_itself(const char *poller)
{
    struct factory none = { .name = "None", .build_protocol = nobody };
    struct factory mute = { .name = "MuteFactory", .protocol = &Mute };
    struct string_transport transport;

    (void)poller;
    CHECK(string_transport_open(&transport, &none) < 0);
    string_transport_close(&transport);
    CHECK(string_transport_open(&transport, &mute) == 0);
    transport_write_text(&transport.base, "hello");
    CHECK(transport_queued(&transport.base) == 5);
    buffer_clear(&transport.written);
    transport_lose_connection(&transport.base);
    CHECK(transport_disconnecting(&transport.base) && !transport.aborted);
    string_transport_close(&transport);
    string_transport_receive(&transport, "too late", 8);
    string_transport_close(&transport);
}

/* A class without data_received ignores it. */
static void string_transport_ignores(const char *poller)
{
    struct factory mute = { .name = "MuteFactory", .protocol = &Mute };
    struct string_transport transport;

    (void)poller;
    CHECK(string_transport_open(&transport, &mute) == 0);
    string_transport_receive(&transport, "hello", 5);
    string_transport_close(&transport);
}

static const struct unit_case cases[] = {
    { "B1_B2_any_cut", B1_B2_any_cut },
    { "B3_B5_the_limit", B3_the_limit },
    { "B3_the_default_limit", B3_the_default_limit },
    { "B4_trap25_the_delimiter_does_not_count",
      B4_trap25_the_delimiter_does_not_count },
    { "B6_trap25_nothing_after_quit", B6_trap25_nothing_after_quit },
    { "B7_B8_raw_mode_any_cut", B7_raw_mode_any_cut },
    { "B7_no_empty_call", B7_no_empty_call },
    { "B8_no_recursion", B8_no_recursion },
    { "B9_trap25_injected_bytes_come_last",
      B9_trap25_injected_bytes_come_last },
    { "B10_pause_and_resume", B10_pause_and_resume },
    { "B10_paused_at_the_end", B10_paused_at_the_end },
    { "long_line_in_linear_time", long_line_in_linear_time },
    { "many_empty_lines", many_empty_lines },
    { "send_line", send_line },
    { "a_class_that_is_not_complete", a_class_that_is_not_complete },
    { "no_memory", no_memory },
    { "string_transport_itself", string_transport_itself },
    { "string_transport_ignores", string_transport_ignores },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
