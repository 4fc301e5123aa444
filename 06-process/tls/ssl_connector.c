/* SPDX-License-Identifier: MIT */
#include "tls/ssl_connector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "protocol/log.h"
#include "stream/tcp_client.h"
#include "tls/ssl_connection.h"

enum { ARGUMENTS_MAX = 24 };

struct ssl_client {
    struct ssl_connection base;
    const struct ssl_connector_options *options;
};

/* --- what comes of the hand-shake --- */

/* The line is not the peer's: its certificate's name is printed behind other
 * words, and without line ends. Without verification there is no second. */
static void heard(struct ssl_connection *base)
{
    const struct ssl_client *self = (const struct ssl_client *)base;

    if (base->words.established &&
        (base->words.verified || self->options->unverified))
        ssl_connection_ready(base);
}

static struct protocol *connected(struct ssl_connection *self)
{
    struct connection_owner *owner = self->owner;
    struct failure *reason = &self->raw_reason; /* nothing else is there yet */

    connection_set_owner(self->raw, NULL); /* from now on it hears from us */
    struct protocol *protocol = owner->connected(owner, &self->peer, reason);
    if (!protocol && reason->type)
        owner->failed(owner, *reason);
    else if (!protocol)
        owner->connection_lost(owner,
                               (struct failure){ &ConnectionDone, 0, NULL });
    return protocol;
}

/* The helper's own words go to the log: a failure has room for a literal. */
static void failed(struct ssl_connection *self, struct failure reason)
{
    if (self->words.complaint[0] && self->owner)
        log_message("TLS helper: %s", self->words.complaint);
    if (self->raw)
        connection_set_owner(self->raw, NULL);
    if (self->owner)
        self->owner->failed(self->owner, reason);
}

static void lost(struct ssl_connection *self, struct failure reason)
{
    self->owner->connection_lost(self->owner, reason);
}

static const struct ssl_connection_class SslClient = {
    .size = sizeof(struct ssl_client),
    .connected = connected,
    .failed = failed,
    .lost = lost,
    .heard = heard,
};

/* --- how it begins --- */

/* An address, and no name: certificates have them in another field, and a
 * server must not be asked for one by the name of an address. */
static bool is_numeric(const char *name)
{
    return strchr(name, ':') || !name[strspn(name, "0123456789.")];
}

static const char **add(const char **to, const char *option, const char *value)
{
    *to++ = option;
    *to++ = value;
    return to;
}

/* What the helper is told. Two of them are not obvious: -nocommands, or a line
 * of ours that begins with Q would end the connection; and -no_ign_eof after
 * -quiet, which would ignore the end of our stream. */
static void fill_arguments(const char **to, const char *peer, const char *name,
                           const struct ssl_connector_options *options)
{
    const char *key =
        options->private_key ? options->private_key : options->certificate;
    const char *verify = is_numeric(name) ? "-verify_ip" : "-verify_hostname";
    static const char *const always[] = { "s_client",    "-quiet",
                                          "-brief",      "-no_ign_eof",
                                          "-nocommands", "-verify_quiet" };

    *to++ = options->helper ? options->helper : "openssl";
    for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
        *to++ = always[i];
    to = add(to, "-connect", peer);
    if (is_numeric(name)) /* which is not to be asked for by name */
        *to++ = "-noservername";
    else
        to = add(to, "-servername", name);
    if (!options->unverified) {
        *to++ = "-verify_return_error"; /* or it would go on all the same */
        to = add(to, verify, name);
    }
    if (options->ca_file)
        to = add(to, "-CAfile", options->ca_file);
    if (options->certificate) {
        to = add(to, "-cert", options->certificate);
        to = add(to, "-key", key);
    }
    *to = NULL;
}

/* A socketpair: one end is ours, the other is the helper's 0 and 1. Ours of the
 * other's end must be closed, or we would never see the end of the stream:
 * there would always be somebody, ourselves, who could still write. */
static int start_helper(struct ssl_client *self, const char *name)
{
    const char *arguments[ARGUMENTS_MAX];
    char peer[ADDRESS_TEXT_MAX];
    int ends[2];

    fill_arguments(arguments, address_text(&self->base.peer, peer), name,
                   self->options);
    if (net_socketpair(ends) < 0)
        return -1;
    net_set_blocking(ends[0], false); /* the helper may wait, we may not */
    const struct process_descriptor map[] = { { STDIN_FILENO, ends[1] },
                                              { STDOUT_FILENO, ends[1] },
                                              { STDERR_FILENO, PROCESS_READ } };
    struct process *helper =
        ssl_connection_spawn(&self->base, arguments, map, 3);
    int error = errno;
    close(ends[1]);
    if (helper && ssl_connection_join(&self->base, ends[0]) == 0)
        return 0;
    close(ends[0]);
    errno = error;
    return -1;
}

/* What tcp_client_begin is to TCP: the name has an address. */
static struct failure begin(struct tcp_client *client)
{
    const struct connect_target *where = &client->where;
    const struct ssl_connector_options *options = where->options;
    const char *name = options->name ? options->name : where->host;
    struct ssl_client *self;

    if (*name == '-' || !*name) /* would be an option of openssl's */
        return failure_of_connect(EINVAL);
    self = (struct ssl_client *)ssl_connection_new(&SslClient, client->reactor,
                                                   &client->peer);
    if (!self)
        return failure_of_connect(ENOMEM);
    self->options = options;
    self->base.number = -1;
    if (options->unverified)
        log_message("TLS without verification: %s may be anybody", name);
    if (start_helper(self, name) < 0) {
        int error = errno;
        ssl_connection_fail(&self->base, (struct failure){ 0 });
        if (error == ENOENT)
            return (struct failure){ &SslHelperMissing, error, NULL };
        return failure_of_connect(error);
    }
    self->base.owner = &client->owner;
    connection_set_owner(self->base.raw, &client->owner);
    self->base.raw_pointer = &client->connection;
    client->connection = self->base.raw;
    return (struct failure){ 0 };
}

struct connector *reactor_connect_ssl(
    struct reactor *reactor, const char *host, int port,
    struct factory *factory, const struct ssl_connector_options *options)
{
    static const struct ssl_connector_options defaults;
    const struct connect_target where = {
        .host = host,
        .port = port,
        .options = options ? options : &defaults,
        .begin = begin,
    };

    if (port < 0 || port > ADDRESS_PORT_MAX) {
        errno = EINVAL;
        return NULL;
    }
    return connector_new(reactor, &where, factory,
                         options ? options->timeout : 0);
}
