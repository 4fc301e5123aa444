/* SPDX-License-Identifier: MIT
 *
 * web_server - lets a browser read the files of a directory: GET and HEAD,
 * HTTP/1.0 and 1.1; with -s by https.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/http_channel.h"
#include "http/http_files.h"
#include "program/endpoint.h"
#include "protocol/log.h"
#include "tls/ssl_port.h"

struct web_factory {
    struct http_factory base;
    int directory; /* whose files they are */
};

/* What a client is told of an errno: 404 for what is not there, 403 for what it
 * may not see, 503 for a shortage of ours, which passes. */
static int status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return 404;
    case EACCES:
    case EPERM:
    case ELOOP: /* a symbolic link */
    case ENXIO: /* a socket */
        return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return 503;
    default:
        return 500;
    }
}

/* Owns the file from here on. A client whose copy is as young as the file needs
 * no other.
 *
 * A date counts whole seconds, so a file that was written in this second may be
 * written once more in it: a copy that has the same date would then be taken
 * for the file for ever. So such a file is said to be of the second before,
 * and this time no copy is as young. The same holds for a date in the future,
 * which HTTP does not allow (RFC 9110, 8.8.2). */
static void send_file(struct http_channel *channel,
                      const struct http_file *file, const char *path)
{
    const struct http_request *request = &channel->request;
    time_t before = time(NULL) - 1;
    bool settled = file->modified <= before;
    char modified[HTTP_DATE_MAX];
    struct http_response response = {
        .status = 200,
        .length = file->size,
        .modified = http_date(settled ? file->modified : before, modified),
    };

    if (settled && request->has_since && file->modified <= request->since) {
        close(file->fd);
        response =
            (struct http_response){ .status = 304, .modified = modified };
        http_channel_send(channel, response, "");
    } else {
        response.type = http_files_type(file, path);
        http_channel_send_file(channel, response, file->fd);
    }
}

static void send_listing(struct http_channel *channel, int directory)
{
    struct http_response response = { .status = 200,
                                      .type = "text/html; charset=utf-8" };
    size_t length;
    char *page = http_files_listing(directory, channel->request.path, &length);

    if (page) {
        response.length = (int64_t)length;
        http_channel_send(channel, response, page);
        free(page);
    } else {
        http_channel_send_status(channel, status_of(errno), NULL);
    }
}

/* Only where there is no index is there a list: one that may not be read was
 * put there to be seen instead of the names. */
static void send_directory(struct http_channel *channel, int directory)
{
    struct http_file index;

    if (http_files_open(directory, "/index.html", &index) < 0) {
        if (errno == ENOENT)
            send_listing(channel, directory);
        else
            http_channel_send_status(channel, status_of(errno), NULL);
    } else if (index.directory) {
        close(index.fd);
        send_listing(channel, directory);
    } else {
        send_file(channel, &index, "/index.html");
    }
}

/* Links in a page mean what they should only below a slash. */
static void send_elsewhere(struct http_channel *channel)
{
    char location[HTTP_ENCODED_MAX * HTTP_PATH_MAX + HTTP_QUERY_MAX + 2];

    if (channel->request.query_cut) { /* half of it would ask something else */
        http_channel_send_status(channel, 414, NULL);
        return;
    }
    strcat(http_encode(channel->request.path, location), "/");
    strcat(location, channel->request.query);
    http_channel_send_status(channel, 301, location);
}

/* One request. A descriptor that http_files_open has opened is closed by
 * send_file if it is a file, and here if it is a directory. */
static void web_process(struct http_channel *channel)
{
    struct web_factory *factory =
        (struct web_factory *)channel->base.base.factory;
    const char *path = channel->request.path;
    struct http_file file;

    if (http_files_open(factory->directory, path, &file) < 0) {
        http_channel_send_status(channel, status_of(errno), NULL);
    } else if (!file.directory) {
        send_file(channel, &file, path);
    } else {
        if (path[strlen(path) - 1] == '/')
            send_directory(channel, file.fd);
        else
            send_elsewhere(channel);
        close(file.fd);
    }
}

/* As endpoint_listen_tcp, but for who it is that the client talks to. */
static void listen_ssl(const struct options *options, struct reactor *reactor,
                       struct factory *factory, const char *certificate)
{
    const struct ssl_port_options where = { .interface = options->interface,
                                            .backlog = SOMAXCONN,
                                            .certificate = certificate };
    struct port *port =
        reactor_listen_ssl(reactor, options->port, factory, &where);
    struct address address;
    char text[SSL_PORT_TEXT_MAX];

    if (!port) {
        ssl_port_cannot_listen(text, options->port, &where, errno);
        options_failed(options, certificate, text);
        reactor_free(reactor);
        exit(EXIT_FAILURE);
    }
    if (port_get_host(port, &address) == 0)
        printf("listening on %s\n", address_text(&address, text));
}

int main(int argc, char **argv)
{
    const char *directory = ".", *certificate = NULL;
    const struct option extra[] = {
        { "-d", "DIR", OPTION_TEXT, &directory, 0 },
        { "-s", "CERT", OPTION_TEXT, &certificate, 0 },
        { 0 },
    };
    struct options options = { .port = 8080,
                               .about = "lets a browser read a directory." };
    struct web_factory factory = {
        .base = { .base = { .name = "WebFactory",
                            .protocol = &HttpChannel.base },
                  .process = web_process },
    };

    options_server(&options, extra, argc, argv);
    /* Once: each path is looked up below this descriptor, wherever the
     * directory is moved meanwhile. */
    factory.directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (factory.directory < 0)
        return options_failed(&options, directory, strerror(errno));
    struct reactor *reactor = endpoint_reactor(&options);
    factory.base.reactor = reactor;
    log_start(stdout, reactor);
    if (certificate)
        listen_ssl(&options, reactor, &factory.base.base, certificate);
    else
        endpoint_listen_tcp(&options, reactor, &factory.base.base);
    int status = endpoint_run(&options, reactor);
    close(factory.directory);
    return status;
}
