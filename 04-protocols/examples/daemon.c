/* SPDX-License-Identifier: MIT
 *
 * daemon - services under one: what comes over TCP, or over a socket file, goes
 * back, a datagram is answered "ok", and every SECONDS the log says how much
 * that was.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "program/endpoint.h"
#include "protocol/log.h"
#include "services/application.h"
#include "services/server_service.h"
#include "services/timer_service.h"
#include "udp/udp.h"
#include "unix/unix_port.h"

/* A day; -s 0 is a daemon without a timer. */
enum { SECONDS_MAX = 24 * 60 * 60 };

struct echo_factory {
    struct factory base;
    unsigned long bytes;
};

static void echo_data_received(struct protocol *self, const char *data,
                               size_t length)
{
    ((struct echo_factory *)self->factory)->bytes += length;
    transport_write(self->transport, data, length);
}

static const struct protocol_class Echo = {
    .name = "Echo",
    .size = sizeof(struct protocol),
    .data_received = echo_data_received,
};

struct ok {
    struct datagram_protocol base;
    unsigned long datagrams;
};

static void ok_datagram_received(struct datagram_protocol *self,
                                 const char *data, size_t length,
                                 const struct address *from)
{
    (void)data;
    (void)length;
    ((struct ok *)self)->datagrams++;
    udp_port_write(self->transport, "ok", 2, from); /* or it is lost */
}

static const struct datagram_protocol_class Ok = {
    .name = "Ok",
    .datagram_received = ok_datagram_received,
};

struct daemon {
    struct echo_factory echo;
    struct ok ok;
    struct tcp_port_options tcp_options;
    struct udp_options udp_options;
    struct unix_port_options unix_options;
    struct server_service tcp, udp, file;
    struct timer_service timer;
    struct multi_service services; /* all of them */
    struct application application;
};

static void report(void *argument)
{
    const struct daemon *self = argument;

    log_message("%lu bytes and %lu datagrams so far", self->echo.bytes,
                self->ok.datagrams);
}

static void make_services(struct daemon *self, struct reactor *reactor,
                          int port, const char *path, int seconds)
{
    multi_service_init(&self->services);
    server_service_init_tcp(&self->tcp, reactor, port, &self->echo.base,
                            &self->tcp_options);
    server_service_init_udp(&self->udp, reactor, port, &self->ok.base,
                            &self->udp_options);
    server_service_init_unix(&self->file, reactor, path, &self->echo.base,
                             &self->unix_options);
    timer_service_init(&self->timer, reactor, seconds, report, self);
    multi_service_add(&self->services, &self->tcp.base);
    multi_service_add(&self->services, &self->udp.base);
    if (path)
        multi_service_add(&self->services, &self->file.base);
    if (seconds > 0)
        multi_service_add(&self->services, &self->timer.base);
}

int main(int argc, char **argv)
{
    struct options options = { .port = 1234,
                               .about = "runs several services as one." };
    int seconds = 60;
    const char *path = NULL;
    char what[ADDRESS_TEXT_MAX];
    const struct option extra[] = {
        { "-u", "SOCKET", OPTION_TEXT, &path, 0 },
        { "-s", "SECONDS", OPTION_NUMBER, &seconds, SECONDS_MAX },
        { 0 },
    };

    options_server(&options, extra, argc, argv);
    struct daemon self = {
        .echo.base = { .name = "EchoFactory", .protocol = &Echo },
        .ok.base = { .class = &Ok },
        .tcp_options = { .interface = options.interface },
        .udp_options = { .interface = options.interface },
        .unix_options = { .want_pid = true },
    };
    struct reactor *reactor = endpoint_reactor(&options);
    log_start(stdout, reactor);
    make_services(&self, reactor, options.port, path, seconds);
    if (application_start(&self.application, &self.services.base, reactor) == 0)
        return endpoint_run(&options, reactor);
    int error = errno;
    snprintf(what, sizeof(what), "%.60s:%d", options.interface, options.port);
    /* They start in order: with the UDP port there, it was the file. */
    int status = options_failed(&options, self.udp.port && path ? path : what,
                                strerror(error));
    reactor_free(reactor);
    return status;
}
