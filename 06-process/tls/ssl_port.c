/* SPDX-License-Identifier: MIT */
#include "tls/ssl_port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/net.h"
#include "protocol/log.h"
#include "reactor/trace.h"
#include "stream/listener.h"
#include "stream/tcp_port.h"
#include "tls/ssl_connection.h"

/* Bytes. A directory and a number behind it must fit into a UNIX address. */
enum { CONFIGURATION_MAX = 3000, DIRECTORY_MAX = 80, HELPER_MAX = 4096 };

struct ssl_port {
    struct listener base;
    int number;   /* the port, for the log */
    int children; /* connections of its that are not gone */
    int children_max;
    int seconds;        /* for a hand-shake */
    unsigned backends;  /* UNIX sockets so far: each has a name of its own */
    bool closed, freed; /* it listens no more; and the loop has let it go */
    char helper[HELPER_MAX];
    char directory[DIRECTORY_MAX];         /* of the UNIX sockets: only ours */
    char configuration[CONFIGURATION_MAX]; /* what is the same for each */
};

/* One client, from accept on. */
struct ssl_server {
    struct ssl_connection base;
    struct ssl_port *port;
    struct descriptor
        backend; /* the UNIX socket that the helper comes back to */
    struct delayed_call timeout;
    char path[DIRECTORY_MAX + 16]; /* of the backend */
};

/* The directory goes with the last who needs it. */
static void free_if_over(struct ssl_port *self)
{
    if (!self->freed || self->children > 0)
        return;
    rmdir(self->directory);
    free(self);
}

/* --- the backend: where a helper comes back to ---
 *
 * stunnel calls what it connects to its backend. It can only connect to an
 * address, and is not given a descriptor, so each client has a UNIX socket with
 * a name of its own, from the moment it was accepted until its helper is there.
 */

static struct ssl_server *of_backend(struct descriptor *backend)
{
    return (struct ssl_server *)((char *)backend -
                                 offsetof(struct ssl_server, backend));
}

static void close_backend(struct ssl_server *self)
{
    delayed_call_cancel(&self->timeout);
    if (self->base.backend_open)
        reactor_disconnect(self->base.reactor, &self->backend, REASON_DONE);
}

/* The helper has come back: that is how it says that the client has shaken
 * hands. Nobody else can: the directory is closed to all other users. */
static int backend_accept(struct descriptor *backend)
{
    struct ssl_server *self = of_backend(backend);
    int fd = net_accept(backend->fd, NULL, NET_NONBLOCKING);

    if (fd < 0) /* without a descriptor, say, this client is lost */
        return errno == EAGAIN ? REASON_NONE : errno;
    delayed_call_cancel(&self->timeout);
    if (self->base.state == SSL_SHAKING &&
        ssl_connection_join(&self->base, fd) == 0)
        ssl_connection_ready(&self->base);
    else
        close(fd);
    return REASON_DONE; /* nobody else is to come */
}

static void backend_lost(struct descriptor *backend, int reason)
{
    struct ssl_server *self = of_backend(backend);

    (void)reason;
    unlink(self->path);
    /* Nothing, unless nobody has come in: the loop has ended, or accept has
     * failed. */
    ssl_connection_fail(&self->base, failure_of_connect(ECANCELED));
}

static void backend_closed(struct descriptor *backend)
{
    struct ssl_server *self = of_backend(backend);

    self->base.backend_open = false;
    ssl_connection_free_if_gone(&self->base);
}

static const struct descriptor_class Backend = {
    .name = "SslBackend",
    .do_read = backend_accept,
    .connection_lost = backend_lost,
    .dispose = backend_closed,
};

/* Binds and listens; the helper may connect from then on. */
static int listen_backend(struct ssl_server *self)
{
    struct address address;

    snprintf(self->path, sizeof(self->path), "%s/%u", self->port->directory,
             self->port->backends++);
    if (address_from_path(&address, self->path) < 0)
        return -1;
    int fd = net_bind_unix(&address, NET_NONBLOCKING);
    if (fd < 0)
        return -1;
    self->backend = (struct descriptor){ .class = &Backend, .fd = fd };
    if (listen(fd, 1) == 0 &&
        reactor_add_reader(self->base.reactor, &self->backend) == 0) {
        self->base.backend_open = true;
        return 0;
    }
    int error = errno;
    unlink(self->path);
    close(fd);
    errno = error;
    return -1;
}

/* --- what comes of the hand-shake --- */

static struct protocol *connected(struct ssl_connection *base)
{
    struct ssl_port *port = ((struct ssl_server *)base)->port;
    struct failure reason;

    if (port->closed) /* and its factory has stopped */
        return NULL;
    trace("  %s: build_protocol", port->base.factory->name);
    struct protocol *protocol =
        factory_build_protocol(port->base.factory, &base->peer, &reason);
    base->number = (int)port->base.accepted++;
    connection_set_number(base->raw, (unsigned)base->number);
    return protocol;
}

static void failed(struct ssl_connection *base, struct failure reason)
{
    struct ssl_server *self = (struct ssl_server *)base;
    char text[ADDRESS_TEXT_MAX], message[FAILURE_TEXT_MAX];

    address_text(&base->peer, text);
    if (base->words.complaint[0])
        log_message("No TLS with %s: %s", text, base->words.complaint);
    else
        log_message("No TLS with %s: %s", text,
                    failure_message(reason, message));
    close_backend(self);
}

/* stunnel's own limit did not help: it hangs, or was stopped. */
static void time_out(void *argument)
{
    ssl_connection_fail(argument, (struct failure){ &TimeoutError, 0, NULL });
}

static void lost(struct ssl_connection *base, struct failure reason)
{
    (void)base, (void)reason; /* a port does not want to know */
}

/* One of so many helpers less: somebody who waits in the backlog can come. */
static void gone(struct ssl_connection *base)
{
    struct ssl_port *port = ((struct ssl_server *)base)->port;

    port->children--;
    if (port->base.full && !port->closed)
        listener_resume(&port->base);
    free_if_over(port);
}

static const struct ssl_connection_class SslServer = {
    .size = sizeof(struct ssl_server),
    .half_close = true,
    .connected = connected,
    .failed = failed,
    .lost = lost,
    .gone = gone,
};

/* --- a client --- */

/* 0 and 1 are the client's socket; the configuration comes through 3, so it
 * need not be a file. */
static int start_helper(struct ssl_server *self, int fd)
{
    const struct ssl_port *port = self->port;
    const char *const arguments[] = { port->helper, "-fd", "3", NULL };
    const struct process_descriptor map[] = { { STDIN_FILENO, fd },
                                              { STDOUT_FILENO, fd },
                                              { STDERR_FILENO, PROCESS_READ },
                                              { 3, PROCESS_WRITE } };
    struct process *helper =
        ssl_connection_spawn(&self->base, arguments, map, 4);

    if (!helper)
        return -1;
    process_write_to_child(helper, 3, port->configuration,
                           strlen(port->configuration));
    process_write_to_child(helper, 3, "connect = ", strlen("connect = "));
    process_write_to_child(helper, 3, self->path, strlen(self->path));
    process_write_to_child(helper, 3, "\n", 1);
    process_close_child_fd(helper, 3);
    /* The helper has a limit of its own, and words for it; ours is later. */
    return reactor_call_later(self->base.reactor, &self->timeout,
                              port->seconds + 1, time_out, self);
}

/* Gives an accepted client away. Our own copy of its socket is closed: who
 * keeps one would keep the connection open when the helper has ended. */
static void take(struct listener *base, int fd, const struct address *peer)
{
    struct ssl_port *port = (struct ssl_port *)base;
    struct ssl_server *self = (struct ssl_server *)ssl_connection_new(
        &SslServer, base->base.reactor, peer);

    if (!self) {
        close(fd);
        return;
    }
    self->port = port;
    self->base.number = -1;
    if (address_local(&self->base.host, fd) < 0)
        self->base.host.length = 0; /* the client has gone already */
    port->children++;
    if (port->children >= port->children_max)
        base->full = true;
    if (listen_backend(self) < 0 || start_helper(self, fd) < 0)
        ssl_connection_fail(&self->base,
                            (struct failure){ &ConnectError, errno, NULL });
    close(fd);
}

/* --- the port --- */

static void connection_lost(struct descriptor *base, int reason)
{
    struct ssl_port *self = (struct ssl_port *)base;
    char number[16];

    (void)reason;
    snprintf(number, sizeof(number), "%d", self->number);
    port_log_closed(&self->base.base, "TLS", number);
    self->closed = true;
    listener_lost(&self->base);
}

/* As port_dispose, but that the memory may be needed for a while. */
static void dispose(struct descriptor *base)
{
    struct ssl_port *self = (struct ssl_port *)base;
    void (*stopped)(void *) = self->base.base.stopped;
    void *argument = self->base.base.argument;

    self->freed = true;
    free_if_over(self);
    if (stopped)
        stopped(argument);
}

static const struct descriptor_class Port = {
    .name = "SslPort",
    .describe = listener_describe,
    .do_read = listener_do_read,
    .connection_lost = connection_lost,
    .dispose = dispose,
};

/* stunnel reads this once for each client. Without a [section] it serves the
 * connection on its 0 and 1. Level 6 tells how each stream has ended. */
static int configure(struct ssl_port *self,
                     const struct ssl_port_options *options)
{
    const char *key =
        options->private_key ? options->private_key : options->certificate;
    const char *ca = options->ca_file;
    int length = snprintf(
        self->configuration, CONFIGURATION_MAX,
        "output = /dev/stderr\nlog = append\nsyslog = no\ndebug = 6\n"
        "cert = %s\nkey = %s\n%s%s%ssslVersionMin = TLSv1.2\n"
        "TIMEOUTbusy = %d\nTIMEOUTclose = %d\nTIMEOUTidle = 86400\n"
        "socket = l:TCP_NODELAY=1\n",
        options->certificate, key, ca ? "CAfile = " : "", ca ? ca : "",
        ca ? "\nverifyChain = yes\n" : "", self->seconds, (int)SSL_CLOSE_LIMIT);

    errno = EINVAL;
    if (length >= CONFIGURATION_MAX || strchr(options->certificate, '\n') ||
        strchr(key, '\n') || (ca && strchr(ca, '\n')))
        return -1;
    if (access(options->certificate, R_OK) < 0 || access(key, R_OK) < 0 ||
        (ca && access(ca, R_OK) < 0))
        return -1;
    return 0;
}

/* Where posix_spawnp would find it; looked up now, so that who cannot serve
 * anybody does not begin to listen. */
static int find_helper(struct ssl_port *self, const char *name)
{
    const char *path = strchr(name, '/') ? "" : getenv("PATH");

    errno = ENOENT;
    while (path) {
        int length = (int)strcspn(path, ":");
        int size = snprintf(self->helper, HELPER_MAX, "%.*s%s%s", length, path,
                            length ? "/" : "", name);
        if (size < HELPER_MAX && access(self->helper, X_OK) == 0)
            return 0;
        path = path[length] ? path + length + 1 : NULL;
    }
    return -1;
}

static int make_directory(struct ssl_port *self)
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(self->directory, DIRECTORY_MAX, "%s/untwist-XXXXXX",
                          parent && *parent ? parent : "/tmp");

    errno = ENAMETOOLONG; /* a backend's path must fit into an address */
    return length < DIRECTORY_MAX && mkdtemp(self->directory) ? 0 : -1;
}

/* The socket, bound and listening, or -1 with errno. */
static int open_socket(int port, const struct ssl_port_options *options)
{
    struct address address;

    if (address_resolve(&address,
                        options->interface ? options->interface : "0.0.0.0",
                        port))
        return -1;
    return net_listen_tcp(
        &address, options->backlog ? options->backlog : LISTENER_BACKLOG,
        NET_NONBLOCKING);
}

struct port *reactor_listen_ssl(struct reactor *reactor, int port,
                                struct factory *factory,
                                const struct ssl_port_options *options)
{
    struct ssl_port *self = calloc(1, sizeof(*self));
    struct address local;
    int fd = -1;

    if (!self)
        return NULL;
    self->seconds = options->handshake_timeout > 0 ? options->handshake_timeout
                                                   : SSL_PORT_HANDSHAKE;
    self->children_max =
        options->children_max > 0 ? options->children_max : SSL_PORT_CHILDREN;
    if (configure(self, options) < 0 ||
        find_helper(self, options->helper ? options->helper : "stunnel") < 0 ||
        (fd = open_socket(port, options)) < 0)
        goto fail;
    self->base = (struct listener){ .factory = factory, .take = take };
    self->base.base.base = (struct descriptor){ .class = &Port, .fd = fd };
    self->base.base.reactor = reactor;
    self->number = address_local(&local, fd) == 0 ? address_port(&local) : port;
    if (make_directory(self) < 0)
        goto fail;
    if (listener_start(&self->base) < 0) {
        rmdir(self->directory);
        goto fail;
    }
    trace("  listenSSL: %s %d", factory->name, fd);
    log_message("%s starting on %d", factory->name, self->number);
    factory_do_start(factory);
    return &self->base.base;
fail:;
    int error = errno;
    if (fd >= 0)
        close(fd);
    free(self);
    errno = error;
    return NULL;
}

const char *ssl_port_cannot_listen(char *text, int port,
                                   const struct ssl_port_options *options,
                                   int error)
{
    char message[FAILURE_TEXT_MAX];
    const char *key =
        options->private_key ? options->private_key : options->certificate;

    if (error == ENOENT && access(options->certificate, R_OK) == 0 &&
        access(key, R_OK) == 0)
        snprintf(text, SSL_PORT_TEXT_MAX, "%s",
                 failure_message((struct failure){ &SslHelperMissing, 0, NULL },
                                 message));
    else
        tcp_port_cannot_listen(text, options->interface, port, error);
    return text;
}
