/* SPDX-License-Identifier: MIT
 *
 * Descriptors that travel with a stream: row U15. Each case bears its name.
 *
 * A descriptor is known by its offset: all are of one empty file, each opened
 * anew, and the n-th stands at n.
 */
#define _DEFAULT_SOURCE /* syscall, for a sendmsg that refuses */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "protocol/log.h"
#include "protocol/string_transport.h"
#include "unix/unix_descriptors.h"
#include "unix_talk.h"

enum { MANY = 253 }; /* what a message of Linux can carry */

static int got[2048], count;              /* the offsets of those that came */
static void (*then)(struct talker *self); /* done for each */
static int refusals, refusal;             /* of sendmsg */

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (refusals > 0 && refusals--) {
        errno = refusal;
        return -1;
    }
    return syscall(SYS_sendmsg, fd, message, flags);
}

static int numbered(int number)
{
    int fd = open("unix-test.file", O_RDONLY | O_CREAT, 0600);

    CHECK(fd >= 0 && lseek(fd, number, SEEK_SET) == number);
    return fd;
}

static int number_of(int fd)
{
    return (int)lseek(fd, 0, SEEK_CUR);
}

static void received(struct protocol *self, int fd)
{
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
    got[count++] = number_of(fd);
    close(fd);
    if (((struct talker *)self)->talk->notes)
        unit_note("fd ");
    if (then)
        then((struct talker *)self);
}

static void enable(struct talker *self)
{
    CHECK(unix_descriptors_enable(self->base.transport, received) == 0);
}

/* A talk over UNIX whose connections are enabled, and a bare peer of it. */
static int enabled(struct talk *talk, const char *poller)
{
    unix_new(talk, poller);
    talk->on_made = enable;
    CHECK(reactor_listen_unix(talk->reactor, path, &talk->base, NULL));
    int fd = unix_knock();
    CHECK(fd >= 0);
    TALK_UNTIL(talk, talk->made == 1);
    return fd;
}

static void finish(struct talk *talk, int fd)
{
    if (fd >= 0)
        close(fd);
    talk_free(talk);
    unlink("unix-test.file");
}

/* What the peer sends: the text, and with it `many` descriptors numbered from
 * `first` on. */
static ssize_t push(int fd, const char *text, const int *fds, size_t many)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(MANY * sizeof(int))] = "";
    struct iovec piece = { (char *)text, strlen(text) };
    struct msghdr message = { .msg_iov = &piece,
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen =
                                  CMSG_SPACE(many * sizeof(int)) };
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);

    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(many * sizeof(int));
    memcpy(CMSG_DATA(part), fds, many * sizeof(int));
    return syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
}

static void give(int fd, const char *text, int first, int many)
{
    int fds[MANY];

    for (int i = 0; i < many; i++)
        fds[i] = numbered(first + i);
    CHECK(push(fd, text, fds, (size_t)many) == (ssize_t)strlen(text));
    for (int i = 0; i < many; i++)
        close(fds[i]);
}

/* What the peer receives in one call: at most `most` bytes, and the number of
 * the one descriptor among them, or -1. -2: nothing is there. */
static int take(int fd, char *bytes, size_t most)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
    struct iovec piece = { bytes, most };
    struct msghdr message = { .msg_iov = &piece,
                              .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof(control) };
    ssize_t length = recvmsg(fd, &message, 0);
    int came;

    if (length <= 0)
        return -2;
    bytes[length] = '\0';
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    if (!part)
        return -1;
    CHECK(part->cmsg_len == CMSG_LEN(sizeof(int)));
    memcpy(&came, CMSG_DATA(part), sizeof(came));
    int number = number_of(came);
    close(came);
    return number;
}

/* Sends one and closes it at once. */
static int send_number(struct talk *talk, int number)
{
    int fd = numbered(number);
    int result = unix_descriptors_send(talk_transport(talk), fd);
    int error = errno;

    close(fd);
    errno = error;
    return result;
}

static void begin(void)
{
    count = 0;
    then = NULL;
}

static void U15_before_the_byte_it_came_with(const char *poller)
{
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    talk.notes = true;
    give(fd, "a", 7, 1);
    peer_send(fd, "b");
    give(fd, "c", 8, 1);
    give(fd, "d", 9, 2);
    TALK_UNTIL(&talk, talk.received == 4);
    CHECK(unit_noted("fd data fd data fd fd data ")); /* a, bc, d */
    CHECK(count == 4 && got[0] == 7 && got[1] == 8);
    CHECK(got[2] == 9 && got[3] == 10 && !strcmp(talk.text, "abcd"));
    finish(&talk, fd);
}

static void U15_many_in_one_message(const char *poller)
{
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    talk.notes = true;
    give(fd, "abc", 0, MANY);
    TALK_UNTIL(&talk, talk.received == 3);
    CHECK(count == MANY);
    for (int i = 0; i < MANY; i++)
        CHECK(got[i] == i);
    finish(&talk, fd);
}

static void U15_with_the_first_byte_not_sent(const char *poller)
{
    struct talk talk;
    char bytes[8];

    begin();
    int fd = enabled(&talk, poller);
    transport_write_text(talk_transport(&talk), "ab");
    CHECK(send_number(&talk, 1) == 0);
    CHECK(send_number(&talk, 2) == 0);
    transport_write_text(talk_transport(&talk), "cd");
    CHECK(take(fd, bytes, 8) == -2); /* not yet */
    loop_turns(talk.reactor, 1);
    CHECK(take(fd, bytes, 7) == 1 && !strcmp(bytes, "a"));
    CHECK(take(fd, bytes, 7) == 2 && !strcmp(bytes, "b"));
    CHECK(take(fd, bytes, 7) == -1 && !strcmp(bytes, "cd"));
    CHECK(send_number(&talk, 3) == 0); /* the bytes may come later */
    transport_write_text(talk_transport(&talk), "e");
    loop_turns(talk.reactor, 1);
    CHECK(take(fd, bytes, 7) == 3 && !strcmp(bytes, "e"));
    CHECK(transport_queued(talk_transport(&talk)) == 0 && talk.lost == 0);
    finish(&talk, fd);
}

static void U15_sixty_four_and_no_more(const char *poller)
{
    struct talk talk;
    char bytes[80];

    begin();
    int fd = enabled(&talk, poller);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < UNIX_DESCRIPTORS_MAX; i++)
            CHECK(send_number(&talk, i) == 0);
        CHECK(send_number(&talk, 64) == -1 && errno == EAGAIN);
        talk_write(&talk, UNIX_DESCRIPTORS_MAX + 1);
        loop_turns(talk.reactor, 1);
        for (int i = 0; i < UNIX_DESCRIPTORS_MAX; i++)
            CHECK(take(fd, bytes, 79) == i);
        CHECK(take(fd, bytes, 79) == -1);
    }
    finish(&talk, fd);
}

static void check_overrun(const char *poller, const char *text, int many)
{
    FILE *paper = tmpfile();
    char all[1024] = "", bytes[8];
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    CHECK(paper != NULL);
    log_start(paper, talk.reactor);
    transport_write_text(talk_transport(&talk), text);
    for (int i = 0; i < many; i++)
        CHECK(send_number(&talk, i) == 0);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(take(fd, bytes, 7) == -2); /* none of it has left */
    CHECK(talk.reason.type == &ConnectionLost);
    rewind(paper);
    CHECK(fread(all, 1, sizeof(all) - 1, paper) > 0);
    CHECK(strstr(all, "] A mis-use of IUNIXTransport.sendFileDescriptor caused "
                      "the connection to be closed.\n"));
    CHECK(strstr(all, "[Talker,0,"));
    finish(&talk, fd);
    fclose(paper);
}

static void U15_one_and_no_byte_ends_it(const char *poller)
{
    check_overrun(poller, "", 1);
}

static void U15_more_than_bytes_end_it(const char *poller)
{
    check_overrun(poller, "ab", 3);
}

/* The kernel takes no more in the middle of them. */
static void U15_a_peer_that_does_not_read(const char *poller)
{
    struct talk talk;
    char bytes[2];
    int next = 0, queued = 0;

    begin();
    int fd = enabled(&talk, poller);
    for (int more = 1; more;) {
        while (send_number(&talk, queued) == 0) {
            transport_write_text(talk_transport(&talk), "x");
            queued++;
        }
        CHECK(errno == EAGAIN);
        size_t before = transport_queued(talk_transport(&talk));
        loop_turns(talk.reactor, 1);
        more = transport_queued(talk_transport(&talk)) < before;
    }
    CHECK(queued > 2 * UNIX_DESCRIPTORS_MAX && talk.lost == 0);
    loop_check_quiet(talk.reactor);
    while (next < queued) {
        TALK_UNTIL(&talk, (count = take(fd, bytes, 1)) != -2);
        CHECK(count == next++);
    }
    CHECK(transport_queued(talk_transport(&talk)) == 0 && talk.lost == 0);
    finish(&talk, fd);
}

static void U15_a_kernel_that_refuses(const char *poller)
{
    const int errors[] = { EAGAIN, EINTR, ENOBUFS };
    struct talk talk;
    char bytes[8];

    begin();
    int fd = enabled(&talk, poller);
    for (int i = 0; i < 3; i++) {
        CHECK(send_number(&talk, i) == 0);
        transport_write_text(talk_transport(&talk), "ab");
        refusals = 2;
        refusal = errors[i];
        TALK_UNTIL(&talk, transport_queued(talk_transport(&talk)) == 0);
        CHECK(refusals == 0);
        CHECK(take(fd, bytes, 7) == i && !strcmp(bytes, "a"));
        CHECK(take(fd, bytes, 7) == -1 && !strcmp(bytes, "b"));
    }
    CHECK(send_number(&talk, 0) == 0 && send_number(&talk, 1) == 0);
    transport_write_text(talk_transport(&talk), "ab");
    refusals = 1;
    refusal = ETOOMANYREFS;
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(talk.reason.number == ETOOMANYREFS);
    finish(&talk, fd);
}

/* Gives the writing end of a pipe away; returns the other. */
static int give_pipe(int fd)
{
    int ends[2];

    CHECK(pipe(ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(push(fd, "ab", &ends[1], 1) == 2);
    close(ends[1]);
    return ends[0];
}

static void check_closed(int end)
{
    char byte;

    CHECK(read(end, &byte, 1) == 0); /* nobody has it open */
    close(end);
}

static void U15_unwanted_ones_are_closed(const char *poller)
{
    struct talk talk;

    begin();
    for (int i = 0; i < 2; i++) {
        unix_new(&talk, poller);
        CHECK(reactor_listen_unix(talk.reactor, path, &talk.base, NULL));
        int fd = unix_knock();
        TALK_UNTIL(&talk, talk.made == 1);
        if (i)
            CHECK(!unix_descriptors_enable(talk_transport(&talk), NULL));
        for (size_t n = 1; n < 100; n++) {
            int end = give_pipe(fd);
            char byte;
            CHECK(read(end, &byte, 1) < 0 && errno == EAGAIN);
            TALK_UNTIL(&talk, talk.received == 2 * n);
            check_closed(end);
        }
        CHECK(count == 0 && talk.lost == 0);
        finish(&talk, fd);
    }
}

static void refuse_more(struct talker *self)
{
    CHECK(!unix_descriptors_enable(self->base.transport, NULL));
}

static void U15_unwanted_from_now_on(const char *poller)
{
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    then = refuse_more;
    give(fd, "a", 1, 3);
    give(fd, "b", 1, 3);
    TALK_UNTIL(&talk, talk.received == 2);
    CHECK(count == 1);
    enable(talk.last);
    give(fd, "c", 5, 1);
    TALK_UNTIL(&talk, talk.received == 3);
    CHECK(count == 2 && got[1] == 5);
    finish(&talk, fd);
}

static void do_abort(struct talker *self)
{
    transport_abort_connection(self->base.transport);
}

static void do_lose(struct talker *self)
{
    transport_lose_connection(self->base.transport);
}

static void do_pause(struct talker *self)
{
    transport_pause_producing(self->base.transport);
}

static void U15_aborted_when_one_comes(const char *poller)
{
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    talk.notes = true;
    then = do_abort;
    give(fd, "a", 1, 3);
    give(fd, "b", 1, 3);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(unit_noted("fd lost ") && talk.reason.type == &ConnectionAborted);
    finish(&talk, fd);
}

static void U15_closed_when_one_comes(const char *poller)
{
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    talk.notes = true;
    then = do_lose;
    give(fd, "a", 1, 2);
    give(fd, "b", 1, 2);
    loop_turns(talk.reactor, 2);
    CHECK(unit_noted("fd fd data ")); /* what came with it, and no more */
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(talk.reason.type == &ConnectionDone && count == 2);
    finish(&talk, -1);
}

static void U15_paused_when_one_comes(const char *poller)
{
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    talk.notes = true;
    then = do_pause;
    give(fd, "a", 1, 1);
    give(fd, "b", 2, 1);
    loop_turns(talk.reactor, 3);
    CHECK(unit_noted("fd data "));
    transport_resume_producing(talk_transport(&talk));
    loop_turns(talk.reactor, 3);
    CHECK(unit_noted("fd data ") && got[0] == 1 && got[1] == 2);
    finish(&talk, fd);
}

static void U15_too_late_for_anybody(const char *poller)
{
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    transport_lose_connection(talk_transport(&talk));
    loop_turns(talk.reactor, 2);
    CHECK(send_number(&talk, 1) == -1 && errno == ENOTCONN);
    int end = give_pipe(fd);
    loop_turns(talk.reactor, 2);
    check_closed(end);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(count == 0);
    finish(&talk, -1);
}

static void U15_goes_although_we_close(const char *poller)
{
    struct talk talk;
    char bytes[8];

    begin();
    int fd = enabled(&talk, poller);
    transport_write_text(talk_transport(&talk), "a");
    transport_lose_connection(talk_transport(&talk));
    CHECK(send_number(&talk, 5) == 0);
    loop_turns(talk.reactor, 1);
    CHECK(take(fd, bytes, 7) == 5);
    peer_expect_end(&talk, fd);
    finish(&talk, fd);
}

static void U15_a_peer_that_is_gone(const char *poller)
{
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    CHECK(send_number(&talk, 1) == 0 && send_number(&talk, 2) == 0);
    transport_write_text(talk_transport(&talk), "ab");
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(talk.reason.type == &ConnectionLost && talk.reason.number == EPIPE);
    talk_free(&talk);
    fd = enabled(&talk, poller); /* it goes, and leaves one behind */
    talk.notes = true;
    give(fd, "a", 3, 1);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(unit_noted("fd data lost ") && got[0] == 3);
    CHECK(talk.reason.type == &ConnectionDone);
    talk_free(&talk);
    fd = enabled(&talk, poller); /* those that wait end with the loop, too */
    CHECK(send_number(&talk, 1) == 0);
    finish(&talk, fd);
}

static void U15_no_number_for_it(const char *poller)
{
    struct rlimit before, limit;
    struct talk talk;

    begin();
    int fd = enabled(&talk, poller);
    talk.notes = true;
    give(fd, "a", 1, 3);
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit = before;
    int lowest = numbered(0);
    close(lowest);
    limit.rlim_cur = (rlim_t)lowest + 1; /* each is closed; that is the trick */
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(unit_noted("fd lost ") && talk.received == 0);
    CHECK(talk.reason.number == EMFILE);
    finish(&talk, fd);
}

static void U15_no_memory_for_it(const char *poller)
{
    struct talk talk;

    begin();
    unix_new(&talk, poller);
    CHECK(reactor_listen_unix(talk.reactor, path, &talk.base, NULL));
    int fd = unix_knock();
    TALK_UNTIL(&talk, talk.made == 1);
    unit_fail_allocation(0);
    CHECK(unix_descriptors_enable(talk_transport(&talk), received) == -1);
    CHECK(errno == ENOMEM && unit_allocation_failed());
    unit_fail_allocation(-1);
    CHECK(send_number(&talk, 1) == -1 && errno == EINVAL);
    give(fd, "a", 1, 1);
    TALK_UNTIL(&talk, talk.received == 1);
    CHECK(count == 0);
    enable(talk.last);
    give(fd, "b", 1, 1);
    TALK_UNTIL(&talk, talk.received == 2);
    CHECK(count == 1);
    finish(&talk, fd);
}

static void try_when_lost(struct talker *self)
{
    CHECK(unix_descriptors_send(self->base.transport, 0) == -1);
    CHECK(errno == ENOTCONN);
    unit_note("tried ");
}

static struct protocol *unix_build_any(struct factory *base,
                                       const struct address *peer)
{
    (void)peer;
    return protocol_new(base->protocol);
}

static void U15_who_can_and_who_cannot(const char *poller)
{
    struct talk talk;
    struct string_transport string;

    begin();
    talk_listen(&talk, poller, &Talker);
    int fd = talk_peer(&talk);
    CHECK(unix_descriptors_enable(talk_transport(&talk), received) == -1);
    CHECK(errno == EINVAL);
    CHECK(unix_descriptors_send(talk_transport(&talk), fd) == -1);
    CHECK(errno == EINVAL);
    close(fd);
    TALK_UNTIL(&talk, talk.lost == 1);
    talk.base.build_protocol = unix_build_any;
    CHECK(string_transport_open(&string, &talk.base) == 0);
    CHECK(unix_descriptors_enable(&string.base, received) == -1);
    CHECK(errno == EINVAL);
    CHECK(unix_descriptors_send(&string.base, 0) == -1 && errno == EINVAL);
    string_transport_close(&string);
    talk_free(&talk);
    fd = enabled(&talk, poller);
    talk.on_lost = try_when_lost;
    CHECK(unix_descriptors_send(talk_transport(&talk), 9999) == -1);
    CHECK(errno == EBADF);
    transport_abort_connection(talk_transport(&talk));
    CHECK(send_number(&talk, 1) == -1 && errno == ENOTCONN);
    TALK_UNTIL(&talk, talk.lost == 1);
    CHECK(unit_noted("tried "));
    finish(&talk, fd);
}

/* Both sides are ours. */
static void U15_from_one_to_the_other(const char *poller)
{
    struct talk server, client;

    begin();
    unix_new(&server, poller);
    server.on_made = enable;
    CHECK(reactor_listen_unix(server.reactor, path, &server.base, NULL));
    unix_join(&client, server.reactor);
    client.on_made = enable;
    CHECK(reactor_connect_unix(client.reactor, path, &client.base, NULL));
    TALK_UNTIL(&client, client.made == 1 && server.made == 1);
    for (int i = 0; i < 1000; i++) {
        struct talk *from = i % 2 ? &client : &server;
        CHECK(send_number(from, i) == 0);
        transport_write_text(talk_transport(from), "x");
        TALK_UNTIL(&client, count == i + 1);
        CHECK(got[i] == i);
    }
    TALK_UNTIL(&client, client.received + server.received == 1000);
    transport_lose_connection(talk_transport(&client));
    TALK_UNTIL(&client, client.lost == 1 && server.lost == 1);
    CHECK(client.reason.type == &ConnectionDone);
    talk_free(&server);
    unlink("unix-test.file");
}

static atomic_int heard; /* bytes */

static void hear(struct talker *self)
{
    heard = (int)self->talk->received;
}

/* Again and again a byte without, and at once one with a descriptor, while
 * nothing else is on its way. */
static void *give_always(void *argument)
{
    int fd = *(int *)argument, file = numbered(1);

    for (int i = 0; i < 1000; i++) {
        while (heard < 2 * i)
            sched_yield();
        peer_send(fd, "a");
        CHECK(push(fd, "b", &file, 1) == 1);
    }
    close(file);
    return NULL;
}

static void U15_a_peer_that_goes_on_sending(const char *poller)
{
    struct talk talk;
    pthread_t thread;

    begin();
    heard = 0;
    int fd = enabled(&talk, poller);
    talk.on_data = hear;
    CHECK(pthread_create(&thread, NULL, give_always, &fd) == 0);
    TALK_UNTIL(&talk, talk.received == 2000);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(count == 1000);
    finish(&talk, fd);
}

static const struct unit_case cases[] = {
    { "U15_before_the_byte_it_came_with", U15_before_the_byte_it_came_with },
    { "U15_many_in_one_message", U15_many_in_one_message },
    { "U15_with_the_first_byte_not_sent", U15_with_the_first_byte_not_sent },
    { "U15_sixty_four_and_no_more", U15_sixty_four_and_no_more },
    { "U15_one_and_no_byte_ends_it", U15_one_and_no_byte_ends_it },
    { "U15_more_than_bytes_end_it", U15_more_than_bytes_end_it },
    { "U15_a_peer_that_does_not_read", U15_a_peer_that_does_not_read },
    { "U15_a_kernel_that_refuses", U15_a_kernel_that_refuses },
    { "U15_unwanted_ones_are_closed", U15_unwanted_ones_are_closed },
    { "U15_unwanted_from_now_on", U15_unwanted_from_now_on },
    { "U15_aborted_when_one_comes", U15_aborted_when_one_comes },
    { "U15_closed_when_one_comes", U15_closed_when_one_comes },
    { "U15_paused_when_one_comes", U15_paused_when_one_comes },
    { "U15_too_late_for_anybody", U15_too_late_for_anybody },
    { "U15_goes_although_we_close", U15_goes_although_we_close },
    { "U15_a_peer_that_is_gone", U15_a_peer_that_is_gone },
    { "U15_no_number_for_it", U15_no_number_for_it },
    { "U15_no_memory_for_it", U15_no_memory_for_it },
    { "U15_who_can_and_who_cannot", U15_who_can_and_who_cannot },
    { "U15_from_one_to_the_other", U15_from_one_to_the_other },
    { "U15_a_peer_that_goes_on_sending", U15_a_peer_that_goes_on_sending },
    { 0 },
};

int main(int argc, char **argv)
{
    return unit_main(cases, argc, argv);
}
