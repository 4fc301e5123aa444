/* SPDX-License-Identifier: MIT
 *
 * Multicast over the loopback interface: U10 and U11.
 */
#define _DEFAULT_SOURCE /* for SO_REUSEPORT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hearer.h"
#include "udp/multicast.h"

static const char here[] = "127.0.0.1";

/* A group of this process alone: the kernel gives a socket that is bound to a
 * group what comes for it as long as anybody on the machine is a member, and
 * other pollers run this program at the same time. */
static const char *group(void)
{
    static char text[sizeof "239.255.255.255"];
    unsigned pid = (unsigned)getpid();

    snprintf(text, sizeof text, "239.%u.%u.%u", 128 + (pid >> 16) % 127,
             (pid >> 8) & 255, pid & 255);
    return text;
}

/* Listens to the group; `number` 0 lets the kernel choose one. */
static void join(struct hearer *self, struct talk *talk, int number)
{
    const struct udp_options shared = { .interface = group(),
                                        .listen_multiple = true };
    struct address address;

    self->base.class = &Hearer;
    self->port =
        reactor_listen_udp(talk->reactor, number, &self->base, &shared);
    CHECK(self->port && port_get_host(&self->port->base, &address) == 0);
    self->number = address_port(&address);
    CHECK(multicast_join_group(self->port, group(), here) == 0);
}

/* A port at 127.0.0.1 that sends to groups by that interface. */
static void open_sender(struct hearer *self, struct talk *talk)
{
    const struct udp_options local = { .interface = here };

    self->base.class = &Hearer;
    self->port = reactor_listen_udp(talk->reactor, 0, &self->base, &local);
    CHECK(self->port && multicast_set_interface(self->port, here) == 0);
}

static void U10_switches(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { 0 };
    struct address address = { 0 };
    char text[ADDRESS_TEXT_MAX];

    talk_new(&talk, poller, &Talker);
    hearer.base.class = &Hearer;
    hearer.port = reactor_listen_udp(talk.reactor, 0, &hearer.base, NULL);
    CHECK(hearer.port != NULL);
    CHECK(multicast_get_ttl(hearer.port) == 1);
    CHECK(multicast_get_loopback(hearer.port) == 1);
    CHECK(multicast_set_ttl(hearer.port, 255) == 0);
    CHECK(multicast_get_ttl(hearer.port) == 255);
    CHECK(multicast_set_ttl(hearer.port, 0) == 0);
    CHECK(multicast_get_ttl(hearer.port) == 0);
    CHECK(multicast_set_ttl(hearer.port, 256) == -1 && errno == EINVAL);
    CHECK(multicast_set_ttl(hearer.port, -1) == -1 && errno == EINVAL);
    CHECK(multicast_set_loopback(hearer.port, false) == 0);
    CHECK(multicast_get_loopback(hearer.port) == 0);
    CHECK(multicast_set_loopback(hearer.port, true) == 0);
    CHECK(multicast_get_loopback(hearer.port) == 1);
    CHECK(multicast_get_interface(hearer.port, &address) == 0);
    CHECK(!strcmp(address_host(&address, text), "0.0.0.0"));
    CHECK(multicast_set_interface(hearer.port, here) == 0);
    CHECK(multicast_get_interface(hearer.port, &address) == 0);
    CHECK(!strcmp(address_host(&address, text), here));
    CHECK(multicast_set_interface(hearer.port, "lo") == -1 && errno == EINVAL);
    talk_free(&talk);
}

/* By its routes the kernel chooses an interface, or has none to choose. */
static void U10_no_interface_named(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { .base.class = &Hearer };

    talk_new(&talk, poller, &Talker);
    hearer.port = reactor_listen_udp(talk.reactor, 0, &hearer.base, NULL);
    CHECK(hearer.port != NULL);
    if (multicast_join_group(hearer.port, group(), NULL) == 0)
        CHECK(multicast_leave_group(hearer.port, group(), NULL) == 0);
    else
        CHECK(errno == ENODEV);
    CHECK(multicast_join_group(hearer.port, group(), NULL) == 0 ||
          errno == ENODEV);
    CHECK(multicast_join_group(hearer.port, group(), here) == 0);
    talk_free(&talk);
}

static void U10_join_fails(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { 0 }, six = { .base.class = &Hearer };
    const struct udp_options local = { .interface = "::1" };

    talk_new(&talk, poller, &Talker);
    join(&hearer, &talk, 0);
    CHECK(multicast_join_group(hearer.port, here, here) == -1);
    CHECK(errno == EINVAL);
    CHECK(multicast_join_group(hearer.port, "localhost", here) == -1);
    CHECK(errno == EINVAL);
    CHECK(multicast_join_group(hearer.port, "ff02::1", here) == -1);
    CHECK(errno == EAFNOSUPPORT);
    CHECK(multicast_join_group(hearer.port, group(), here) == -1);
    CHECK(errno == EADDRINUSE);
    CHECK(multicast_leave_group(hearer.port, group(), here) == 0);
    CHECK(multicast_leave_group(hearer.port, group(), here) == -1);
    CHECK(errno == EADDRNOTAVAIL);
    six.port = reactor_listen_udp(talk.reactor, 0, &six.base, &local);
    if (six.port) { /* not every machine has it */
        CHECK(multicast_join_group(six.port, group(), here) == -1);
        CHECK(errno == EAFNOSUPPORT);
        CHECK(multicast_get_ttl(six.port) == -1 && errno == EAFNOSUPPORT);
    }
    talk_free(&talk);
}

/* Whether the loopback switch keeps a datagram from us cannot be seen here: on
 * the loopback interface there is no other way for it. */
static void U10_joining_and_leaving(const char *poller)
{
    struct talk talk;
    struct hearer hearer = { 0 }, sender = { 0 };
    struct address to;

    talk_new(&talk, poller, &Talker);
    join(&hearer, &talk, 0);
    open_sender(&sender, &talk);
    CHECK(address_numeric(&to, group(), hearer.number) == 0);
    CHECK(udp_port_write(sender.port, "heard", 5, &to) == 0);
    TALK_UNTIL(&talk, hearer.received == 1);
    CHECK(!strcmp(hearer.text, "heard"));
    CHECK(udp_port_write(hearer.port, "answer", 6, &hearer.from) == 0);
    TALK_UNTIL(&talk, sender.received == 1);
    CHECK(multicast_leave_group(hearer.port, group(), here) == 0);
    CHECK(multicast_join_group(hearer.port, "228.0.0.6", here) == 0);
    CHECK(udp_port_write(sender.port, "unheard", 7, &to) == 0);
    loop_check_quiet(talk.reactor);
    CHECK(hearer.received == 1);
    talk_free(&talk);
}

static void U11_two_with_one_number(const char *poller)
{
    struct talk talk;
    struct hearer one = { 0 }, two = { 0 }, sender = { 0 };
    struct hearer alone = { .base.class = &Hearer };
    const struct udp_options unshared = { .interface = group() };
    struct address to;

    talk_new(&talk, poller, &Talker);
    join(&one, &talk, 0);
    join(&two, &talk, one.number);
    CHECK(
        !reactor_listen_udp(talk.reactor, one.number, &alone.base, &unshared));
    CHECK(errno == EADDRINUSE);
    open_sender(&sender, &talk);
    CHECK(address_numeric(&to, group(), one.number) == 0);
    for (int i = 1; i <= 10; i++) {
        CHECK(udp_port_write(sender.port, "both", 4, &to) == 0);
        TALK_UNTIL(&talk, one.received == i && two.received == i);
    }
    talk_free(&talk);
    CHECK(one.stopped == 1 && two.stopped == 1);
}

/* The socket that is bound to the number. */
static int socket_of(int number)
{
    struct address address;

    for (int fd = 0; fd < 64; fd++) {
        if (address_local(&address, fd) == 0 &&
            address.bytes.ss_family == AF_INET &&
            address_port(&address) == number)
            return fd;
    }
    return -1;
}

static void U11_what_the_socket_is_told(const char *poller)
{
    const struct udp_options strange = { .interface = "192.0.2.1",
                                         .listen_multiple = true };
    const int options[] = { SO_REUSEADDR, SO_REUSEPORT };
    struct talk talk;
    struct hearer hearer = { 0 }, other = { .base.class = &Hearer };

    talk_new(&talk, poller, &Talker);
    join(&hearer, &talk, 0);
    int fd = socket_of(hearer.number);
    for (int i = 0; i < 2; i++) {
        int on = 0;
        socklen_t length = sizeof(on);
        CHECK(!getsockopt(fd, SOL_SOCKET, options[i], &on, &length) && on);
    }
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    /* unit_main sees whether the socket is closed. */
    CHECK(!reactor_listen_udp(talk.reactor, 0, &other.base, &strange));
    CHECK(errno == EADDRNOTAVAIL && other.started == 0);
    talk_free(&talk);
}

static const struct unit_case cases[] = {
    { "U10_switches", U10_switches },
    { "U10_no_interface_named", U10_no_interface_named },
    { "U10_join_fails", U10_join_fails },
    { "U10_joining_and_leaving", U10_joining_and_leaving },
    { "U11_two_with_one_number", U11_two_with_one_number },
    { "U11_what_the_socket_is_told", U11_what_the_socket_is_told },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
