/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "unit.h"

enum {
    CHUNK_MAX = 4096, /* bytes of one read */
    QUIET_WAITS = 8   /* waits that a loop may make in a quiet time */
};
static const double quiet = 0.02; /* seconds */

struct probe_descriptor {
    struct descriptor base;
    struct probe *probe;
};

static struct probe *probe_of(struct descriptor *base)
{
    return ((struct probe_descriptor *)base)->probe;
}

static void note(struct probe *self, char *what)
{
    if (!self->notes)
        return;
    unit_note(what);
    unit_note(self->name);
}

int probe_receive(struct probe *self)
{
    char bytes[CHUNK_MAX];
    ssize_t n = read(self->fd, bytes, sizeof(bytes));

    if (n < 0)
        return errno == EAGAIN ? REASON_NONE : errno;
    self->received += (size_t)n;
    return n > 0 ? REASON_NONE : REASON_DONE;
}

static int do_read(struct descriptor *base)
{
    struct probe *self = probe_of(base);

    CHECK(self->losses == 0);
    self->reads++;
    note(self, "r");
    return self->on_read ? self->on_read(self) : probe_receive(self);
}

static int do_write(struct descriptor *base)
{
    struct probe *self = probe_of(base);

    CHECK(self->losses == 0);
    self->writes++;
    note(self, "w");
    if (self->on_write)
        return self->on_write(self);
    reactor_remove_writer(self->reactor, base);
    return REASON_NONE;
}

static void connection_lost(struct descriptor *base, int reason)
{
    struct probe *self = probe_of(base);

    CHECK(self->losses == 0 && self->disposals == 0);
    self->losses++;
    self->reason = reason;
    note(self, "l");
    if (reason != EBADF)
        CHECK(fcntl(self->fd, F_GETFD) >= 0);
    if (self->on_lost)
        self->on_lost(self);
}

static void dispose(struct descriptor *base)
{
    struct probe *self = probe_of(base);

    CHECK(self->losses == 1 && self->disposals == 0);
    self->disposals++;
    if (self->reason != EBADF)
        CHECK(fcntl(self->fd, F_GETFD) < 0);
    self->descriptor = NULL;
    free(base);
}

static const struct descriptor_class Probe = {
    .name = "Probe",
    .do_read = do_read,
    .do_write = do_write,
    .connection_lost = connection_lost,
    .dispose = dispose,
};

void probe_adopt(struct probe *self, struct reactor *reactor, char name, int fd)
{
    struct probe_descriptor *descriptor = calloc(1, sizeof(*descriptor));

    CHECK(descriptor != NULL);
    descriptor->base.class = &Probe;
    descriptor->base.fd = fd;
    descriptor->probe = self;
    *self = (struct probe){ .reactor = reactor,
                            .descriptor = &descriptor->base,
                            .fd = fd,
                            .other = -1,
                            .name = { name } };
}

void probe_open(struct probe *self, struct reactor *reactor, char name)
{
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(net_set_blocking(ends[0], false) == 0);
    CHECK(net_set_blocking(ends[1], false) == 0);
    probe_adopt(self, reactor, name, ends[0]);
    self->other = ends[1];
}

int probe_connect(const struct address *address)
{
    int fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address->bytes,
                address->length) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

void probe_open_tcp(struct probe *self, struct reactor *reactor, char name)
{
    struct address address;

    CHECK(!address_resolve(&address, "127.0.0.1", 0));
    int listener = net_listen_tcp(&address, 1, NET_BLOCKING);
    CHECK(listener >= 0 && address_local(&address, listener) == 0);
    int other = probe_connect(&address);
    int fd = net_accept(listener, NULL, NET_NONBLOCKING);
    CHECK(other >= 0 && fd >= 0);
    close(listener);
    probe_adopt(self, reactor, name, fd);
    self->other = other;
}

void probe_add_reader(struct probe *self)
{
    CHECK(reactor_add_reader(self->reactor, self->descriptor) == 0);
}

void probe_add_writer(struct probe *self)
{
    CHECK(reactor_add_writer(self->reactor, self->descriptor) == 0);
}

void probe_lose(struct probe *self, int reason)
{
    reactor_disconnect(self->reactor, self->descriptor, reason);
}

void probe_poke(struct probe *self)
{
    CHECK(write(self->other, "x", 1) == 1);
}

void probe_hang_up(struct probe *self)
{
    close(self->other);
    self->other = -1;
}

void probe_check_lost(struct probe *self, int reason)
{
    CHECK(self->losses == 1);
    CHECK(self->reason == reason);
    CHECK(self->disposals == 1);
    if (self->other >= 0)
        probe_hang_up(self);
}

struct reactor *loop_new(const char *poller)
{
    struct reactor *reactor = reactor_new(poller);

    CHECK(reactor != NULL);
    return reactor;
}

void loop_stop(void *reactor)
{
    CHECK(reactor_stop(reactor) == 0);
}

void loop_crash(void *reactor)
{
    CHECK(reactor_crash(reactor) == 0);
}

struct countdown {
    struct reactor *reactor;
    struct delayed_call call;
    int left;
};

static void count(void *argument)
{
    struct countdown *self = argument;

    if (self->left-- == 0)
        loop_crash(self->reactor);
    else
        CHECK(reactor_call_later(self->reactor, &self->call, 0, count, self) ==
              0);
}

void loop_turns(struct reactor *reactor, int turns)
{
    struct countdown self = { .reactor = reactor, .left = turns };

    CHECK(reactor_call_later(reactor, &self.call, 0, count, &self) == 0);
    CHECK(reactor_run(reactor) == 0);
}

void loop_run_for(struct reactor *reactor, double seconds)
{
    struct delayed_call end = { 0 };

    CHECK(reactor_call_later(reactor, &end, seconds, loop_crash, reactor) == 0);
    CHECK(reactor_run(reactor) == 0);
}

void loop_check_quiet(struct reactor *reactor)
{
    int before = unit_waits();

    loop_run_for(reactor, quiet);
    CHECK(unit_waits() - before <= QUIET_WAITS);
}

void probe_check_served(struct probe *self)
{
    int before = self->reads;

    loop_check_quiet(self->reactor);
    CHECK(self->reads == before);
    probe_poke(self);
    loop_turns(self->reactor, 2);
    CHECK(self->reads == before + 1 && self->losses == 0);
}
