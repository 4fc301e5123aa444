/* SPDX-License-Identifier: MIT
 *
 * Datagrams over socket files: U16. The files are in the working folder, which
 * must be empty of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hearer.h"
#include "net/net.h"
#include "protocol/log.h"
#include "unix/unix_datagram.h"

/* What the port does with the file and the process on its way. */
static int umasks, chmod_error;
static mode_t mode_before; /* of the file, when it gets its mode */

mode_t __real_umask(mode_t mask);
mode_t __wrap_umask(mode_t mask);
int __real_chmod(const char *path, mode_t mode);
int __wrap_chmod(const char *path, mode_t mode);

mode_t __wrap_umask(mode_t mask)
{
    umasks++;
    return __real_umask(mask);
}

int __wrap_chmod(const char *path, mode_t mode)
{
    struct stat file;

    CHECK(lstat(path, &file) == 0);
    mode_before = file.st_mode & 0777;
    if (!chmod_error)
        return __real_chmod(path, mode);
    errno = chmod_error;
    return -1;
}

static const char server_path[] = "server.sock", own_path[] = "own.sock";

static bool is_there(const char *path)
{
    struct stat file;

    return lstat(path, &file) == 0;
}

static void serve(struct hearer *self, struct talk *talk)
{
    const struct unix_datagram_options large = { .max_packet_size = 1 << 16 };

    self->base.class = &Hearer;
    self->port = reactor_listen_unix_datagram(talk->reactor, server_path,
                                              &self->base, &large);
    CHECK(self->port != NULL);
}

static void call(struct hearer *self, struct talk *talk, const char *own)
{
    const struct unix_datagram_options options = { .bind_path = own };

    self->base.class = &Hearer;
    self->port = reactor_connect_unix_datagram(talk->reactor, server_path,
                                               &self->base, &options);
    CHECK(self->port != NULL);
}

static void U16_question_and_answer(const char *poller)
{
    struct talk talk;
    struct hearer server = { 0 }, client = { 0 }, other = { 0 };
    const char *path;
    struct address own;
    struct stat file;

    talk_new(&talk, poller, &Talker);
    mode_t before = umask(077);
    serve(&server, &talk);
    call(&client, &talk, NULL);
    umask(before);
    call(&other, &talk, NULL);
    CHECK(server.started == 1 && client.started == 1 && other.started == 1);
    CHECK(stat(server_path, &file) == 0 && (file.st_mode & 0777) == 0666);
    CHECK(port_get_host(&client.port->base, &own) == 0);
    path = ((struct sockaddr_un *)&own.bytes)->sun_path;
    CHECK(stat(path, &file) == 0 && (file.st_mode & 0777) == 0666);
    CHECK(udp_port_write(client.port, "question", 8, NULL) == 0);
    TALK_UNTIL(&talk, server.received == 1);
    CHECK(udp_port_write(server.port, "", 0, &server.from) == 0);
    TALK_UNTIL(&talk, client.received == 1);
    CHECK(client.length == 0 && other.received == 0);
    CHECK(udp_port_connect(client.port, "127.0.0.1", 9) == -1);
    CHECK(errno == EISCONN);
    CHECK(udp_port_connect(server.port, "127.0.0.1", 9) == -1);
    CHECK(errno == EAFNOSUPPORT);
    talk_free(&talk);
    CHECK(server.stopped == 1 && client.stopped == 1);
    CHECK(!is_there(server_path) && !is_there(path));
}

/* Nobody gets in before the file has its mode, and no other thread finds its
 * own new files shut meanwhile. */
static void U16_the_mode(const char *poller)
{
    const struct unix_datagram_options narrow = { .mode = 0600 };
    struct talk talk;
    struct hearer server = { .base.class = &Hearer }, client = { 0 };
    struct stat file;

    talk_new(&talk, poller, &Talker);
    mode_t before = umask(0);
    umasks = 0;
    mode_before = 0777;
    server.port = reactor_listen_unix_datagram(talk.reactor, server_path,
                                               &server.base, &narrow);
    CHECK(server.port && mode_before == 0 && umasks == 0);
    CHECK(stat(server_path, &file) == 0 && (file.st_mode & 0777) == 0600);
    umask(before);
    port_stop_listening(&server.port->base);
    TALK_UNTIL(&talk, server.stopped == 1);
    chmod_error = EPERM;
    CHECK(!reactor_listen_unix_datagram(talk.reactor, server_path, &client.base,
                                        NULL));
    CHECK(errno == EPERM && !is_there(server_path));
    chmod_error = 0;
    talk_free(&talk);
}

static int count(const char *text, const char *word)
{
    int found = 0;

    while ((text = strstr(text, word))) {
        text += strlen(word);
        found++;
    }
    return found;
}

/* The socket is close-on-exec, and the log has its path. */
static void G5_U16_the_log(const char *poller)
{
    static char text[4096];
    FILE *paper = tmpfile();
    struct talk talk;
    struct hearer server = { 0 }, other = { 0 };
    struct address address;
    char name[ADDRESS_TEXT_MAX];
    int found = 0;

    CHECK(paper != NULL);
    talk_new(&talk, poller, &Talker);
    log_start(paper, talk.reactor);
    serve(&server, &talk);
    for (int fd = 0; fd < 64; fd++) {
        if (address_local(&address, fd) < 0 ||
            address.bytes.ss_family != AF_UNIX ||
            strcmp(address_text(&address, name), server_path))
            continue;
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        found++;
    }
    CHECK(found == 1);
    other.base.quiet = true;
    call(&other, &talk, own_path);
    talk_free(&talk);
    rewind(paper);
    text[fread(text, 1, sizeof(text) - 1, paper)] = '\0';
    CHECK(strstr(text, "[-] Hearer starting on server.sock\n"));
    CHECK(strstr(text, "[-] Starting protocol Hearer\n"));
    CHECK(strstr(text, "[-] (UNIX Port server.sock Closed)\n"));
    CHECK(strstr(text, "[-] Stopping protocol Hearer\n"));
    CHECK(count(text, "Hearer starting on ") == 2);
    CHECK(count(text, " protocol Hearer\n") == 2); /* one of them is quiet */
    fclose(paper);
}

static void U16_an_invented_name(const char *poller)
{
    const char *folder = getenv("TMPDIR");
    struct talk talk;
    struct hearer server = { 0 }, client = { 0 };
    struct address own;
    char text[ADDRESS_TEXT_MAX], before[200] = "";

    if (folder)
        snprintf(before, sizeof(before), "%s", folder);
    talk_new(&talk, poller, &Talker);
    serve(&server, &talk);
    CHECK(setenv("TMPDIR", "", 1) == 0); /* is none */
    call(&client, &talk, NULL);
    CHECK(port_get_host(&client.port->base, &own) == 0);
    address_text(&own, text);
    CHECK(!strncmp(text, "/tmp/untwist-", 13) && is_there(text));
    CHECK(setenv("TMPDIR", before, 1) == 0);
    talk_free(&talk);
    CHECK(!is_there(text));
}

static void U16_a_full_receiver(const char *poller)
{
    struct talk talk;
    struct hearer server = { 0 }, client = { 0 };
    int sent = 0;

    talk_new(&talk, poller, &Talker);
    serve(&server, &talk);
    call(&client, &talk, own_path);
    while (udp_port_write(client.port, "x", 1, NULL) == 0)
        CHECK(++sent < 100000);
    CHECK(errno == EAGAIN && sent > 0);
    TALK_UNTIL(&talk, server.received == sent);
    loop_check_quiet(talk.reactor);
    CHECK(client.refused == 0);
    CHECK(server.received == sent); /* what did not fit is gone */
    CHECK(udp_port_write(client.port, "x", 1, NULL) == 0);
    TALK_UNTIL(&talk, server.received == sent + 1);
    talk_free(&talk);
}

static void U16_sizes(const char *poller)
{
    static char bytes[1 << 20];
    struct talk talk;
    struct hearer server = { 0 }, client = { 0 };

    talk_new(&talk, poller, &Talker);
    serve(&server, &talk);
    call(&client, &talk, own_path);
    CHECK(udp_port_write(client.port, bytes, 1 << 16, NULL) == 0);
    TALK_UNTIL(&talk, server.received == 1);
    CHECK(server.length == 1 << 16);
    CHECK(udp_port_write(client.port, bytes, sizeof(bytes), NULL) == -1);
    CHECK(errno == EMSGSIZE);
    talk_free(&talk);
}

static void check_refused_path(struct talk *talk, const char *path, int error)
{
    struct hearer hearer = { .base.class = &Hearer };

    errno = 0;
    CHECK(
        !reactor_listen_unix_datagram(talk->reactor, path, &hearer.base, NULL));
    CHECK(errno == error && hearer.started == 0);
}

static void U16_cannot_listen(const char *poller)
{
    struct talk talk;
    struct hearer server = { 0 };
    char path[200];

    talk_new(&talk, poller, &Talker);
    check_refused_path(&talk, "", ENOENT);
    check_refused_path(&talk, "no/such/folder", ENOENT);
    memset(path, 'x', sizeof(path));
    path[sizeof(((struct sockaddr_un *)0)->sun_path)] = '\0';
    check_refused_path(&talk, path, ENAMETOOLONG);
    path[sizeof(((struct sockaddr_un *)0)->sun_path) - 1] = '\0';
    server.base.class = &Hearer;
    server.port =
        reactor_listen_unix_datagram(talk.reactor, path, &server.base, NULL);
    CHECK(server.port && is_there(path));
    check_refused_path(&talk, path, EADDRINUSE);
    close(open("regular", O_CREAT | O_WRONLY, 0600));
    check_refused_path(&talk, "regular", EADDRINUSE);
    CHECK(is_there("regular") && is_there(path));
    unlink("regular");
    talk_free(&talk);
    CHECK(!is_there(path));
}

static void U16_a_dead_file(const char *poller)
{
    struct talk talk;
    struct hearer client = { .base.class = &Hearer };
    const struct unix_datagram_options own = { .bind_path = own_path };
    struct address address;

    talk_new(&talk, poller, &Talker);
    CHECK(!reactor_connect_unix_datagram(talk.reactor, server_path,
                                         &client.base, &own));
    CHECK(errno == ENOENT);
    CHECK(address_from_path(&address, server_path) == 0);
    close(net_bind_udp(&address, NET_BLOCKING)); /* as if it was killed */
    CHECK(!reactor_connect_unix_datagram(talk.reactor, server_path,
                                         &client.base, &own));
    CHECK(errno == ECONNREFUSED && client.started == 0);
    CHECK(!is_there(own_path));
    check_refused_path(&talk, server_path, EADDRINUSE);
    unlink(server_path);
    talk_free(&talk);
}

static void U16_somebody_elses_file(const char *poller)
{
    struct talk talk;
    struct hearer server = { 0 };

    talk_new(&talk, poller, &Talker);
    serve(&server, &talk);
    CHECK(rename(server_path, own_path) == 0);
    close(open(server_path, O_CREAT | O_WRONLY, 0600));
    talk_free(&talk);
    CHECK(is_there(server_path) && is_there(own_path));
    unlink(server_path);
    unlink(own_path);
}

static void U7_U16_the_server_dies(const char *poller)
{
    struct talk talk;
    struct hearer server = { 0 }, client = { 0 };

    talk_new(&talk, poller, &Talker);
    serve(&server, &talk);
    call(&client, &talk, own_path);
    port_stop_listening(&server.port->base);
    TALK_UNTIL(&talk, server.stopped == 1);
    for (int i = 1; i <= 3; i++) {
        CHECK(udp_port_write(client.port, "x", 1, NULL) == -1);
        CHECK(errno == ECONNREFUSED && client.refused == i - 1);
        TALK_UNTIL(&talk, client.refused == i);
    }
    loop_check_quiet(talk.reactor);
    CHECK(client.refused == 3 && client.stopped == 0);
    talk_free(&talk);
}

static void U16_a_sender_without_a_file(const char *poller)
{
    struct talk talk;
    struct hearer server = { 0 };
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    talk_new(&talk, poller, &Talker);
    serve(&server, &talk);
    CHECK(address_from_path(&address, server_path) == 0);
    int fd = net_connect_udp(&address, NET_BLOCKING);
    CHECK(fd >= 0 && send(fd, "anonymous", 9, 0) == 9);
    TALK_UNTIL(&talk, server.received == 1);
    CHECK(!strcmp(address_text(&server.from, text), ""));
    CHECK(udp_port_write(server.port, "x", 1, &server.from) == -1);
    CHECK(errno == ENOTCONN && server.refused == 0);
    close(fd);
    talk_free(&talk);
}

static void U16_without_memory(const char *poller)
{
    struct talk talk;
    struct hearer server = { .base.class = &Hearer };

    talk_new(&talk, poller, &Talker);
    for (int after = 0; !server.port; after++) {
        CHECK(!is_there(server_path) && server.started == 0);
        unit_fail_allocation(after);
        server.port = reactor_listen_unix_datagram(talk.reactor, server_path,
                                                   &server.base, NULL);
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        CHECK(server.port || failed);
    }
    talk_free(&talk);
}

static const struct unit_case cases[] = {
    { "U16_question_and_answer", U16_question_and_answer },
    { "U16_the_mode", U16_the_mode },
    { "G5_U16_the_log", G5_U16_the_log },
    { "U16_an_invented_name", U16_an_invented_name },
    { "U16_a_full_receiver", U16_a_full_receiver },
    { "U16_sizes", U16_sizes },
    { "U16_cannot_listen", U16_cannot_listen },
    { "U16_a_dead_file", U16_a_dead_file },
    { "U16_somebody_elses_file", U16_somebody_elses_file },
    { "U7_U16_the_server_dies", U7_U16_the_server_dies },
    { "U16_a_sender_without_a_file", U16_a_sender_without_a_file },
    { "U16_without_memory", U16_without_memory },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
