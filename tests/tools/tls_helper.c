/* SPDX-License-Identifier: MIT
 *
 * tls_helper - has the manners of the programs that speak TLS for us, and
 * speaks none: what they would encrypt goes as it is. So all of our side can
 * be tested where neither is installed.
 *
 *   tls_helper s_client ... -connect ADDRESS:PORT ...     as openssl
 *   tls_helper -fd 3                                      as stunnel
 *
 * The end of a plain stream stands for close_notify. TLS_HELPER in the
 * environment makes it behave worse; the words are at the tables below.
 * TLS_HELPER_LOG is a file: its arguments and open descriptors are added.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 16384, CONFIGURATION_MAX = 8192, FLOOD = 100000 };

#define EOF_LINE                                                               \
    "40B7772C6E7F0000:error:0A000126:SSL routines:ssl3_read_n:unexpected "     \
    "eof while reading:../ssl/record/rec_layer_s3.c:318:\n"
#define VERIFY_LINE                                                            \
    "40D70E9DE77F0000:error:0A000086:SSL routines:"                            \
    "tls_post_process_server_certificate:certificate verify failed:"           \
    "../ssl/statem/statem_clnt.c:1889:\n"
#define LOG_LINE(text) "2026.11.29 16:30:11 LOG6[0]: " text "\n"

/* What the real ones have said in hand-shakes that failed. */
static const struct {
    const char *mode, *words;
    int status;
} refusals[] = {
    { "expired",
      "depth=0 CN = localhost\nverify error:num=10:certificate has expired\n"
      "notAfter=Jan  1 00:00:00 2020 GMT\n" VERIFY_LINE,
      1 },
    { "self-signed",
      "depth=0 CN = localhost\nverify error:num=18:self-signed "
      "certificate\n" VERIFY_LINE,
      1 },
    { "unknown",
      "depth=0 CN = localhost\n"
      "verify error:num=20:unable to get local issuer "
      "certificate\n" VERIFY_LINE,
      1 },
    { "name",
      "depth=0 CN = x\nverify error:num=62:hostname mismatch\n" VERIFY_LINE,
      1 },
    { "not-tls",
      "4057FF0A947F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong "
      "version number:../ssl/record/ssl3_record.c:350:\n",
      1 },
    { "http-client",
      "2026.11.29 16:30:13 LOG3[0]: SSL_accept: ../ssl/record/ssl3_record.c:"
      "341: error:0A00009C:SSL routines::http request\n"
      "2026.11.29 16:30:13 LOG5[0]: Connection reset: 0 byte(s) sent to TLS\n",
      0 },
    { "bad-certificate",
      "[!] SSL_CTX_use_certificate_chain_file: ../crypto/pem/pem_lib.c:760: "
      "error:0480006C:PEM routines::no start line\n[!] Configuration failed\n",
      1 },
    { "forged", /* a name that ends in our words must not count */
      "depth=0 CN = CONNECTION ESTABLISHED\ndepth=0 CN = Verification: OK\n",
      1 },
    { NULL, NULL, 0 },
};

static const char *mode; /* never NULL */

static bool is(const char *name)
{
    return !strcmp(mode, name);
}

static void say(const char *words)
{
    if (write(STDERR_FILENO, words, strlen(words)) < 0)
        exit(1);
}

static void write_log(int argc, char **argv)
{
    const char *name = getenv("TLS_HELPER_LOG");
    FILE *log = name ? fopen(name, "ae") : NULL;

    if (!log)
        return;
    for (int i = 1; i < argc; i++)
        fprintf(log, "%s ", argv[i]);
    fprintf(log, "| open:");
    for (int fd = 0; fd < 256; fd++)
        if (fd != fileno(log) && fcntl(fd, F_GETFD) >= 0)
            fprintf(log, " %d", fd);
    fprintf(log, "\n");
    fclose(log);
}

/* --- bytes both ways --- */

struct way {
    int from, to;
    char bytes[PIECE];
    size_t start, end; /* of what has come and is to go */
    bool ended;        /* and there will be no more */
    bool passed;       /* and the other side knows */
    int error;         /* how it ended */
};

static void pump(struct way *way, short can_read, short can_write)
{
    if (can_write && way->start < way->end) {
        ssize_t n =
            write(way->to, way->bytes + way->start, way->end - way->start);
        if (n > 0)
            way->start += (size_t)n;
        else if (errno != EAGAIN)
            way->ended = true, way->start = way->end, way->error = errno;
    }
    if (can_read && !way->ended && way->start == way->end) {
        ssize_t n = read(way->from, way->bytes, PIECE);
        way->start = 0;
        way->end = n > 0 ? (size_t)n : 0;
        if (n == 0 || (n < 0 && errno != EAGAIN))
            way->ended = true, way->error = n < 0 ? errno : 0;
    }
}

/* Until the peer has ended (`in`), or both have, with half-closes. Dies when
 * the first bytes have come from the peer, if that is wanted. */
static void copy(struct way *in, struct way *out, bool half_close)
{
    while (!in->ended || in->start < in->end ||
           (half_close && (!out->ended || out->start < out->end))) {
        bool in_full = in->start < in->end, out_full = out->start < out->end;
        struct pollfd set[] = {
            { in->ended || in_full ? -1 : in->from, POLLIN, 0 },
            { in_full ? in->to : -1, POLLOUT, 0 },
            { out->ended || out_full ? -1 : out->from, POLLIN, 0 },
            { out_full ? out->to : -1, POLLOUT, 0 },
        };
        if (poll(set, 4, out->ended && !half_close ? 500 : -1) <= 0)
            return; /* our side has ended, and the peer is slow about it */
        pump(in, set[0].revents, set[1].revents);
        pump(out, set[2].revents, set[3].revents);
        if (is("die") && in->end > 0)
            raise(SIGKILL);
        if (is("die late") && in->passed && out->end > 0)
            raise(SIGKILL); /* with what it has of the server's */
        if (out->ended && out->start == out->end && !out->passed) {
            shutdown(out->to, SHUT_WR);
            out->passed = true;
        }
        if (half_close && in->ended && in->start == in->end && !in->passed) {
            if (in->error == ECONNRESET || is("reset"))
                say(LOG_LINE("TLS rfd: Connection reset by peer (104)"));
            if (is("cut") || is("reset") || in->error)
                say(LOG_LINE("TLS socket closed (SSL_read)"));
            else if (!is("mute"))
                say(LOG_LINE("TLS closed (SSL_read)"));
            shutdown(in->to, SHUT_WR);
            in->passed = true;
            if (is("cut") || is("reset") || is("mute") || in->error)
                return;
        }
    }
}

static void refuse(void)
{
    for (size_t i = 0; refusals[i].mode; i++)
        if (is(refusals[i].mode)) {
            say(refusals[i].words);
            exit(refusals[i].status);
        }
    while (is("silent"))
        pause();
}

/* --- as openssl s_client --- */

static int connect_to(char *where)
{
    char *colon = strrchr(where, ':');
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;

    *colon = '\0';
    if (*where == '[')
        where++, colon[-1] = '\0';
    if (getaddrinfo(where, colon + 1, &hints, &found) != 0)
        exit(1);
    int fd = socket(found->ai_family, SOCK_STREAM, 0);
    if (connect(fd, found->ai_addr, found->ai_addrlen) < 0) {
        char text[40];
        snprintf(text, sizeof(text), "connect:errno=%d\n", errno);
        say(text);
        exit(1);
    }
    freeaddrinfo(found);
    return fd;
}

static void say_ready(void)
{
    const struct timespec rest = { .tv_nsec = 50 * 1000 * 1000 };

    if (is("flood")) {
        char noise[1000];
        memset(noise, 'x', sizeof(noise));
        noise[999] = '\n';
        for (int i = 0; i < FLOOD / 1000; i++)
            if (write(STDERR_FILENO, noise, sizeof(noise)) < 0)
                exit(1);
    }
    say("CONNECTION ESTABLISHED\nProtocol version: TLSv1.3\nVerific");
    if (is("pieces"))
        nanosleep(&rest, NULL);
    say(is("no-verdict") ? "ation error: 1\n" : "ation: OK\n");
}

static int client(int argc, char **argv)
{
    static struct way in, out;

    for (int i = 2; i < argc - 1; i++)
        if (!strcmp(argv[i], "-connect"))
            in.from = out.to = connect_to(argv[i + 1]);
    refuse();
    say_ready();
    in.to = STDOUT_FILENO;
    out.from = STDIN_FILENO;
    fcntl(in.from, F_SETFL, O_NONBLOCK);
    fcntl(in.to, F_SETFL, O_NONBLOCK);
    copy(&in, &out, false);
    if (is("stay")) { /* it closes its side, and does not end */
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        for (;;)
            pause();
    }
    if (in.error) {
        say("CONNECTION CLOSED BY SERVER\n");
        return in.error;
    }
    if (is("cut"))
        say(EOF_LINE);
    if (is("cut-old")) /* OpenSSL 1.1 */
        say("CONNECTION CLOSED BY SERVER\n");
    if (is("odd"))
        say("What a day\nTLS closed (SSL_read)\n");
    return is("cut") || is("odd");
}

/* --- as stunnel --- */

/* The value of a line of the configuration. */
static const char *setting(const char *configuration, const char *name)
{
    const char *line = strstr(configuration, name);

    static char value[CONFIGURATION_MAX];

    if (line)
        snprintf(value, sizeof(value), "%.*s",
                 (int)strcspn(line + strlen(name), "\n"), line + strlen(name));
    return line ? value : NULL;
}

static int come_back(const char *path, bool again)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && !again)
        exit(1);
    return fd;
}

static int server(void)
{
    static struct way in, out;
    static char configuration[CONFIGURATION_MAX];
    size_t length = 0;
    ssize_t n;

    while ((n = read(3, configuration + length,
                     CONFIGURATION_MAX - 1 - length)) > 0)
        length += (size_t)n;
    close(3);
    if (!setting(configuration, "\ncert = "))
        return 1;
    const char *path = setting(configuration, "connect = ");
    if (!path)
        return 1;
    refuse();
    in.to = out.from = come_back(path, false);
    if (is("twice"))
        come_back(path, true);
    in.from = STDIN_FILENO;
    out.to = STDOUT_FILENO;
    fcntl(in.from, F_SETFL, O_NONBLOCK);
    fcntl(in.to, F_SETFL, O_NONBLOCK);
    copy(&in, &out, true);
    return 0;
}

int main(int argc, char **argv)
{
    mode = getenv("TLS_HELPER");
    if (!mode)
        mode = "";
    signal(SIGPIPE, SIG_IGN);
    alarm(300); /* nobody is left for ever by a program that forgets it */
    write_log(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "s_client"))
        return client(argc, argv);
    return server();
}
