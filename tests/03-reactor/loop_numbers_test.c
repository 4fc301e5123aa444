/* SPDX-License-Identifier: MIT
 *
 * Descriptors that a poller cannot watch, numbered too high, or no socket but
 * a file; and a poller that is broken itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "probe.h"
#include "unit.h"

/* A loop and a descriptor that it must serve all the time. */
static void open_one(struct reactor **reactor, struct probe *b,
                     const char *poller)
{
    *reactor = loop_new(poller);
    probe_open(b, *reactor, 'b');
    probe_add_reader(b);
    loop_turns(*reactor, 1);
}

/* Moves the watched end of a new probe to `number`. */
static void open_at(struct probe *probe, struct reactor *reactor, int number)
{
    probe_open(probe, reactor, 'n');
    CHECK(fcntl(probe->fd, F_DUPFD_CLOEXEC, number) == number);
    close(probe->fd);
    probe->fd = probe->descriptor->fd = number;
    probe_add_reader(probe);
}

static void too_large(const char *poller)
{
    struct reactor *reactor;
    struct probe b;
    struct probe last, beyond;

    unit_needs_descriptors(FD_SETSIZE + 1);
    open_one(&reactor, &b, poller);
    open_at(&last, reactor, FD_SETSIZE - 1);
    open_at(&beyond, reactor, FD_SETSIZE);
    loop_turns(reactor, 2);
    probe_poke(&last);
    if (!strcmp(poller, "select"))
        probe_check_lost(&beyond, ERANGE);
    else
        probe_poke(&beyond);
    loop_turns(reactor, 1);
    CHECK(last.reads == 1 && last.losses == 0);
    if (strcmp(poller, "select") != 0)
        CHECK(beyond.reads == 1 && beyond.losses == 0);
    probe_check_served(&b);
    reactor_free(reactor);
    probe_check_lost(&b, REASON_LOST);
    probe_check_lost(&last, REASON_LOST);
    if (strcmp(poller, "select") != 0)
        probe_check_lost(&beyond, REASON_LOST);
}

enum { FILE_BYTES = 10000 };

/* A regular file of that many bytes that has no name any more. */
static void open_file(struct probe *probe, struct reactor *reactor)
{
    static const char bytes[FILE_BYTES];
    char path[] = "file-XXXXXX";
    int fd = mkstemp(path);

    CHECK(fd >= 0 && unlink(path) == 0);
    CHECK(write(fd, bytes, FILE_BYTES) == FILE_BYTES);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    probe_adopt(probe, reactor, 'f', fd);
}

static int go_on(struct probe *self)
{
    (void)self;
    return REASON_NONE;
}

/* A file is always ready, also for epoll, which does not take it. */
static void regular_file(const char *poller)
{
    struct reactor *reactor;
    struct probe b;
    struct probe file, null;

    open_one(&reactor, &b, poller);
    open_file(&file, reactor);
    probe_adopt(&null, reactor, 'n', open("/dev/null", O_RDWR));
    probe_add_reader(&file);
    null.on_write = go_on;
    probe_add_writer(&null);
    loop_turns(reactor, 1);
    CHECK(file.reads == 1 && null.writes >= 1);
    null.on_read = go_on;
    probe_add_reader(&null); /* both, and then none of them */
    loop_turns(reactor, 1);
    CHECK(null.reads == 1);
    reactor_remove_reader(reactor, null.descriptor);
    reactor_remove_reader(reactor, file.descriptor);
    reactor_remove_writer(reactor, null.descriptor);
    probe_check_served(&b); /* paused, it does not keep the loop awake */
    CHECK(file.reads == 2);
    probe_add_reader(&file);
    probe_poke(&b);
    loop_turns(reactor, 1);
    CHECK(file.reads == 3 && b.reads == 2);
    probe_add_writer(&file);
    loop_turns(reactor, 3);
    CHECK(file.received == FILE_BYTES && file.writes == 1);
    probe_check_lost(&file, REASON_DONE);
    probe_check_served(&b);
    reactor_free(reactor);
    probe_check_lost(&b, REASON_LOST);
    probe_check_lost(&null, REASON_LOST);
}

static void many_files(const char *poller)
{
    enum { MANY = 20, CERTAIN = 16 };
    struct probe files[MANY];
    struct reactor *reactor;
    struct probe b;
    int read = 0;

    open_one(&reactor, &b, poller);
    for (int i = 0; i < MANY; i++) {
        open_file(&files[i], reactor);
        probe_add_reader(&files[i]);
    }
    loop_turns(reactor, 6);
    for (int i = 0; i < MANY; i++) {
        /* None is forgotten, it is read or refused. */
        probe_check_lost(&files[i], files[i].reads ? REASON_DONE : EPERM);
        read += files[i].received == FILE_BYTES;
    }
    CHECK(read >= (!strcmp(poller, "epoll") ? CERTAIN : MANY));
    probe_check_served(&b);
    reactor_free(reactor);
    probe_check_lost(&b, REASON_LOST);
}

static int find_epoll(void)
{
    char path[32], target[32];

    for (int fd = 0; fd < 100; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, sizeof(target));
        if (length > 0 &&
            !strncmp(target, "anon_inode:[eventpoll]", (size_t)length))
            return fd;
    }
    return -1;
}

/* What cannot be helped ends the loop; it does not spin. */
static void broken_poller(const char *poller)
{
    struct reactor *reactor;
    struct probe b;

    open_one(&reactor, &b, poller);
    if (!strcmp(poller, "epoll")) {
        CHECK(close(find_epoll()) == 0);
        errno = 0;
        CHECK(reactor_run(reactor) == -1 && errno == EBADF);
        CHECK(!reactor_running(reactor));
    }
    reactor_free(reactor);
    probe_check_lost(&b, REASON_LOST);
}

static const struct unit_case cases[] = {
    { "too_large", too_large },
    { "regular_file", regular_file },
    { "many_files", many_files },
    { "broken_poller", broken_poller },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
