#!/usr/bin/env bats
# Stage 04: descriptors over UNIX stream sockets.
#
# U15 is the row of what Twisted does; each of its cases is one of the unit
# program.

load helpers
load unit

@test "U15: a descriptor goes with one byte of the stream" {
    unit_cases unix_fd_test
}

# --- what it must see ---------------------------------------------------------

# fd_broken SCRIPT CASE: the case fails on unix_descriptors.c broken so.
fd_broken() {
    unit_broken unix_descriptors.c "$1" unix_fd_test "U15_$2"
}

@test "U15: one after its byte, with another byte, or left open is seen" {
    fd_broken '/^    give\(connection, message\);/d
        /^    return REASON_NONE;/s/^/    give(connection, message);\n/' \
        before_the_byte_it_came_with
    fd_broken 's/CMSG_SPACE\(253/CMSG_SPACE(100/' many_in_one_message
    fd_broken 's/queue\[0\]/queue[self->count - 1]/' \
        with_the_first_byte_not_sent
    fd_broken '/reactor_add_writer/d' one_and_no_byte_ends_it
    fd_broken 's/MSG_CMSG_CLOEXEC/0/' before_the_byte_it_came_with
    fd_broken 's/fcntl\(fd, F_DUPFD_CLOEXEC, 0\)/fd/' \
        with_the_first_byte_not_sent
    fd_broken "$(unit_in do_write)"'s/close\(fd\);//' \
        with_the_first_byte_not_sent
    fd_broken "$(unit_in dispose)"'s/self->count > 0/false/' a_peer_that_is_gone
    fd_broken "$(unit_in give)"'s/close\(fd\)/(void)fd/' unwanted_from_now_on
}

@test "U15: an overrun, a limit, a refusal not heeded are seen" {
    fd_broken "$(unit_in do_write)"'s/self->count > buffer_length/0 > buffer_length/
        '"$(unit_in do_write)"'s/while \(self->count > 0\)/while (self->count > 0 \&\& buffer_length(\&connection->output))/' \
        more_than_bytes_end_it
    fd_broken 's/self->count == UNIX_DESCRIPTORS_MAX/self->count == 70/' \
        sixty_four_and_no_more
    fd_broken 's/self->count == UNIX_DESCRIPTORS_MAX/self->count == 63/' \
        sixty_four_and_no_more
    fd_broken 's/ \|\| errno == ENOBUFS/ || 0/' a_kernel_that_refuses
    fd_broken "$(unit_in do_write)"'s/errno == EAGAIN/0/' a_peer_that_does_not_read
    fd_broken 's/message->msg_flags & MSG_CTRUNC/0/' no_number_for_it
}

@test "U15: an ended connection that gets more is seen" {
    fd_broken "$(unit_in give)"'s/connection->connected/true/' \
        aborted_when_one_comes
    fd_broken "$(unit_in deliver)"'s/!connection->connected/0/' \
        aborted_when_one_comes
    fd_broken 's/self->received \|\| connection->lingering/self->received/' \
        too_late_for_anybody
    fd_broken 's/!connection->connected \|\| connection->write_lost/0/' \
        who_can_and_who_cannot
    fd_broken 's/peer.bytes.ss_family != AF_UNIX/0/' who_can_and_who_cannot
    fd_broken '/^    if \(length == 0\)/,+1d' a_peer_that_is_gone
}

@test "U15: descriptors looked for first, and bytes read then, are seen" {
    fd_broken '2s/^/#include <time.h>\n/
        s/ssize_t length = recvmsg\(.*/ssize_t length = recvmsg(base->fd, \&message, MSG_CMSG_CLOEXEC | MSG_PEEK);\
            nanosleep(\&(struct timespec){ 0, 100000 }, NULL);\
            if (length > 0) length = recv(base->fd, data, sizeof(data), 0);/' \
        a_peer_that_goes_on_sending
}
