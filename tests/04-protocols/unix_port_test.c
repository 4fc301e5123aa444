/* SPDX-License-Identifier: MIT
 *
 * Listening at a path: rows U12 and U13. Each case bears the name of its row.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "protocol/log.h"
#include "unix_talk.h"

static int chmod_error; /* 0: none */

int __real_chmod(const char *name, mode_t mode);
int __wrap_chmod(const char *name, mode_t mode);

int __wrap_chmod(const char *name, mode_t mode)
{
    if (!chmod_error)
        return __real_chmod(name, mode);
    errno = chmod_error;
    return -1;
}

/* Between our open and our lock its owner removes the file, so many times. */
static int lock_races;
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

int __wrap_flock(int fd, int operation)
{
    if (lock_races > 0 && lock_races--)
        CHECK(unlink(lock) == 0);
    return __real_flock(fd, operation);
}

static const struct unix_port_options replacing = { .want_pid = true };

static struct port *listen_there(struct talk *talk,
                                 const struct unix_port_options *options)
{
    return reactor_listen_unix(talk->reactor, path, &talk->base, options);
}

/* Listening fails with `error`, and the factory is not started. */
static void check_refused(struct talk *talk, const char *name,
                          const struct unix_port_options *options, int error)
{
    int started = talk->started;

    errno = 0;
    CHECK(!reactor_listen_unix(talk->reactor, name, &talk->base, options));
    CHECK(errno == error && talk->started == started);
}

/* Somebody who comes is served. */
static void check_served(struct talk *talk)
{
    size_t received = talk->received;
    int fd = unix_knock();

    CHECK(fd >= 0);
    peer_send(fd, "hello");
    TALK_UNTIL(talk, talk->received == received + 5);
    close(fd);
}

static int mode_of(const char *name)
{
    struct stat status;

    CHECK(lstat(name, &status) == 0);
    return status.st_mode & 07777;
}

static void U12_listens_before_it_returns(const char *poller)
{
    struct talk talk;

    unix_new(&talk, poller);
    CHECK(listen_there(&talk, NULL) && talk.started == 1);
    CHECK(kernel_backlog() == 50);
    int fd = unix_knock(); /* no turn yet */
    CHECK(fd >= 0);
    TALK_UNTIL(&talk, talk.made == 1);
    close(fd);
    talk_free(&talk);
}

static void U12_the_mode_is_not_the_umask(const char *poller)
{
    const mode_t masks[] = { 0, 022, 077, 0777 };
    const struct unix_port_options narrow = { .mode = 0600, .backlog = 7 };
    struct talk talk;

    unix_new(&talk, poller);
    for (int i = 0; i < 4; i++) {
        mode_t before = umask(masks[i]);
        struct port *port = listen_there(&talk, NULL);
        CHECK(port && mode_of(path) == 0666);
        port_stop_listening(port);
        loop_turns(talk.reactor, 2);
        port = listen_there(&talk, &narrow);
        CHECK(port && mode_of(path) == 0600 && kernel_backlog() == 7);
        port_stop_listening(port);
        loop_turns(talk.reactor, 2);
        umask(before);
    }
    talk_free(&talk);
}

/* A file that cannot have its mode is none that anybody is to find. */
static void U12_no_mode_no_file(const char *poller)
{
    struct talk talk;

    unix_new(&talk, poller);
    chmod_error = EPERM;
    check_refused(&talk, path, NULL, EPERM);
    check_refused(&talk, path, &replacing, EPERM);
    chmod_error = 0;
    CHECK(unix_kind(path) == 0);
    CHECK(listen_there(&talk, &replacing) != NULL);
    talk_free(&talk);
    CHECK(unix_kind(lock) == 0);
}

static void listen_again(void *argument)
{
    struct talk *talk = argument;

    CHECK(talk->stopped == 1 && unix_kind(path) == 0);
    CHECK(listen_there(talk, &replacing) != NULL);
    unit_note("again ");
}

static void U12_stop_and_listen_again(const char *poller)
{
    struct talk talk;

    unix_new(&talk, poller);
    struct port *port = listen_there(&talk, &replacing);
    int fd = unix_knock();
    TALK_UNTIL(&talk, talk.made == 1);
    port_on_stopped(port, listen_again, &talk);
    port_stop_listening(port);
    port_stop_listening(port);                       /* twice is once */
    CHECK(unix_kind(path) == 's' && unit_noted("")); /* not yet */
    loop_turns(talk.reactor, 2);
    CHECK(unit_noted("again ") && talk.started == 2);
    peer_send(fd, "hello"); /* connections stay */
    TALK_UNTIL(&talk, talk.received == 5);
    check_served(&talk);
    close(fd);
    talk_free(&talk);
    CHECK(unix_kind(path) == 0);
}

static void U12_the_file_goes_with_the_loop(const char *poller)
{
    struct talk talk;
    struct delayed_call stop = { 0 };

    unix_new(&talk, poller);
    CHECK(listen_there(&talk, NULL) != NULL);
    CHECK(unix_kind(path) == 's');
    talk_free(&talk); /* which never ran */
    CHECK(unix_kind(path) == 0);
    unix_new(&talk, poller);
    CHECK(listen_there(&talk, NULL) != NULL);
    CHECK(!reactor_call_later(talk.reactor, &stop, 0, loop_stop, talk.reactor));
    CHECK(reactor_run(talk.reactor) == 0);
    CHECK(unix_kind(path) == 0);
    talk_free(&talk);
}

static int listening_number(void)
{
    for (int fd = 0; fd < 64; fd++) {
        int listens = 0;
        socklen_t length = sizeof(listens);
        if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) &&
            listens)
            return fd;
    }
    return -1;
}

static void note_order(struct factory *base)
{
    ((struct talk *)base)->stopped++;
    unit_note(unix_kind(path) ? "there " : "gone ");
    unit_note(listening_number() < 0 ? "closed " : "open ");
}

/* Else a client could be refused, or another's new file be taken for ours. */
static void U12_unlinked_before_it_is_closed(const char *poller)
{
    struct talk talk;

    unix_new(&talk, poller);
    talk.base.stop_factory = note_order;
    struct port *port = listen_there(&talk, NULL);
    port_stop_listening(port);
    loop_turns(talk.reactor, 2);
    CHECK(unit_noted("gone open ") && listening_number() < 0);
    talk_free(&talk);
}

static void make_file(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);

    CHECK(fd >= 0 && write(fd, "mine", 4) == 4);
    close(fd);
}

static void check_file(const char *name)
{
    char bytes[8];
    int fd = open(name, O_RDONLY);

    CHECK(fd >= 0 && read(fd, bytes, sizeof(bytes)) == 4);
    CHECK(!memcmp(bytes, "mine", 4));
    close(fd);
}

static void U12_somebody_elses_file_stays(const char *poller)
{
    struct talk talk;

    unix_new(&talk, poller);
    struct port *port = listen_there(&talk, NULL);
    CHECK(unlink(path) == 0);
    make_file(path);
    port_stop_listening(port);
    loop_turns(talk.reactor, 2);
    check_file(path);
    CHECK(unlink(path) == 0);
    CHECK(listen_there(&talk, NULL) != NULL);
    CHECK(unlink(path) == 0);
    int other = unix_bare_listener(1);
    talk_free(&talk);
    CHECK(unix_kind(path) == 's');
    close(other);
    unlink(path);
}

static void U13_what_is_there_is_in_the_way(const char *poller)
{
    struct talk talk, other;

    unix_new(&talk, poller);
    unix_join(&other, talk.reactor);
    CHECK(listen_there(&talk, NULL) != NULL);
    check_refused(&other, path, NULL, EADDRINUSE);
    check_served(&talk);
    talk_free(&talk);
    unix_new(&talk, poller);
    unix_leave_stale();
    check_refused(&talk, path, NULL, EADDRINUSE);
    CHECK(unix_kind(path) == 's' && unix_kind(lock) == 0);
    talk_free(&talk);
    CHECK(unix_kind(path) == 's');
    unlink(path);
}

static void U13_a_stale_socket_is_replaced(const char *poller)
{
    struct talk talk;
    struct address address;

    for (int again = 0; again < 2; again++) { /* then with a lock file, too */
        unix_new(&talk, poller);
        if (again)
            make_file(lock);
        unix_leave_stale();
        CHECK(listen_there(&talk, &replacing) != NULL);
        CHECK(mode_of(path) == 0666);
        CHECK(again || mode_of(lock) == 0600);
        check_served(&talk);
        talk_free(&talk);
        CHECK(unix_kind(path) == 0);
        if (again)
            check_file(lock);
    }
    /* One that got datagrams once is as dead as any. */
    unix_new(&talk, poller);
    CHECK(address_from_path(&address, path) == 0);
    close(net_bind_udp(&address, NET_NONBLOCKING));
    CHECK(listen_there(&talk, &replacing) != NULL);
    check_served(&talk);
    talk_free(&talk);
    CHECK(unix_kind(lock) == 0);
}

static void U13_a_live_server_is_not_displaced(const char *poller)
{
    struct talk talk, other;

    unix_new(&talk, poller);
    unix_join(&other, talk.reactor);
    CHECK(listen_there(&talk, &replacing) != NULL);
    for (int i = 0; i < 3; i++) /* nor does trying wear out the lock */
        check_refused(&other, path, &replacing, EADDRINUSE);
    CHECK(unlink(path) == 0); /* even now it is the lock that counts */
    check_refused(&other, path, &replacing, EADDRINUSE);
    CHECK(unix_kind(path) == 0);
    talk_free(&talk);
    CHECK(unix_kind(lock) == 0);
}

static void L15_a_lock_that_was_removed_is_none(const char *poller)
{
    struct talk talk, other;

    unix_new(&talk, poller);
    unix_join(&other, talk.reactor);
    lock_races = 2;
    CHECK(listen_there(&talk, &replacing) && lock_races == 0);
    CHECK(unix_kind(lock) == '-'); /* the third, which we hold */
    CHECK(unlink(path) == 0);
    check_refused(&other, path, &replacing, EADDRINUSE);
    talk_free(&talk);
    CHECK(unix_kind(lock) == 0);
    unix_new(&talk, poller);
    lock_races = 1000; /* for ever, but we do not try that long */
    check_refused(&talk, path, &replacing, EADDRINUSE);
    lock_races = 0;
    talk_free(&talk);
}

static void U13_nor_one_that_takes_no_lock(const char *poller)
{
    struct talk talk;
    struct address address;
    int fds[3];

    unix_new(&talk, poller);
    int live = unix_bare_listener(1);
    check_refused(&talk, path, &replacing, EADDRINUSE);
    for (int i = 0; i < 3; i++) /* the last is for a full queue */
        fds[i] = unix_knock();
    CHECK(fds[2] < 0);
    check_refused(&talk, path, &replacing, EADDRINUSE);
    close(fds[0]);
    close(fds[1]);
    close(live);
    CHECK(unlink(path) == 0 && address_from_path(&address, path) == 0);
    live = net_bind_udp(&address, NET_NONBLOCKING);
    check_refused(&talk, path, &replacing, EADDRINUSE);
    CHECK(unix_kind(path) == 's');
    close(live);
    /* And the lock was given back each time. */
    CHECK(listen_there(&talk, &replacing) != NULL);
    check_served(&talk);
    talk_free(&talk);
    CHECK(unix_kind(lock) == 0);
}

static void U13_what_is_no_socket_stays(const char *poller)
{
    const struct unix_port_options *all[] = { NULL, &replacing };
    struct talk talk;

    unix_new(&talk, poller);
    for (int i = 0; i < 2; i++) {
        make_file(path);
        check_refused(&talk, path, all[i], EADDRINUSE);
        check_file(path);
        CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
        check_refused(&talk, path, all[i], EADDRINUSE);
        CHECK(rmdir(path) == 0 && mkfifo(path, 0600) == 0);
        check_refused(&talk, path, all[i], EADDRINUSE);
        CHECK(unlink(path) == 0);
        /* A link stays, and so does the stale socket at its end. */
        unix_leave_stale();
        CHECK(rename(path, "unix-test.end") == 0);
        CHECK(symlink("unix-test.end", path) == 0);
        check_refused(&talk, path, all[i], EADDRINUSE);
        CHECK(unix_kind("unix-test.end") == 's');
        CHECK(unlink("unix-test.end") == 0);
        check_refused(&talk, path, all[i], EADDRINUSE);
        CHECK(unix_kind(path) == 'l' && unlink(path) == 0);
        CHECK(unix_kind("unix-test.end") == 0);
    }
    CHECK(unix_kind(lock) == 0); /* L15 */
    CHECK(symlink("unix-test.end", lock) == 0);
    check_refused(&talk, path, &replacing, ELOOP);
    CHECK(unix_kind("unix-test.end") == 0 && unlink(lock) == 0);
    talk_free(&talk);
}

static void T22_the_length_of_a_path(const char *poller)
{
    char longest[ADDRESS_PATH_MAX + 2];
    char locked[sizeof(longest) + sizeof(".lock")];
    char text[UNIX_PORT_TEXT_MAX];
    struct talk talk;

    CHECK(ADDRESS_PATH_MAX + 1 == sizeof(((struct sockaddr_un *)0)->sun_path));
    memset(longest, 'x', sizeof(longest));
    longest[ADDRESS_PATH_MAX + 1] = '\0';
    unix_new(&talk, poller);
    check_refused(&talk, longest, NULL, ENAMETOOLONG);
    check_refused(&talk, longest, &replacing, ENAMETOOLONG);
    check_refused(&talk, "", NULL, ENOENT);
    check_refused(&talk, "unix-test.none/s", NULL, ENOENT);
    check_refused(&talk, "unix-test.none/s", &replacing, ENOENT);
    longest[ADDRESS_PATH_MAX] = '\0';
    CHECK(reactor_listen_unix(talk.reactor, longest, &talk.base, &replacing));
    CHECK(unix_kind(longest) == 's');
    CHECK(strstr(unix_port_cannot_listen(text, longest, EADDRINUSE), longest));
    CHECK(strstr(text, "x: [Errno 98] Address already in use."));
    CHECK(reactor_connect_unix(talk.reactor, longest, &talk.base, NULL));
    TALK_UNTIL(&talk, talk.made == 2);
    talk_free(&talk);
    CHECK(unix_kind(longest) == 0);
    snprintf(locked, sizeof(locked), "%s.lock", longest);
    CHECK(unix_kind(locked) == 0);
    CHECK(!strcmp(unix_port_cannot_listen(text, "/tmp/s", EADDRINUSE),
                  "Couldn't listen on any:/tmp/s: [Errno 98] Address already "
                  "in use."));
}

static void no_memory_costs_nothing_else(const char *poller)
{
    struct talk talk;

    unix_new(&talk, poller);
    for (int i = 0;; i++) {
        unit_fail_allocation(i);
        struct port *port = listen_there(&talk, &replacing);
        bool failed = unit_allocation_failed();
        unit_fail_allocation(-1);
        if (!failed) {
            CHECK(port != NULL);
            break;
        }
        CHECK(!port && errno == ENOMEM);
        CHECK(talk.started == 0 && unix_kind(path) == 0);
    }
    check_served(&talk);
    talk_free(&talk);
    CHECK(unix_kind(lock) == 0);
}

static void listen_too_late(struct factory *base)
{
    struct talk *talk = (struct talk *)base;

    talk->stopped++;
    CHECK(!listen_there(talk, &replacing));
    CHECK(errno == ECANCELED);
    unit_note("too late ");
}

static void a_loop_that_is_being_freed(const char *poller)
{
    struct talk talk;

    unix_new(&talk, poller);
    talk.base.stop_factory = listen_too_late;
    CHECK(listen_there(&talk, NULL) != NULL);
    talk_free(&talk);
    CHECK(unit_noted("too late ") && unix_kind(path) == 0);
    unlink(lock);
}

static void every_descriptor_has_its_flags(const char *poller)
{
    bool there[64];
    struct talk talk;

    unix_new(&talk, poller);
    for (int fd = 0; fd < 64; fd++)
        there[fd] = fcntl(fd, F_GETFD) >= 0;
    CHECK(listen_there(&talk, &replacing) != NULL);
    int peer = unix_knock(), found = 0;
    TALK_UNTIL(&talk, talk.made == 1);
    for (int fd = 0; fd < 64; fd++) {
        struct stat status;
        if (fd == peer || there[fd] || fcntl(fd, F_GETFD) < 0)
            continue;
        CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        CHECK(fstat(fd, &status) == 0);
        CHECK(!S_ISSOCK(status.st_mode) || fcntl(fd, F_GETFL) & O_NONBLOCK);
        found++;
    }
    CHECK(found == 4); /* the port, its lock, its reserve, the connection */
    close(peer);
    talk_free(&talk);
    CHECK(unix_kind(lock) == 0);
}

/* What the log calls a connection, and what it is told of its two ends. */
static void check_names(struct talk *talk, const char *peer)
{
    struct address address;
    char text[RUNNING_TEXT_MAX];

    CHECK(transport_get_peer(talk_transport(talk), &address) == 0);
    CHECK(!strcmp(address_text(&address, text), peer));
    CHECK(transport_get_host(talk_transport(talk), &address) == 0);
    CHECK(!strcmp(address_text(&address, text), path));
}

static void peers_with_and_without_a_name(const char *poller)
{
    const char nowhere[] = "\0no\nfile";
    struct talk talk;
    struct address local = { .bytes.ss_family = AF_UNIX }, server;
    char text[ADDRESS_TEXT_MAX];

    unix_new(&talk, poller);
    CHECK(listen_there(&talk, NULL) != NULL);
    int fd = unix_knock();
    TALK_UNTIL(&talk, talk.made == 1);
    check_names(&talk, "");
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(address_from_path(&server, path) == 0);
    unlink("unix-test.end");
    CHECK(address_from_path(&local, "unix-test.end") == 0);
    fd = net_connect_tcp(&server, &local);
    TALK_UNTIL(&talk, talk.made == 2);
    check_names(&talk, "unix-test.end");
    close(fd);
    CHECK(unlink("unix-test.end") == 0);
    TALK_UNTIL(&talk, talk.lost == 2);
    memcpy((char *)&local.bytes + sizeof(sa_family_t), nowhere,
           sizeof(nowhere) - 1);
    local.length = sizeof(sa_family_t) + sizeof(nowhere) - 1;
    CHECK(!strcmp(address_text(&local, text), "\\x00no\\x0afile"));
    talk_free(&talk);
}

/* Without a deadline: `text` is in the log. */
static void check_logged(FILE *paper, const char *text)
{
    static char all[4096];

    fflush(paper);
    rewind(paper);
    size_t length = fread(all, 1, sizeof(all) - 1, paper);
    all[length] = '\0';
    if (!strstr(all, text))
        fprintf(stderr, "no '%s' in %s\n", text, all);
    CHECK(strstr(all, text) != NULL);
    fseek(paper, 0, SEEK_END);
}

/* Somebody is served whose socket has a name. */
static void check_served_by(struct talk *talk, const char *name)
{
    struct address local, server;
    size_t received = talk->received;

    unlink(name);
    CHECK(address_from_path(&local, name) == 0);
    CHECK(address_from_path(&server, path) == 0);
    int fd = net_connect_tcp(&server, &local);
    CHECK(fd >= 0);
    peer_send(fd, "hello");
    TALK_UNTIL(talk, talk->received == received + 5);
    close(fd);
    unlink(name);
}

static void say(struct talker *self)
{
    (void)self;
    log_message("data");
}

static void G5_the_standing_lines(const char *poller)
{
    FILE *paper = tmpfile();
    struct talk talk;
    char line[200];

    CHECK(paper != NULL);
    unix_new(&talk, poller);
    log_start(paper, talk.reactor);
    talk.on_data = say;
    struct port *port = listen_there(&talk, NULL);
    snprintf(line, sizeof(line), "[-] TalkFactory starting on %s\n", path);
    check_logged(paper, line);
    check_logged(paper, "[-] Starting factory TalkFactory\n");
    check_served(&talk);
    check_logged(paper, "[Talker,0,] data\n"); /* it has no name */
    check_served_by(&talk, "unix-test.end");
    check_logged(paper, "[Talker,1,unix-test.end] data\n");
    port_stop_listening(port);
    loop_turns(talk.reactor, 2);
    snprintf(line, sizeof(line), "[-] (UNIX Port %s Closed)\n", path);
    check_logged(paper, line);
    check_logged(paper, "[-] Stopping factory TalkFactory\n");
    talk_free(&talk);
    fclose(paper);
}

static const struct unit_case cases[] = {
    { "U12_listens_before_it_returns", U12_listens_before_it_returns },
    { "U12_the_mode_is_not_the_umask", U12_the_mode_is_not_the_umask },
    { "U12_no_mode_no_file", U12_no_mode_no_file },
    { "U12_stop_and_listen_again", U12_stop_and_listen_again },
    { "U12_the_file_goes_with_the_loop", U12_the_file_goes_with_the_loop },
    { "U12_unlinked_before_it_is_closed", U12_unlinked_before_it_is_closed },
    { "U12_somebody_elses_file_stays", U12_somebody_elses_file_stays },
    { "U13_what_is_there_is_in_the_way", U13_what_is_there_is_in_the_way },
    { "U13_a_stale_socket_is_replaced", U13_a_stale_socket_is_replaced },
    { "U13_a_live_server_is_not_displaced",
      U13_a_live_server_is_not_displaced },
    { "L15_a_lock_that_was_removed_is_none",
      L15_a_lock_that_was_removed_is_none },
    { "U13_nor_one_that_takes_no_lock", U13_nor_one_that_takes_no_lock },
    { "U13_what_is_no_socket_stays", U13_what_is_no_socket_stays },
    { "T22_the_length_of_a_path", T22_the_length_of_a_path },
    { "no_memory_costs_nothing_else", no_memory_costs_nothing_else },
    { "a_loop_that_is_being_freed", a_loop_that_is_being_freed },
    { "every_descriptor_has_its_flags", every_descriptor_has_its_flags },
    { "peers_with_and_without_a_name", peers_with_and_without_a_name },
    { "G5_the_standing_lines", G5_the_standing_lines },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
