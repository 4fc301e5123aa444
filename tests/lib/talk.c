/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"

ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);
ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *length,
                   int flags);
int __real_listen(int fd, int backlog);

/* --- the factory and its protocols --- */

static void note(struct talk *talk, char *word)
{
    if (talk->notes)
        unit_note(word);
}

static void made(struct protocol *base)
{
    struct talker *self = (struct talker *)base;
    struct talk *talk = (struct talk *)base->factory;

    self->talk = talk;
    self->index = ++talk->made;
    talk->last = self;
    note(talk, "made ");
    if (talk->on_made)
        talk->on_made(self);
}

static void data(struct protocol *base, const char *bytes, size_t length)
{
    struct talk *talk = (struct talk *)base->factory;
    size_t used = strlen(talk->text);

    CHECK(length > 0);
    talk->received += length;
    talk->chunks++;
    if (length > talk->largest)
        talk->largest = length;
    if (length < TALK_TEXT_MAX - used)
        memcpy(talk->text + used, bytes, length);
    note(talk, "data ");
    if (talk->on_data)
        talk->on_data((struct talker *)base);
}

static void remember(struct talk *talk, struct failure reason)
{
    talk->reason = reason;
    failure_message(reason, talk->message);
}

static void lost(struct protocol *base, struct failure reason)
{
    struct talker *self = (struct talker *)base;
    struct talk *talk = self->talk;

    CHECK(self->index > 0);
    talk->lost++;
    remember(talk, reason);
    note(talk, "lost ");
    if (talk->on_lost)
        talk->on_lost(self);
    /* It must not come again. */
    self->index = 0;
    if (talk->last == self)
        talk->last = NULL;
}

static void read_lost(struct protocol *base)
{
    struct talk *talk = (struct talk *)base->factory;

    talk->read_losts++;
    note(talk, "read-lost ");
    if (talk->on_read_lost)
        talk->on_read_lost((struct talker *)base);
}

static void write_lost(struct protocol *base)
{
    struct talk *talk = (struct talk *)base->factory;

    talk->write_losts++;
    note(talk, "write-lost ");
}

const struct protocol_class Talker = {
    .name = "Talker",
    .size = sizeof(struct talker),
    .connection_made = made,
    .data_received = data,
    .connection_lost = lost,
};

const struct protocol_class HalfCloser = {
    .name = "HalfCloser",
    .size = sizeof(struct talker),
    .connection_made = made,
    .data_received = data,
    .connection_lost = lost,
    .read_connection_lost = read_lost,
    .write_connection_lost = write_lost,
};

static struct protocol *build(struct factory *base, const struct address *peer,
                              struct failure *reason)
{
    struct talk *talk = (struct talk *)base;
    char text[ADDRESS_TEXT_MAX];

    CHECK(!strncmp(address_text(peer, text), "127.0.0.", 8));
    talk->builds++;
    note(talk, "build ");
    if (talk->on_build)
        talk->on_build(talk);
    if (talk->refuses)
        return NULL;
    struct protocol *protocol = protocol_new(base->protocol);
    if (!protocol)
        *reason = failure_of_connect(ENOMEM);
    return protocol;
}

static void start_factory(struct factory *base)
{
    ((struct talk *)base)->started++;
    note((struct talk *)base, "start ");
}

static void stop_factory(struct factory *base)
{
    ((struct talk *)base)->stopped++;
    note((struct talk *)base, "stop ");
}

static void started_connecting(struct factory *base, struct connector *c)
{
    struct talk *talk = (struct talk *)base;

    talk->connector = c;
    talk->attempts++;
    CHECK(connector_state(c) == CONNECTING);
    note(talk, "connecting ");
    if (talk->on_started)
        talk->on_started(talk);
}

static void client_failed(struct factory *base, struct connector *c,
                          struct failure reason)
{
    struct talk *talk = (struct talk *)base;

    CHECK(connector_state(c) == DISCONNECTED);
    talk->failed++;
    remember(talk, reason);
    note(talk, "failed ");
    if (talk->on_failed)
        talk->on_failed(talk);
}

static void client_lost(struct factory *base, struct connector *c,
                        struct failure reason)
{
    struct talk *talk = (struct talk *)base;

    CHECK(connector_state(c) == DISCONNECTED);
    talk->client_lost++;
    remember(talk, reason);
    note(talk, "client-lost ");
    if (talk->on_client_lost)
        talk->on_client_lost(talk);
}

void talk_join(struct talk *talk, struct reactor *reactor,
               const struct protocol_class *class)
{
    *talk = (struct talk){
        .base = { .name = "TalkFactory",
                  .protocol = class,
                  .build_protocol = build,
                  .start_factory = start_factory,
                  .stop_factory = stop_factory,
                  .started_connecting = started_connecting,
                  .client_connection_failed = client_failed,
                  .client_connection_lost = client_lost },
        .reactor = reactor,
    };
}

void talk_new(struct talk *talk, const char *poller,
              const struct protocol_class *class)
{
    talk_join(talk, loop_new(poller), class);
}

void talk_listen(struct talk *talk, const char *poller,
                 const struct protocol_class *class)
{
    const struct tcp_port_options local = { "127.0.0.1", 1000 };
    struct address address;

    talk_new(talk, poller, class);
    talk->port = reactor_listen_tcp(talk->reactor, 0, &talk->base, &local);
    CHECK(talk->port && port_get_host(talk->port, &address) == 0);
    talk->number = address_port(&address);
}

void talk_call(struct talk *talk, int number,
               const struct connector_options *options)
{
    talk->connector = reactor_connect_tcp(talk->reactor, "127.0.0.1", number,
                                          &talk->base, options);
    CHECK(talk->connector != NULL);
}

void talk_free(struct talk *talk)
{
    reactor_free(talk->reactor);
    CHECK(talk->made == talk->lost);
    CHECK(talk->started == talk->stopped);
    CHECK(talk->base.ports == 0);
}

static double talk_patience(void)
{
    const char *seconds = getenv("TALK_DEADLINE");

    return seconds ? atof(seconds) : 20;
}

double talk_deadline(void)
{
    return reactor_seconds() + talk_patience();
}

/* Turn after turn at first; what takes longer is waited for, not spun for. */
void talk_turn(struct talk *talk, double end, const char *what)
{
    double now = reactor_seconds();

    if (now >= end)
        fprintf(stderr, "in vain: until %s\n", what);
    CHECK(now < end);
    if (now < end - talk_patience() + 0.02)
        loop_turns(talk->reactor, 1);
    else
        loop_run_for(talk->reactor, 0.002);
}

/* --- the peer --- */

int peer_connect(int number)
{
    struct address address;
    int fd;

    CHECK(!address_resolve(&address, "127.0.0.1", number));
    fd = probe_connect(&address);
    CHECK(fd >= 0 && net_set_blocking(fd, false) == 0);
    return fd;
}

int closed_number(void)
{
    return 1; /* the kernel gives it to nobody */
}

int unused_number(void)
{
    int number, fd = peer_listen(1, &number);

    close(fd);
    return number;
}

int deaf_listener(int *number, int *waiting)
{
    int fd = peer_listen(0, number);

    *waiting = peer_connect(*number);
    return fd;
}

int peer_listen(int backlog, int *number)
{
    struct address address;
    int fd;

    CHECK(!address_resolve(&address, "127.0.0.1", 0));
    fd = net_listen_tcp(&address, backlog, NET_NONBLOCKING);
    CHECK(fd >= 0 && address_local(&address, fd) == 0);
    *number = address_port(&address);
    return fd;
}

int talk_knock(struct talk *talk)
{
    return peer_connect(talk->number);
}

int talk_peer(struct talk *talk)
{
    int before = talk->made, fd = talk_knock(talk);

    TALK_UNTIL(talk, talk->made == before + 1);
    return fd;
}

void peer_send(int fd, const char *text)
{
    CHECK(peer_push(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* Ours is not the kernel that refuses. */
ssize_t peer_push(int fd, const void *bytes, size_t length)
{
    return __real_send(fd, bytes, length, MSG_NOSIGNAL);
}

void peer_reset(int fd)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    close(fd);
}

/* At least one byte, 0 for the end of the stream, -1 for a reset. */
static ssize_t receive(struct talk *talk, int fd, char *bytes, size_t most)
{
    ssize_t n = -1;

    errno = EAGAIN;
    TALK_UNTIL(talk, (n = recv(fd, bytes, most, 0)) >= 0 || errno != EAGAIN);
    return n;
}

void peer_expect(struct talk *talk, int fd, const char *text)
{
    char bytes[TALK_TEXT_MAX] = "";
    size_t length = 0, wanted = strlen(text);

    while (length < wanted) {
        ssize_t n = receive(talk, fd, bytes + length, wanted - length);
        CHECK(n > 0);
        length += (size_t)n;
    }
    if (memcmp(bytes, text, wanted))
        fprintf(stderr, "received '%s' instead of '%s'\n", bytes, text);
    CHECK(!memcmp(bytes, text, wanted));
}

void peer_swallow(struct talk *talk, int fd, size_t bytes)
{
    static char chunk[1 << 16];

    while (bytes > 0) {
        size_t most = bytes < sizeof(chunk) ? bytes : sizeof(chunk);
        ssize_t n = receive(talk, fd, chunk, most);
        CHECK(n > 0);
        bytes -= (size_t)n;
    }
}

void peer_expect_end(struct talk *talk, int fd)
{
    char byte;

    CHECK(receive(talk, fd, &byte, 1) == 0);
}

void peer_expect_reset(struct talk *talk, int fd)
{
    char byte;

    CHECK(receive(talk, fd, &byte, 1) == -1);
    CHECK(errno == ECONNRESET);
}

size_t peer_count(struct talk *talk, int fd)
{
    static char chunk[1 << 16];
    size_t count = 0;
    ssize_t n;

    while ((n = receive(talk, fd, chunk, sizeof(chunk))) > 0)
        count += (size_t)n;
    CHECK(n == 0);
    return count;
}

struct transport *talk_transport(struct talk *talk)
{
    CHECK(talk->last != NULL);
    return talk->last->base.transport;
}

void talk_write(struct talk *talk, size_t bytes)
{
    char *nothing = calloc(1, bytes ? bytes : 1);

    CHECK(nothing != NULL);
    transport_write(talk_transport(talk), nothing, bytes);
    free(nothing);
}

/* --- the kernel --- */

static int write_error, write_errors, accept_error, accept_errors, backlog,
    writes;
static size_t largest_write;

ssize_t __wrap_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length,
                   int flags);
int __wrap_listen(int fd, int backlog);

void kernel_fail_write(int error, int times)
{
    write_error = error;
    write_errors = times;
    largest_write = 0;
    writes = 0;
}

void kernel_fail_accept(int error, int times)
{
    accept_error = error;
    accept_errors = times;
}

size_t kernel_largest_write(void)
{
    return largest_write;
}

int kernel_writes(void)
{
    return writes;
}

int kernel_backlog(void)
{
    return backlog;
}

static bool refuses(size_t length)
{
    writes++;
    if (write_errors > 0) {
        write_errors--;
        errno = write_error;
        return true;
    }
    if (length > largest_write)
        largest_write = length;
    return false;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    return refuses(length) ? -1 : __real_write(fd, bytes, length);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
    return refuses(length) ? -1 : __real_send(fd, bytes, length, flags);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length,
                   int flags)
{
    if (accept_errors > 0) {
        accept_errors--;
        errno = accept_error;
        return -1;
    }
    return __real_accept4(fd, address, length, flags);
}

int __wrap_listen(int fd, int most)
{
    backlog = most;
    return __real_listen(fd, most);
}
