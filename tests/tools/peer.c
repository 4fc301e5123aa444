/* SPDX-License-Identifier: MIT
 *
 * peer - the client of the tests, for what bash cannot do.
 *
 *   peer [-n COUNT] [-t SECONDS] [-r RCVBUF] [-u] [-l] [-q] PORT STEP...
 *
 * Opens COUNT TCP connections to 127.0.0.1:PORT (-u: UDP sockets; a PORT with
 * a slash in it: UNIX stream sockets), then does step after step, each on
 * every connection. -t is the deadline for everything, 10 s. With -l a
 * connection that the server ends takes no part in what follows; without, that
 * is an error. With -q what arrives is acknowledged at once; without, when the
 * kernel likes. TEXT may contain \n \r \t \0 \\ \xHH.
 *
 *   send=TEXT    at once; with -u one datagram, which may be empty
 *   drip=TEXT    one byte a segment
 *   flood=BYTES  sends so many bytes of the pattern, reads nothing
 *   urgent=N     N urgent bytes, each by itself
 *   stuff        sends the pattern until nothing was taken for 300 ms
 *   stuff=BYTES  the same, but no more than that: where both kernels are full,
 *                Linux may take two minutes to find that one of them is not
 *   recv=N       receives N bytes and prints them
 *   until=TEXT   receives and prints up to TEXT
 *   eof          receives and prints up to the end of the stream
 *   swallow=N    receives N bytes that must continue the pattern
 *   swallow      the same, as many as flood and stuff have sent till now
 *   exchange=N   floods and swallows N bytes, both at the same time
 *   quiet=MS     nothing may arrive, nor the connection end, for MS ms
 *   reset?       receives anything until a reset or the end of the stream
 *   port         prints the port of our own end and a newline
 *   lap          prints "lap" and the milliseconds since the one before
 *   shutdown     sends the end of our stream, can still receive
 *   close, reset ends the connection, politely or not
 *   pause=MS     waits
 *   hold         waits until standard input ends
 *
 * What arrives beyond the end of a step stays for the next one. The pattern is
 * made of capitals and digits and repeats at no round number.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    PEERS_MAX = 1000,
    CHUNK_MAX = 64 * 1024, /* bytes of one send or recv; any datagram fits */
    DATAGRAM_MAX = 1024,   /* bytes of a datagram that flood sends */
    STUFFED_MS = 300,
    FOREVER_MS = 1000 * 1000 * 1000
};

struct peer {
    int fd; /* -1: closed */
    char *inbox;
    size_t length; /* bytes received and not used yet */
    size_t capacity;
    unsigned long long flooded; /* bytes of the pattern sent, received */
    unsigned long long swallowed;
};

struct run {
    long long deadline; /* ms, monotonic */
    const char *step;   /* as typed, for the error message */
    char *text;         /* what follows its =, decoded */
    size_t length;      /* bytes of the text */
    bool udp, lenient, quick;
    int receive_buffer; /* bytes, 0 for the kernel's choice */
    int count;
    struct peer peers[PEERS_MAX];
};

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

_Noreturn static void usage(const char *why)
{
    fprintf(stderr, "peer: %s; the usage is in tools/peer.c\n", why);
    exit(2);
}

_Noreturn static void fail(const struct run *run, const char *why)
{
    fflush(stdout);
    fprintf(stderr, "peer: step %s: %s\n", run->step, why);
    exit(1);
}

/* Waits for `events` of `fd`; -1 waits for nothing but time. False when `ms`
 * are over; a failure when all the time is. */
static bool wait_for(const struct run *run, int fd, short events, long long ms)
{
    struct pollfd wait = { .fd = fd, .events = events };
    long long end = now_ms() + ms, now;

    do {
        now = now_ms();
        long long left = (end < run->deadline ? end : run->deadline) - now;
        if (poll(&wait, 1, left > 0 ? (int)left : 0) > 0)
            return true;
    } while (now < end && now < run->deadline);
    if (now < end)
        fail(run, "deadline");
    return false;
}

static void use_inbox(struct peer *peer, size_t length, bool print)
{
    if (print && length > 0)
        fwrite(peer->inbox, 1, length, stdout);
    peer->length -= length;
    if (peer->length > 0)
        memmove(peer->inbox, peer->inbox + length, peer->length);
}

static void close_peer(struct peer *peer)
{
    close(peer->fd);
    peer->fd = -1;
}

/* The server ended the connection: fatal, unless we are lenient. What has
 * arrived is printed, it may say why. */
static void lost(struct run *run, struct peer *peer, const char *why)
{
    use_inbox(peer, peer->length, true);
    if (!run->lenient)
        fail(run, why);
    close_peer(peer);
}

/* Receives at most `most` bytes more, waiting for the first. False at the end
 * of the stream, and when the connection is lost: then it is closed, too. */
static bool receive(struct run *run, struct peer *peer, size_t most)
{
    const int on = 1;
    ssize_t n;

    if (run->udp || most > CHUNK_MAX)
        most = CHUNK_MAX;
    if (peer->capacity < peer->length + most) {
        peer->capacity = 2 * peer->capacity + most;
        peer->inbox = realloc(peer->inbox, peer->capacity);
        if (!peer->inbox)
            fail(run, "out of memory");
    }
    while ((n = recv(peer->fd, peer->inbox + peer->length, most, 0)) < 0) {
        if (errno != EAGAIN) {
            lost(run, peer, strerror(errno));
            return false;
        }
        if (now_ms() >= run->deadline)
            lost(run, peer, "deadline");
        if (peer->fd < 0)
            fail(run, "deadline");
        if (run->quick) /* the kernel forgets it */
            setsockopt(peer->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
        wait_for(run, peer->fd, POLLIN, run->deadline - now_ms());
    }
    peer->length += (size_t)n;
    return n > 0 || run->udp;
}

/* Like receive, but the end of the stream is too early. */
static bool receive_more(struct run *run, struct peer *peer, size_t most)
{
    if (receive(run, peer, most))
        return true;
    if (peer->fd >= 0)
        lost(run, peer, "connection closed by the server");
    return false;
}

/* Sends what the kernel takes at once. Returns how much, 0 also when the
 * connection is lost. */
static size_t send_some(struct run *run, struct peer *peer, const char *data,
                        size_t length)
{
    ssize_t n = send(peer->fd, data, length, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN)
        lost(run, peer, strerror(errno));
    return n > 0 ? (size_t)n : 0;
}

static void send_all(struct run *run, struct peer *peer, const char *data,
                     size_t length)
{
    while (length > 0 && peer->fd >= 0) {
        wait_for(run, peer->fd, POLLOUT, FOREVER_MS);
        size_t n = send_some(run, peer, data, length);
        data += n;
        length -= n;
    }
}

static char pattern_at(unsigned long long i)
{
    return "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(i + i / 1021) % 36];
}

/* Sends up to `most` bytes of the pattern. Returns how many. */
static size_t flood_some(struct run *run, struct peer *peer,
                         unsigned long long most)
{
    char chunk[CHUNK_MAX];
    size_t length = run->udp ? DATAGRAM_MAX : CHUNK_MAX;

    if (most < length)
        length = (size_t)most;
    for (size_t i = 0; i < length; i++)
        chunk[i] = pattern_at(peer->flooded + i);
    length = send_some(run, peer, chunk, length);
    peer->flooded += length;
    return length;
}

/* Checks up to `most` bytes of the inbox. Returns how many. */
static size_t swallow_some(struct run *run, struct peer *peer,
                           unsigned long long most)
{
    size_t length = most < peer->length ? (size_t)most : peer->length;
    char why[80];

    for (size_t i = 0; i < length; i++, peer->swallowed++)
        if (peer->inbox[i] != pattern_at(peer->swallowed)) {
            snprintf(why, sizeof(why), "byte %llu is not the one sent",
                     peer->swallowed);
            fail(run, why);
        }
    use_inbox(peer, length, false);
    return length;
}

static unsigned long long number(const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9' || *end)
        usage("a number is missing");
    return value;
}

static void step_send(struct run *run, struct peer *peer)
{
    if (run->udp) /* never in two pieces, and no piece is one, too */
        send_some(run, peer, run->text, run->length);
    else
        send_all(run, peer, run->text, run->length);
}

static void step_drip(struct run *run, struct peer *peer)
{
    /* Long enough for a server that waits to see the byte alone. */
    const struct timespec pause = { .tv_nsec = 200 * 1000 };

    for (size_t i = 0; i < run->length; i++) {
        send_all(run, peer, run->text + i, 1);
        nanosleep(&pause, NULL);
    }
}

static void step_flood(struct run *run, struct peer *peer)
{
    unsigned long long left = number(run->text);

    while (left > 0 && peer->fd >= 0) {
        wait_for(run, peer->fd, POLLOUT, FOREVER_MS);
        left -= flood_some(run, peer, left);
    }
}

static void step_urgent(struct run *run, struct peer *peer)
{
    for (unsigned long long i = number(run->text); i > 0; i--)
        if (peer->fd >= 0 && send(peer->fd, "!", 1, MSG_OOB | MSG_NOSIGNAL) < 0)
            lost(run, peer, strerror(errno));
}

static void step_stuff(struct run *run, struct peer *peer)
{
    const unsigned long long most =
        run->length ? number(run->text) : ULLONG_MAX;
    const unsigned long long before = peer->flooded;
    long long taken = now_ms();

    /* Tries again all the time: POLLOUT would wait until a third is free. */
    while (peer->fd >= 0 && now_ms() - taken < STUFFED_MS &&
           peer->flooded - before < most) {
        if (now_ms() >= run->deadline)
            fail(run, "deadline");
        if (flood_some(run, peer, CHUNK_MAX) > 0)
            taken = now_ms();
        else
            wait_for(run, -1, 0, 10);
    }
}

static void step_recv(struct run *run, struct peer *peer)
{
    size_t wanted = (size_t)number(run->text);

    while (peer->length < wanted)
        if (!receive_more(run, peer, wanted - peer->length))
            return;
    use_inbox(peer, wanted, true);
}

static void step_until(struct run *run, struct peer *peer)
{
    for (size_t end = run->length;; end++) {
        while (peer->length < end)
            if (!receive_more(run, peer, CHUNK_MAX))
                return;
        if (!memcmp(peer->inbox + end - run->length, run->text, run->length)) {
            use_inbox(peer, end, true);
            return;
        }
    }
}

static void step_eof(struct run *run, struct peer *peer)
{
    while (receive(run, peer, CHUNK_MAX))
        use_inbox(peer, peer->length, true);
    use_inbox(peer, peer->length, true);
}

static void step_swallow(struct run *run, struct peer *peer)
{
    unsigned long long left =
        run->length > 0 ? number(run->text) : peer->flooded - peer->swallowed;

    for (left -= swallow_some(run, peer, left); left > 0;
         left -= swallow_some(run, peer, left))
        if (!receive_more(run, peer, left < CHUNK_MAX ? left : CHUNK_MAX))
            return;
}

static void step_exchange(struct run *run, struct peer *peer)
{
    unsigned long long to_send = number(run->text), to_receive = to_send;

    while (to_receive > 0 && peer->fd >= 0) {
        wait_for(run, peer->fd, to_send > 0 ? POLLIN | POLLOUT : POLLIN,
                 FOREVER_MS);
        if (wait_for(run, peer->fd, POLLIN, 0)) {
            if (!receive_more(run, peer, CHUNK_MAX))
                return;
            to_receive -= swallow_some(run, peer, to_receive);
        }
        if (to_send > 0)
            to_send -= flood_some(run, peer, to_send);
    }
}

/* Once for all connections. One that is lost stays so. */
static void step_quiet(struct run *run, struct peer *peers)
{
    long long end = now_ms() + (long long)number(run->text);
    struct pollfd wait[PEERS_MAX];

    do {
        for (int i = 0; i < run->count; i++) {
            if (peers[i].length > 0) {
                use_inbox(&peers[i], peers[i].length, true);
                fail(run, "something has arrived");
            }
            wait[i] = (struct pollfd){ .fd = peers[i].fd, .events = POLLIN };
        }
        long long left = end - now_ms();
        if (poll(wait, (nfds_t)run->count, left > 0 ? (int)left : 0) <= 0)
            continue;
        for (int i = 0; i < run->count; i++)
            if (wait[i].fd >= 0 && wait[i].revents)
                receive_more(run, &peers[i], CHUNK_MAX);
    } while (now_ms() < end);
}

static void step_reset_seen(struct run *run, struct peer *peer)
{
    bool lenient = run->lenient;

    run->lenient = true;
    do {
        use_inbox(peer, peer->length, false);
    } while (receive(run, peer, CHUNK_MAX));
    run->lenient = lenient;
    if (peer->fd >= 0)
        close_peer(peer);
}

static void step_port(struct run *run, struct peer *peer)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);

    if (getsockname(peer->fd, (struct sockaddr *)&address, &size) < 0)
        fail(run, strerror(errno));
    printf("%d\n", ntohs(address.sin_port));
}

static void step_lap(struct run *run, struct peer *peer)
{
    static long long before;
    long long now = now_ms();

    (void)run;
    (void)peer;
    printf("\nlap %lld\n", before ? now - before : 0);
    before = now;
}

static void step_shutdown(struct run *run, struct peer *peer)
{
    if (shutdown(peer->fd, SHUT_WR) < 0)
        lost(run, peer, strerror(errno));
}

static void step_close(struct run *run, struct peer *peer)
{
    (void)run;
    close_peer(peer);
}

static void step_reset(struct run *run, struct peer *peer)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    (void)run;
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close_peer(peer);
}

static void step_pause(struct run *run, struct peer *peers)
{
    (void)peers;
    wait_for(run, -1, 0, (long long)number(run->text));
}

static void step_hold(struct run *run, struct peer *peers)
{
    char ignored[256];

    (void)peers;
    do {
        wait_for(run, STDIN_FILENO, POLLIN, FOREVER_MS);
    } while (read(STDIN_FILENO, ignored, sizeof(ignored)) > 0);
}

static const struct step {
    const char *name; /* with its = if a value must follow */
    void (*run)(struct run *, struct peer *);
    bool once; /* gets all connections, not one after the other */
} steps[] = {
    // clang-format off
    { "send=", step_send, false },        { "drip=", step_drip, false },
    { "flood=", step_flood, false },      { "stuff", step_stuff, false },
    { "stuff=", step_stuff, false },
    { "recv=", step_recv, false },        { "until=", step_until, false },
    { "swallow=", step_swallow, false },  { "swallow", step_swallow, false },
    { "exchange=", step_exchange, false }, { "eof", step_eof, false },
    { "reset?", step_reset_seen, false }, { "port", step_port, false },
    { "shutdown", step_shutdown, false }, { "close", step_close, false },
    { "reset", step_reset, false },       { "quiet=", step_quiet, true },
    { "pause=", step_pause, true },       { "hold", step_hold, true },
    { "urgent=", step_urgent, false },    { "lap", step_lap, false },
    // clang-format on
};

static const struct step *find_step(const char *typed)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        const char *name = steps[i].name;
        size_t length = strlen(name);
        if (name[length - 1] == '=' ? !strncmp(typed, name, length)
                                    : !strcmp(typed, name))
            return &steps[i];
    }
    usage("there is no such step");
}

/* Decodes `text` to `out`, which has room for it. Returns the length. */
static size_t decode(char *out, const char *text)
{
    static const char letters[] = "nrt0\\", meant[] = "\n\r\t\0\\";
    size_t length = 0;

    for (; *text; text++) {
        char hex[3] = { 0 }, *end = hex, byte = *text;
        if (byte == '\\') {
            const char *found = *++text ? strchr(letters, *text) : NULL;
            if (found) {
                byte = meant[found - letters];
            } else {
                if (*text == 'x')
                    byte = (char)strtol(strncpy(hex, text + 1, 2), &end, 16);
                if (end != hex + 2)
                    usage("there is no such escape");
                text += 2;
            }
        }
        out[length++] = byte;
    }
    out[length] = '\0';
    return length;
}

static void run_step(struct run *run, const char *typed)
{
    const struct step *step = find_step(typed);

    run->step = typed;
    run->text = malloc(strlen(typed) + 1);
    if (!run->text)
        fail(run, "out of memory");
    run->length = decode(run->text, typed + strlen(step->name));
    if (step->once)
        step->run(run, run->peers);
    for (int i = 0; !step->once && i < run->count; i++) {
        if (run->peers[i].fd >= 0)
            step->run(run, &run->peers[i]);
        else if (!run->lenient)
            fail(run, "this connection is closed");
    }
    free(run->text);
    fflush(stdout);
}

static int connect_to(const struct run *run, const struct sockaddr *address,
                      socklen_t length)
{
    const int on = 1;
    int error = 0;
    socklen_t size = sizeof(error);

    int fd = socket(address->sa_family, run->udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        fail(run, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (run->receive_buffer)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &run->receive_buffer,
                   sizeof(run->receive_buffer));
    while (connect(fd, address, length) < 0 && errno != EINPROGRESS) {
        if (errno != EAGAIN) /* a UNIX socket whose backlog is full */
            fail(run, strerror(errno));
        wait_for(run, -1, 0, 10);
    }
    wait_for(run, fd, POLLOUT, FOREVER_MS);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error && error != ECONNRESET) /* that one is for the first step */
        fail(run, strerror(error));
    return fd;
}

/* One after the other: together they would overrun a short backlog, and the
 * kernel waits a second before it knocks again. */
static void open_peers(struct run *run, const char *port)
{
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    bool is_path = strchr(port, '/') != NULL;

    if (is_path && strlen(port) < sizeof(un.sun_path))
        strcpy(un.sun_path, port);
    else
        in.sin_port = htons((in_port_t)number(port));
    for (int i = 0; i < run->count; i++)
        run->peers[i].fd =
            is_path ? connect_to(run, (struct sockaddr *)&un, sizeof(un))
                    : connect_to(run, (struct sockaddr *)&in, sizeof(in));
}

int main(int argc, char **argv)
{
    static struct run run = { .step = "connect", .count = 1 };
    struct rlimit limit;
    long long seconds = 10;
    int option;

    while ((option = getopt(argc, argv, "n:t:r:ulq")) != -1) {
        if (option == 'n')
            run.count = (int)number(optarg);
        else if (option == 't')
            seconds = (long long)number(optarg);
        else if (option == 'r')
            run.receive_buffer = (int)number(optarg);
        else if (option == 'u')
            run.udp = true;
        else if (option == 'l')
            run.lenient = true;
        else if (option == 'q')
            run.quick = true;
        else
            usage("bad option");
    }
    if (optind == argc || run.count < 1 || run.count > PEERS_MAX)
        usage("no port, or too many connections");
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    run.deadline = now_ms() + seconds * 1000;
    open_peers(&run, argv[optind]);
    for (int i = optind + 1; i < argc; i++)
        run_step(&run, argv[i]);
    for (int i = 0; i < run.count; i++)
        free(run.peers[i].inbox);
    return 0;
}
